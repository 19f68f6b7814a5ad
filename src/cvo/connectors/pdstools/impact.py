"""Impact analyzer rows: the comparisons with chance that cvo really runs, as counts by arm.

Of the five standing experiments of its impact analyzer (random order, propensity only, no levers, eligibility only,
random propensity) cvo runs none, and none is made up. What stands here: deliveries against those withheld by coin, and
the programme against its control group. Every unit counts as an `Impression`, though who was left alone saw nothing,
because rates there are per impression; one that ordered counts as an `Accepted`.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import polars as pl

from cvo.connectors.pdstools.labels import Labels, pega_time
from cvo.core.clock import DAY, Instant
from cvo.ledger.contrast import Contrast

IMPACT = pl.Schema(
    {
        "pyOutcomeTime": pl.String(),
        "pyChannel": pl.String(),
        "pyDirection": pl.String(),
        "pyIssue": pl.String(),
        "pyGroup": pl.String(),
        "pyName": pl.String(),
        "pxMktValue": pl.String(),
        "pyOutcome": pl.String(),
        "pxAggregateCount": pl.Int64(),
        "pyValue": pl.Float64(),
    }
)
"""One row a day, comparison, arm and outcome; `pyValue` is margin in major units."""

DELIVERED = "NBAHealth_NBA"
WITHHELD = "NBAHealth_Withheld"
CONTROL = "NBAHealth_ControlGroup"


_ALIKE = 1e-6


class _Cell(NamedTuple):
    """What the rows of one comparison, arm and day share."""

    at: Instant
    channel: str
    direction: str | None
    issue: str
    group: str
    name: str
    arm: str


def contrast_rows(
    contrast: Contrast, channel: str, labels: Labels, unit: float
) -> Iterator[tuple[object, ...]]:
    """Yield rows of `IMPACT` for one action delivered and withheld; `unit` is a minor unit of the currency.

    A unit is a customer and window, dated at its first choice of the action; it counts as accepted where the customer
    ordered anything before the window closed, and its value is all margin in it. Nothing comes of a comparison by draw,
    whose rows would have to be weighted, nor of one that is refused, nor where `weighed`.
    """
    if contrast.by != "coin" or contrast.refusal is not None or weighed(contrast):
        return
    days = (
        contrast.rows.with_columns((pl.col("at") // DAY * DAY).alias("day"), pl.col("got") > 0)
        .group_by("day", "got")
        .agg(
            pl.len().alias("units"),
            (pl.col("revenue_minor") > 0).sum().alias("buyers"),
            pl.col("margin_minor").sum(),
        )
        .sort("day", "got")
    )
    for day, got, units, buyers, margin in days.iter_rows():
        cell = _Cell(
            Instant(day),
            channel,
            labels.direction(channel),
            contrast.stage,
            contrast.team,
            contrast.action,
            DELIVERED if got else WITHHELD,
        )
        yield from _rows(cell, units, buyers, margin * unit)


def weighed(contrast: Contrast) -> bool:
    """Tell whether coins were not all of one chance: then plain counts compare other customers in each arm."""
    odds = contrast.rows.filter(pl.col("odds") > 0)["odds"].to_numpy()
    return bool(len(odds)) and bool(np.ptp(odds) > _ALIKE * odds.max())


def programme_rows(customers: pl.DataFrame, began: Instant, unit: float) -> Iterator[tuple[object, ...]]:
    """Yield rows of `IMPACT` for the programme: its customers against the control group, as of the day it began.

    `customers` has `arm`, `orders` and `margin_minor`, a row a customer. One who ordered counts as accepted.
    """
    arms = (
        customers.group_by("arm")
        .agg(pl.len(), (pl.col("orders") > 0).sum().alias("buyers"), pl.col("margin_minor").sum())
        .sort("arm", descending=True)
    )
    for arm, units, buyers, margin in arms.iter_rows():
        named = CONTROL if arm == "control" else DELIVERED
        cell = _Cell(began, "all channels", None, "programme", "programme", "programme", named)
        yield from _rows(cell, units, buyers, margin * unit)


def _rows(cell: _Cell, units: int, buyers: int, value: float) -> Iterator[tuple[object, ...]]:
    for outcome, count, amount in (("Impression", units, 0.0), ("Accepted", buyers, value)):
        yield pega_time(cell.at), *cell[1:], outcome, count, amount
