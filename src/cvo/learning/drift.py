"""Drift: when the world no longer is what a model learned, which feature or action it is, and since when."""

from typing import Any

import msgspec
import numpy as np

from cvo.core.errors import InvalidInput
from cvo.core.evidence import NotEstimable
from cvo.learning.arrays import Stored, as_indices, finite, same_length

_FEWEST = 100


class Shift(msgspec.Struct, frozen=True):
    """Population stability index of a feature, and the level it exceeds by chance as rarely as was asked for."""

    index: float
    by_chance: float

    @property
    def drifted(self) -> bool:
        """Tell whether the shift is large (0.1 by convention: Siddiqi 2006) and beyond chance."""
        return self.index > max(0.1, self.by_chance)


def stability(reference: Any, current: Any, *, chance: float = 0.01) -> Shift | NotEstimable:
    """Compare a feature's histogram now, `current`, with the one the model learned from, both counts per bin.

    PSI = Σ (q − p) ln(q/p), with half a count added to each bin. Without drift (1/N + 1/M)⁻¹·PSI is χ² with
    bins − 1 degrees of freedom (Yurdakul and Naranjo 2020, J. Risk Model Validation 14:4), so a small sample
    raises no alarm but with probability `chance`. Fewer than 100 in either histogram give `NotEstimable`.

    >>> stability([500, 500], [300, 700]).drifted
    True
    """
    before, now = finite(reference, "reference"), finite(current, "current")
    bins = same_length(reference=before, current=now)
    if min(before.min(initial=0), now.min(initial=0)) < 0 or bins < 2:
        raise InvalidInput("reference and current are counts of at least two bins")
    sizes = before.sum(), now.sum()
    if min(sizes) < _FEWEST:
        return NotEstimable(
            "too_few", f"{min(sizes):.0f} values; a shift is judged from {_FEWEST} in each sample"
        )
    p, q = (before + 0.5) / (sizes[0] + bins / 2), (now + 0.5) / (sizes[1] + bins / 2)
    from scipy.special import chdtri

    by_chance = (1 / sizes[0] + 1 / sizes[1]) * float(chdtri(bins - 1, chance))
    return Shift(float(((q - p) * np.log(q / p)).sum()), by_chance)


class MassShift(msgspec.Struct, frozen=True):
    """The share of all probability that an action gets, before and now.

    `distance` is in standard errors, `by_chance` the one that is exceeded by chance as rarely as was asked for.
    """

    before: float
    now: float
    distance: float
    by_chance: float

    @property
    def drifted(self) -> bool:
        """Tell whether the odds of the action are a third or three times what they were, beyond chance."""
        before, now = _odds(self.before), _odds(self.now)
        return abs(self.distance) > self.by_chance and not before / 3 <= now <= before * 3


def mass_shift(reference: Any, current: Any, *, chance: float = 0.01) -> MassShift | NotEstimable:
    """Compare the propensities that an action gets now with those of a reference period.

    `reference` (n,) and `current` (m,) are its mean propensity for each customer, all independent within each.
    The distance is Welch's (1947, Biometrika 34). Fewer than 100 customers in either give `NotEstimable`.

    >>> mass_shift([0.5, 0.3] * 100, [0.05, 0.03] * 100).drifted
    True
    """
    before, now = finite(reference, "reference"), finite(current, "current")
    sizes = len(before), len(now)
    if min(sizes) < _FEWEST:
        return NotEstimable(
            "too_few", f"{min(sizes)} customers; a share is judged from {_FEWEST} in each sample"
        )
    if min(before.min(), now.min()) < 0 or max(before.max(), now.max()) > 1:
        raise InvalidInput("reference and current are probabilities, between 0 and 1")
    from scipy.special import ndtri

    gap = float(now.mean() - before.mean())
    error = float(np.sqrt(before.var(ddof=1) / sizes[0] + now.var(ddof=1) / sizes[1]))
    distance = gap / error if error > 0 else float(np.copysign(np.inf, gap)) if gap else 0.0
    return MassShift(float(before.mean()), float(now.mean()), distance, -float(ndtri(chance / 2)))


def _odds(share: float) -> float:
    return share / (1 - share) if share < 1 else float("inf")


class CalibrationWatch(msgspec.Struct, frozen=True):
    """Page's cumulative sums per action for responses above (row 0) and below (row 1) what was predicted.

    `level` (2, k) is the evidence in natural logarithms, `since` (2, k) the time at which it began to grow.
    """

    odds_ratio: float
    level: Stored
    since: Stored


class Alarm(msgspec.Struct, frozen=True):
    """One action responds more or less than predicted: the evidence, and when the change began."""

    action: int
    responds: str
    evidence: float
    since: float


def new_watch(actions: int, *, odds_ratio: float = 1.5) -> CalibrationWatch:
    """Make a watch tuned to odds that are wrong by `odds_ratio`; smaller errors take longer to be noticed."""
    if not odds_ratio > 1:
        raise InvalidInput(f"odds_ratio is {odds_ratio}; name the smallest error that matters, above 1")
    nothing = Stored.of(np.zeros((2, actions)))
    return CalibrationWatch(odds_ratio, nothing, nothing)


def watched(
    watch: CalibrationWatch, actions: Any, predicted: Any, outcomes: Any, at: Any
) -> CalibrationWatch:
    """Return the watch after n resolved predictions in order of time.

    `predicted` (n,) response probabilities strictly between 0 and 1, `outcomes` (n,) 0 or 1, `at` (n,) times.
    The score of one outcome is the log likelihood ratio of odds multiplied or divided by `odds_ratio`.
    """
    which = as_indices(actions, watch.level.shape[1], "actions")
    p, y, when = finite(predicted, "predicted"), finite(outcomes, "outcomes"), finite(at, "at")
    same_length(actions=which, predicted=p, outcomes=y, at=when)
    if len(p) and not 0 < p.min() <= p.max() < 1:
        raise InvalidInput(
            f"predicted runs from {p.min()} to {p.max()}; probabilities lie strictly between 0 and 1"
        )
    ratios = np.array([watch.odds_ratio, 1 / watch.odds_ratio])
    gains = y[:, None] * np.log(ratios) - np.log1p(p[:, None] * (ratios - 1))
    level, since = watch.level.read().copy(), watch.since.read().copy()
    for action, gain, time in zip(which, gains, when, strict=True):
        starts = level[:, action] <= 0
        since[starts, action] = time
        level[:, action] = np.maximum(level[:, action] + gain, 0.0)
    return msgspec.structs.replace(watch, level=Stored.of(level), since=Stored.of(since))


def alarms(watch: CalibrationWatch, *, one_in: float = 100_000) -> list[Alarm]:
    """Return the actions whose responses no longer fit, at most one false alarm in `one_in` outcomes of each.

    The mean time to a false alarm at evidence log(h) is at least h (Lorden 1971, theorem 2).
    """
    level, since = watch.level.read(), watch.since.read()
    found = np.argwhere(level >= np.log(one_in))
    return [
        Alarm(int(a), ("more", "less")[way], float(level[way, a]), float(since[way, a]))
        for way, a in found.tolist()
    ]
