"""The causal join: what a customer brought from a decision to the end of its window, whoever got what.

One identical query for delivered, withheld and control. It cannot see decision ids: they are dropped before
it runs, so blanking them all in the outcomes changes no figure that is called caused.
"""

import polars as pl

from cvo.core.clock import DAY, Instant
from cvo.ledger.margin import sums_within


def triggers(decisions: pl.DataFrame, window_days: int, as_of: Instant) -> pl.DataFrame:
    """Return every customer's first live decision in every window of `window_days` that closed by `as_of`.

    Windows are fixed stretches of the calendar, so which decision is scored depends on nothing that the
    decision did. Outcome windows of two triggers of one customer may overlap: hence intervals by customer.
    """
    window = (pl.col("at") // (window_days * DAY)).alias("window")
    return (
        decisions.drop("decision_id")
        .with_columns(window)
        # Slots of one decision share its time and come by rank: the first one is the trigger.
        .sort("person_id", "at", maintain_order=True)
        .unique(["person_id", "window"], keep="first", maintain_order=True)
        .drop("window")
        .filter(pl.col("at") + window_days * DAY <= as_of)
    )


def outcomes(scored: pl.DataFrame, margin: pl.DataFrame, window_days: int) -> pl.DataFrame:
    """Return the triggers with the customer's revenue, refunds and margin of their windows."""
    return sums_within(scored, margin, window_days)
