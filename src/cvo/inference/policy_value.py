"""From the scores of a policy to an estimate of its value, or of a difference, with a clustered interval."""

from collections.abc import Sequence

import msgspec
import numpy as np

from cvo.core.errors import InvalidInput
from cvo.core.evidence import Estimate, Grade, NotEstimable, weakest
from cvo.inference.clustered import FloatArray, moments_by_code, normal_estimate
from cvo.inference.guardrails import DEFAULT_GUARD_RAILS, GuardRails, WeightDiagnostics, unlogged_refusal
from cvo.inference.logged import LoggedData, diagnose


class PolicyScores(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A policy's estimated value and what each row contributes to its error.

    `influence` (n,) has mean 0; the value's error is about its mean over independent units. `weights` is None
    for an estimator that uses none, which therefore rests on its model alone.
    """

    logged: LoggedData
    value: float
    influence: FloatArray
    weights: WeightDiagnostics | None
    unlogged_rate: float

    @property
    def by_row(self) -> FloatArray:
        """The (n,) scores whose mean is the value, as a confidence sequence takes them; SNIPS linearised."""
        return self.value + self.influence

    def refusal(self, rails: GuardRails = DEFAULT_GUARD_RAILS) -> NotEstimable | None:
        """Return why the log cannot support this policy, or None when it can."""
        if self.weights is None:
            return unlogged_refusal(self.unlogged_rate, rails)
        return self.weights.refusal(rails)


def mean_scores(
    logged: LoggedData, scores: FloatArray, weights: FloatArray | None, unlogged: float
) -> PolicyScores:
    """Return the scores of an estimator that is a mean of (n,) scores a row."""
    value = float(scores.mean()) if len(scores) else float("nan")
    return PolicyScores(
        logged=logged,
        value=value,
        influence=scores - value,
        weights=None if weights is None else diagnose(logged, weights, unlogged),
        unlogged_rate=unlogged,
    )


def policy_value(
    scores: PolicyScores,
    *,
    unit: str,
    grade: Grade = Grade.MEASURED,
    level: float = 0.95,
    rails: GuardRails = DEFAULT_GUARD_RAILS,
) -> Estimate | NotEstimable:
    """Estimate a policy's mean reward per row with a cluster-robust interval, or say why the log cannot.

    `sample_size` counts independent units. `grade` says how the log was drawn; an estimate that uses no
    weights is at best *observational*.

    >>> from cvo.inference import logged_data, snips
    >>> log = logged_data([0, 1] * 2000, [1.0, 3.0] * 2000, [0.5] * 4000, action_count=2)
    >>> policy_value(snips(log, [0.25, 0.75]), unit="EUR per decision").value
    2.5
    """
    refused = scores.refusal(rails)
    if refused is not None:
        return refused
    return _estimate(scores.value, scores.influence, (scores,), unit=unit, grade=grade, level=level)


def policy_difference(
    scores: PolicyScores,
    baseline: PolicyScores,
    *,
    unit: str,
    grade: Grade = Grade.MEASURED,
    level: float = 0.95,
    rails: GuardRails = DEFAULT_GUARD_RAILS,
) -> Estimate | NotEstimable:
    """Estimate how much more one policy earns a row than another, both scored on the same log.

    Row by row the noise that the two share cancels, so the interval is narrower than that of either value.
    With doubly robust scores this is the mean of `Σ_a(π−π′)(a)·q̂(a) + (π−π′)(A)/π₀(A)·(r−q̂(A))`.
    Raises `InvalidInput` when the scores come from two logs.
    """
    if scores.logged is not baseline.logged:
        raise InvalidInput("the two policies are scored on different logs; score both on the same LoggedData")
    for refused in (scores.refusal(rails), baseline.refusal(rails)):
        if refused is not None:
            return refused
    value, influence = scores.value - baseline.value, scores.influence - baseline.influence
    return _estimate(value, influence, (scores, baseline), unit=unit, grade=grade, level=level)


def _estimate(
    value: float,
    influence: FloatArray,
    parts: Sequence[PolicyScores],
    *,
    unit: str,
    grade: Grade,
    level: float,
) -> Estimate | NotEstimable:
    logged = parts[0].logged
    if logged.units < 2:
        return NotEstimable(
            "too few clusters", f"{logged.units} independent units; a standard error needs at least 2"
        )
    ones = np.ones(len(logged))
    codes = np.arange(len(logged)) if logged.codes is None else logged.codes
    # Influence sums to 0, so as a ratio to the rows its standard error is that of the value.
    error = moments_by_code(influence, ones, codes, logged.units).standard_error
    sizes = [part.weights.effective_sample_size for part in parts if part.weights]
    modelled = any(part.weights is None for part in parts)
    return normal_estimate(
        value,
        error,
        level=level,
        unit=unit,
        grade=weakest(grade, Grade.OBSERVATIONAL) if modelled else grade,
        sample_size=logged.units,
        effective_sample_size=None if modelled else min(sizes),
    )
