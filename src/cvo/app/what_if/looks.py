"""The difference over time, for those who look every week."""

import msgspec
import numpy as np

from cvo.app.what_if.log import FloatArray, Log
from cvo.core.clock import DAY, Instant
from cvo.core.evidence import Interval, NotEstimable
from cvo.inference import cluster_moments, planned_sequence

PLAN_SHARE = 0.1
"""The first tenth of the log plans the confidence sequence, which then runs over the rest."""
FIRST_LOOK = 100
"""The sequence begins when so many scores differ from 0, which is where the policies agree."""


class Look(msgspec.Struct, frozen=True):
    """The difference as it stood at a time, with an interval valid at every look."""

    at: Instant
    difference: float
    interval: Interval


def looks(log: Log, changed: FloatArray) -> list[Look] | NotEstimable:
    """Return the difference at the end of every week, as someone would have seen it who looked that often."""
    planning = int(len(changed) * PLAN_SHARE)
    plan, rest = changed[:planning], changed[planning:]
    told = np.flatnonzero(np.cumsum(rest != 0) == FIRST_LOOK)
    if planning < 2 or not plan.var() or not len(told):
        return NotEstimable(
            "too few decisions", f"the policies differ in too few of {len(changed)} decisions"
        )
    sequence = planned_sequence(
        planned_count=len(rest), planned_variance=float(plan.var()), first_look=int(told[0]) + 1
    )
    at = np.array(log.at[planning:])
    ends = np.flatnonzero(np.diff(at // (7 * DAY), append=at[-1] // (7 * DAY) + 1))
    found: list[Look] = []
    for end in ends.tolist():
        moments = cluster_moments(rest[: end + 1])
        interval = sequence.interval(moments)
        if isinstance(interval, Interval):
            found.append(Look(Instant(int(at[end])), moments.mean_y, interval))
    return found
