"""The difference over time, for those who look every week."""

from collections.abc import Mapping

import msgspec
import numpy as np
from numpy.typing import NDArray

from cvo.app.off_policy import PER
from cvo.app.what_if.log import FloatArray, Log
from cvo.core.clock import DAY, Instant
from cvo.core.evidence import Interval, NotEstimable
from cvo.inference import cluster_moments, planned_sequence, ridge_per_action

PLAN_SHARE = 0.1
"""The first tenth of the log plans the confidence sequence, which then runs over the rest."""
FIRST_LOOK = 100
"""The sequence begins when so many scores differ from 0, which is where the policies agree."""
LEAST_TAUGHT = 100
"""Fewest windows that predictions are made from; before, nothing is predicted."""

WEEK = 7 * DAY


class Look(msgspec.Struct, frozen=True):
    """The difference as it stood at a time, with an interval valid at every look."""

    at: Instant
    difference: float
    interval: Interval


def looks(
    log: Log,
    targets: Mapping[str, FloatArray],
    costs: Mapping[str, FloatArray],
    alike: NDArray[np.bool_],
) -> list[Look] | NotEstimable:
    """Return the difference at the end of every week, as someone would have seen it who looked that often.

    A decision counts once its window has closed. Predictions are made from windows that had closed before it, and of
    decisions for one customer those count whose windows do not overlap: so every score has the mean that it should
    have given all scores before it, which is what the sequence asks for. `alike` (n,) marks where both policies
    answer the same.
    """
    kept = _apart(log)
    scores = np.where(alike, 0.0, PER * _scores(log, targets, costs))[kept]
    planning = int(len(scores) * PLAN_SHARE)
    plan, rest = scores[:planning], scores[planning:]
    told = np.flatnonzero(np.cumsum(rest != 0) == FIRST_LOOK)
    if planning < 2 or not plan.var() or not len(told):
        return NotEstimable("too few decisions", f"the policies differ in too few of {len(scores)} decisions")
    sequence = planned_sequence(
        planned_count=len(rest), planned_variance=float(plan.var()), first_look=int(told[0]) + 1
    )
    closed = (np.array(log.at) + log.window_days * DAY)[kept][planning:]
    ends = np.flatnonzero(np.diff(closed // WEEK, append=closed[-1] // WEEK + 1))
    found: list[Look] = []
    for end in ends.tolist():
        moments = cluster_moments(rest[: end + 1])
        interval = sequence.interval(moments)
        if isinstance(interval, Interval):
            found.append(Look(Instant(int(closed[end])), moments.mean_y, interval))
    return found


def _apart(log: Log) -> NDArray[np.intp]:
    """Return the rows, in the order of time, that begin after the customer's last kept window has closed."""
    free: dict[str, int] = {}
    kept: list[int] = []
    for row, (customer, at) in enumerate(zip(log.customers, log.at, strict=True)):
        if free.get(customer, at) <= at:
            kept.append(row)
            free[customer] = at + log.window_days * DAY
    return np.array(kept, dtype=np.intp)


def _scores(log: Log, targets: Mapping[str, FloatArray], costs: Mapping[str, FloatArray]) -> FloatArray:
    """Return doubly robust scores (n,) of the difference, `Σ_a Δ_a·q̂_a + Δ_A/P_A·(r − q̂_A)` less what contacts cost."""
    rows = np.arange(len(log.got))
    expected = _foreseen(log)
    change = targets["candidate"] - targets["current"]
    spent = (targets["candidate"] * costs["candidate"] - targets["current"] * costs["current"]).sum(axis=1)
    surprise = (log.margin - expected[rows, log.got]) / log.probabilities[rows, log.got]
    return np.asarray((change * expected).sum(axis=1) + change[rows, log.got] * surprise - spent)


def _foreseen(log: Log) -> FloatArray:
    """Return what was to be expected of each option (n, k), every week from the windows closed when it began."""
    at, features = np.array(log.at), log.design[:, 1:]
    weeks, expected = at // WEEK, np.zeros((len(at), len(log.options)))
    for week in np.unique(weeks):
        taught = at + log.window_days * DAY <= week * WEEK
        if taught.sum() >= LEAST_TAUGHT:
            predict = ridge_per_action(len(log.options))(
                features[taught], log.got[taught], log.margin[taught]
            )
            expected[weeks == week] = predict(features[weeks == week])
    return expected
