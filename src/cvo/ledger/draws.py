"""Draws of known probability, each with all that the customer brought afterwards: what teaches τ.

Every slot that was decided is a row, with the probability of each option and all the margin of its window. Windows of
one customer overlap, and what was not drawn at one visit comes at the next: what later draws brought is told from what
this one did when τ is learned (`valuation.fit_uplift`). So draws whose window is still open are rows as well, not
`closed`: windows of earlier ones hold them. Nothing here sees a decision id.
"""

from collections.abc import Mapping

import polars as pl

from cvo.core.clock import DAY, Instant
from cvo.ledger.contrast import leading, probability_of
from cvo.ledger.margin import sums_within

_CERTAIN = 1.0 - 1e-9


def draws(
    decisions: pl.DataFrame, margin: pl.DataFrame, window_days: Mapping[str, int], as_of: Instant
) -> pl.DataFrame:
    """Return one row a slot decided by `as_of` where something had a chance, by time, customer and slot.

    All have the money of the longest window, so far; `closed` says where it is over by `as_of`. Customers of whom no
    window is over are left out: their draws teach nothing yet.
    """
    days = max(window_days.values(), default=1)
    made = (
        decisions.drop("decision_id")
        # What comes with the first of a bundle is no draw: it is part of what that one brings.
        .filter((leading() == pl.col("chosen")) & (pl.col("at") <= as_of) & (probability_of("") < _CERTAIN))
        .with_columns((pl.col("at") + days * DAY <= as_of).alias("closed"))
        .filter(pl.col("closed").any().over("person_id"))
    )
    # Slots of one decision share its time and come by rank.
    return sums_within(made, margin, days).sort("at", "person_id", maintain_order=True)
