"""An interval of a caused total that holds however often one looks, by customer.

The scores of the confidence sequence are what customers add to the total, in the order in which each was first
compared. A log that grows adds customers at its end, and later windows to earlier ones: the sequence is exact where
each is compared once, and approximate beyond.
"""

import numpy as np
import polars as pl

from cvo.core.evidence import Interval, NotEstimable
from cvo.inference import GuardRails, cluster_moments, planned_sequence
from cvo.ledger.influence import Total

PLANNED_COUNT = 10_000
"""Customers for which the sequence is narrowest."""
PLANNED_ON = 500
"""The first customers, whose spread plans the sequence: any plan is valid, a poor one only wider."""


def anytime_interval(
    total: Total | NotEstimable, rows: pl.DataFrame, rails: GuardRails
) -> Interval | NotEstimable:
    """Return the confidence sequence of a total at the customers so far; `rows` say when each was compared."""
    if isinstance(total, NotEstimable):
        return total
    met = rows.group_by("person_id").agg(pl.col("at").min()).sort("person_id")
    added = total.by_customer()
    first = np.lexsort((np.arange(met.height), met["at"].to_numpy()))[:PLANNED_ON]
    spread = float(added[first].var())
    if len(first) < PLANNED_ON or not spread:
        return NotEstimable("too early", f"{len(added):,} customers; the plan takes the first {PLANNED_ON}")
    sequence = planned_sequence(
        planned_count=PLANNED_COUNT, planned_variance=spread, first_look=max(PLANNED_ON, rails.min_buyers)
    )
    found = sequence.interval(cluster_moments(added))
    if isinstance(found, NotEstimable):
        return found
    count = len(added)
    return Interval(total.value + count * found.low, total.value + count * found.high, found.level)
