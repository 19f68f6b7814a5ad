"""Off-policy estimators: what another policy would have earned, from logged draws of known probability.

Every estimator turns logged data into `PolicyScores`; `policy_value` and `policy_difference` turn those into
an estimate, or into the reason why the log does not support one. w = π(A|X)/π₀(A|X) throughout; q̂ are (n, k)
predicted rewards that must not have been fitted on the rows they predict (see `crossfit`).
"""

import numpy as np
import numpy.typing as npt

from cvo.core.errors import InvalidInput
from cvo.inference.clustered import FloatArray
from cvo.inference.logged import LoggedData, diagnose, weights_for
from cvo.inference.policy_value import PolicyScores, mean_scores


def ips(logged: LoggedData, target: npt.ArrayLike) -> PolicyScores:
    """Inverse propensity scoring: the mean of w·r (Horvitz & Thompson 1952; Dudík et al. 1103.4601, §2.1).

    `target` is (n, k), or (k,) for a policy that ignores the context; another shape raises `InvalidInput`.
    """
    _, weights, unlogged = weights_for(logged, target)
    return mean_scores(logged, weights * logged.rewards, weights, unlogged)


def snips(logged: LoggedData, target: npt.ArrayLike) -> PolicyScores:
    """Self-normalised inverse propensity scoring, Σw·r/Σw (Swaminathan & Joachims 2015, NeurIPS).

    For a policy that always picks one option, logged with constant propensities, this is that option's mean.
    """
    _, weights, unlogged = weights_for(logged, target)
    total = weights.sum()
    value = float(weights @ logged.rewards / total) if total > 0 else float("nan")
    influence = weights * (logged.rewards - value) * (len(logged) / total if total > 0 else float("nan"))
    return PolicyScores(
        logged=logged,
        value=value,
        influence=influence,
        weights=diagnose(logged, weights, unlogged),
        unlogged_rate=unlogged,
    )


def direct_method(logged: LoggedData, target: npt.ArrayLike, predicted: npt.ArrayLike) -> PolicyScores:
    """The mean of Σ_a π(a|x)·q̂(x, a) (Dudík et al. 1103.4601, §2.1): no weights, all model.

    The interval shows the spread of contexts only, not the model's error; hence the grade *observational*.
    """
    pi, _, unlogged = weights_for(logged, target)
    return mean_scores(logged, _expected(pi, _predictions(logged, predicted)), None, unlogged)


def doubly_robust(logged: LoggedData, target: npt.ArrayLike, predicted: npt.ArrayLike) -> PolicyScores:
    """The mean of Σ_a π·q̂ + w·(r − q̂(A)) (Dudík et al. 1103.4601, eq. 1).

    Unbiased whatever q̂ is, since propensities are known; a good q̂ narrows the interval.
    """
    pi, weights, unlogged = weights_for(logged, target)
    return _doubly_robust(logged, pi, predicted, weights, unlogged)


def switch_doubly_robust(
    logged: LoggedData, target: npt.ArrayLike, predicted: npt.ArrayLike, *, threshold: float
) -> PolicyScores:
    """Doubly robust with the model alone where w > `threshold` (Wang, Agarwal, Dudík 1612.01205, §4).

    Weights above the threshold count as 0 in the guard rails too: their mean then says how much of the
    target the data carries.
    """
    if threshold < 0:
        raise InvalidInput(f"the threshold is {threshold}; weights are compared with it, so give 0 or more")
    pi, weights, unlogged = weights_for(logged, target)
    return _doubly_robust(logged, pi, predicted, np.where(weights <= threshold, weights, 0.0), unlogged)


def doubly_robust_shrunk(
    logged: LoggedData, target: npt.ArrayLike, predicted: npt.ArrayLike, *, shrinkage: float
) -> PolicyScores:
    """Doubly robust with optimistic shrinkage, w ↦ λw/(w² + λ) (Su et al. 1907.09623).

    λ = `shrinkage`: 0 is the direct method, infinity plain doubly robust.
    """
    if not shrinkage >= 0:
        raise InvalidInput(f"the shrinkage is {shrinkage}; give 0 (all model) to infinity (no shrinkage)")
    pi, weights, unlogged = weights_for(logged, target)
    if np.isfinite(shrinkage):
        weights = shrinkage * weights / (weights**2 + shrinkage) if shrinkage else np.zeros_like(weights)
    return _doubly_robust(logged, pi, predicted, weights, unlogged)


def logging_policy(logged: LoggedData) -> PolicyScores:
    """The policy that wrote the log: its plain mean reward, the base of differences to production."""
    return mean_scores(logged, logged.rewards, np.ones(len(logged)), 0.0)


def _doubly_robust(
    logged: LoggedData, pi: FloatArray, predicted: npt.ArrayLike, weights: FloatArray, unlogged: float
) -> PolicyScores:
    q = _predictions(logged, predicted)
    expected = _expected(pi, q)
    residuals = logged.rewards - q[np.arange(len(logged)), logged.actions]
    return mean_scores(logged, expected + weights * residuals, weights, unlogged)


def _expected(pi: FloatArray, q: FloatArray) -> FloatArray:
    # 0 · ∞ and 0 · NaN are NaN: one look at the n sums finds any bad prediction among the n·k.
    with np.errstate(invalid="ignore", over="ignore"):
        expected: FloatArray = np.vecdot(pi, q)
    if not np.isfinite(expected).all():
        raise InvalidInput("a predicted reward is not finite; the outcome regression failed to fit")
    return expected


def _predictions(logged: LoggedData, predicted: npt.ArrayLike) -> FloatArray:
    q = np.asarray(predicted, dtype=np.float64)
    if q.shape != (len(logged), logged.action_count):
        raise InvalidInput(
            f"predicted rewards have shape {q.shape}; ({len(logged)}, {logged.action_count}) is needed"
        )
    return q
