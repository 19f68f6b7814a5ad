"""A cap on what one customer may weigh in the headline: few large buyers, in whichever arm, are mostly noise.

The cap is the 99.9th percentile of the margin that buyers brought in a stretch of the same length before the programme,
so nothing the programme did can move it, and it is the same in both arms.
"""

import polars as pl

from cvo.core.clock import Instant
from cvo.core.evidence import NotEstimable

QUANTILE = 0.999
FEWEST_BUYERS = 1_000
"""With fewer buyers before the programme the percentile would be one customer's."""


def margin_cap(margin: pl.DataFrame, started_at: Instant, length: int) -> float | NotEstimable:
    """Return the cap in minor units for a stretch of `length` microseconds, or why there is none."""
    begin = started_at - length
    first = margin["at"].min()
    if not isinstance(first, int) or first > begin:
        return NotEstimable(
            "short pre-period", "the log begins later than a stretch of the same length before the programme"
        )
    brought = (
        margin.filter(pl.col("at").is_between(begin, started_at, closed="left"))
        .group_by("person_id")
        .agg(pl.col("margin_minor").sum())
        .filter(pl.col("margin_minor") > 0)["margin_minor"]
    )
    if len(brought) < FEWEST_BUYERS:
        return NotEstimable(
            "too few buyers", f"{len(brought):,} bought before the programme; a cap needs {FEWEST_BUYERS:,}"
        )
    found = brought.quantile(QUANTILE, "higher")
    return float(found) if found is not None else NotEstimable("too few buyers", "nobody bought before")


def capped(customers: pl.DataFrame, cap: float) -> pl.DataFrame:
    """Return the customers with `value_minor` as if no `margin_minor` were above the cap."""
    above = (pl.col("margin_minor") - cap).clip(lower_bound=0.0)
    return customers.with_columns((pl.col("value_minor") - above).alias("value_minor"))
