"""What can be seen of campaigns that nobody randomised: who got them, who redeemed, how spending moved beside others'.

Nothing here is caused. Households were picked because they buy, so whoever got a campaign differs from who did not
before a single coupon was sent; every estimate is *observational*, and what picking made of it stands beside.
"""

from datetime import date
from math import sqrt

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from cvo.core.clock import DAY
from cvo.core.evidence import Estimate, Grade, Interval, NotEstimable
from cvo.core.money import minor_unit
from cvo.inference import clustered_mean, difference
from cvo.inference.clustered import normal_quantile
from cvo.ledger.tables import Tables

_LEAST = 30
_LEAST_DAYS = 14
_EPOCH = date(1970, 1, 1)
FloatArray = NDArray[np.float64]


class Campaign(msgspec.Struct, frozen=True, kw_only=True):
    """One campaign: households that got it, the share that redeemed, weekly spending beside that of the others.

    `before` and `others_before` are means over as long a stretch before it. `moved` is by how much more (or less) than
    the others' the spending of those who got it changed from there to the campaign.
    """

    key: str
    type: str
    start: date
    end: date
    households: int
    redeemed: Estimate | NotEstimable
    before: Estimate | NotEstimable
    others_before: Estimate | NotEstimable
    moved: Estimate | NotEstimable


def campaigns(
    described: pl.DataFrame, tables: Tables, currency: str, first: date, last: date
) -> list[Campaign]:
    """Return every campaign as the log shows it; `first` and `last` are the days between which all orders are known."""
    spent = tables.orders.select(
        "person_id",
        (pl.col("at") // DAY).alias("day"),
        (pl.col("revenue_minor") * float(minor_unit(currency))).alias("revenue"),
    )
    households = spent["person_id"].unique().sort()
    found = []
    for row in described.iter_rows(named=True):
        mine = tables.responses.filter(pl.col("action") == row["campaign"])
        got = households.is_in(mine.filter(pl.col("kind") == "presented")["person_id"].unique().implode())
        answered = households.is_in(mine.filter(pl.col("kind") == "accepted")["person_id"].unique().implode())
        if not got.any():
            continue
        ends = min((row["end"] - _EPOCH).days + 1, (last - _EPOCH).days + 1)
        spans = _Spans((row["start"] - _EPOCH).days, ends, (first - _EPOCH).days)
        found.append(
            Campaign(
                key=row["campaign"],
                type=row["type"],
                start=row["start"],
                end=row["end"],
                households=int(got.sum()),
                redeemed=_share(answered.to_numpy()[got.to_numpy()]),
                **_spending(households, spent, got.to_numpy(), spans, currency),
            )
        )
    return found


class _Spans(msgspec.Struct, frozen=True):
    """Day numbers: a campaign from `start` up to `end`, and since when orders are known."""

    start: int
    end: int
    known: int

    @property
    def days(self) -> int:
        return self.end - self.start


def _share(answered: NDArray[np.bool_]) -> Estimate | NotEstimable:
    """Estimate a share with Wilson's interval (Wilson 1927), which stays between 0 and 1."""
    count = len(answered)
    if count < _LEAST:
        return _few(count)
    share, z = float(answered.mean()), normal_quantile(0.95)
    spread = 1 + z**2 / count
    middle = (share + z**2 / (2 * count)) / spread
    reach = z * sqrt(share * (1 - share) / count + z**2 / (4 * count**2)) / spread
    return Estimate(
        value=share,
        standard_error=sqrt(share * (1 - share) / count),
        interval=Interval(middle - reach, middle + reach),
        grade=Grade.OBSERVATIONAL,
        unit="of households",
        sample_size=count,
    )


def _few(count: int) -> NotEstimable:
    return NotEstimable("too few households", f"{count} households; {_LEAST} are needed")


def _spending(
    households: pl.Series, spent: pl.DataFrame, got: NDArray[np.bool_], spans: _Spans, currency: str
) -> dict[str, Estimate | NotEstimable]:
    names = ("before", "others_before", "moved")
    if spans.start - spans.days < spans.known:
        reason = NotEstimable("no time before", "orders are not known for as long a stretch before it")
        return dict.fromkeys(names, reason)
    if spans.days < _LEAST_DAYS:
        return dict.fromkeys(names, NotEstimable("too few days", f"{spans.days} of its days are in the data"))
    if min(got.sum(), (~got).sum()) < _LEAST:
        return dict.fromkeys(names, _few(int(min(got.sum(), (~got).sum()))))
    unit = f"{currency} a week"
    before = _weekly(households, spent, spans.start - spans.days, spans.start)
    during = _weekly(households, spent, spans.start, spans.end)
    means = [
        clustered_mean(values[chosen], unit=unit, grade=Grade.OBSERVATIONAL)
        for values in (before, during - before)
        for chosen in (got, ~got)
    ]
    return dict(zip(names, (means[0], means[1], difference(means[2], means[3])), strict=True))


def _weekly(households: pl.Series, spent: pl.DataFrame, start: int, end: int) -> FloatArray:
    """Return what each household spent a week between two days."""
    sums = (
        spent.filter(pl.col("day").is_between(start, end, closed="left"))
        .group_by("person_id")
        .agg(pl.col("revenue").sum())
    )
    joined = households.to_frame("person_id").join(sums, on="person_id", how="left", maintain_order="left")
    weekly: FloatArray = joined["revenue"].fill_null(0.0).to_numpy() * (7 / (end - start))
    return weekly


def picked_for_spending(found: list[Campaign]) -> float | NotEstimable:
    """Return how many times what others spent before those spent who got a campaign, over campaigns and households."""
    known = [
        (each.households, each.before.value, each.others_before.value)
        for each in found
        if isinstance(each.before, Estimate) and isinstance(each.others_before, Estimate)
    ]
    if not known:
        return NotEstimable("no time before", "no campaign has a stretch before it in which orders are known")
    weights, mine, others = (np.array(column, dtype=np.float64) for column in zip(*known, strict=True))
    return float(weights @ mine / (weights @ others))
