"""What the programme causes in each week after a customer was first decided for.

Both arms ask for decisions alike, and the first decision comes before anything was done; so a customer's weeks are
counted from it in the control group, too, and the arms' difference in each week is caused.
"""

from typing import Any

import msgspec
import polars as pl

from cvo.core.evidence import Estimate, Grade, NotEstimable
from cvo.core.money import minor_unit
from cvo.inference import DEFAULT_GUARD_RAILS, GuardRails, buyers_refusal, clustered_mean, difference
from cvo.ledger.programme import WEEK, arm_weights

_ARMS = ("treated", "control")


class WeekSince(msgspec.Struct, frozen=True):
    """The value caused a customer in week `week` (0 is the first) after the first decision."""

    week: int
    effect: Estimate | NotEstimable


def weeks_since_first(
    firsts: pl.DataFrame,
    brought: pl.DataFrame,
    until: int,
    currency: str,
    *,
    level: float = 0.95,
    rails: GuardRails = DEFAULT_GUARD_RAILS,
) -> list[WeekSince]:
    """Return the effect of every week that closed by `until` for somebody.

    `firsts` has `person_id`, `arm` and `at` of the first decision, a row a customer, and `control_rate` where that is
    not one for all (see `programme_effect`); `brought` has `person_id`, `at`,
    `orders` and `value_minor`, any rows a customer. A customer counts in the weeks that have closed for them.
    """
    dated = (
        brought.join(firsts.select("person_id", pl.col("at").alias("first_at")), on="person_id")
        .filter(pl.col("at") >= pl.col("first_at"))
        .with_columns(((pl.col("at") - pl.col("first_at")) // WEEK).alias("week"))
        .group_by("person_id", "week")
        .agg(pl.col("orders", "value_minor").sum())
    )
    first_at = firsts["at"].min()
    weeks = (until - first_at) // WEEK if isinstance(first_at, int) else 0
    found = []
    for week in range(max(weeks, 0)):
        closed = firsts.filter(pl.col("at") + (week + 1) * WEEK <= until)
        rows = closed.join(
            dated.filter(pl.col("week") == week), on="person_id", how="left", maintain_order="left"
        ).with_columns(pl.col("orders", "value_minor").fill_null(0))
        found.append(WeekSince(week, _effect(rows, currency, level, rails)))
    return found


def _effect(rows: pl.DataFrame, currency: str, level: float, rails: GuardRails) -> Estimate | NotEstimable:
    arms = {name: rows.filter(pl.col("arm") == name) for name in _ARMS}
    refused = buyers_refusal({name: int((arm["orders"] > 0).sum()) for name, arm in arms.items()}, rails)
    if refused is not None:
        return refused
    terms: dict[str, Any] = {"level": level, "unit": f"{currency} a customer", "grade": Grade.MEASURED}
    means = [
        clustered_mean(
            arms[name]["value_minor"].to_numpy() * minor_unit(currency),
            weights=arm_weights(arms[name]),
            **terms,
        )
        for name in _ARMS
    ]
    return difference(means[0], means[1])
