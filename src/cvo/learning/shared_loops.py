"""The loops of `shared`, compiled: one row after another, in a fixed order of additions."""

from math import exp, sqrt

import numpy as np

from cvo.core.compiled import compiled
from cvo.learning.arrays import FloatArray, IntArray

ByAction = tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]
"""Weights (d, k), level (k,), covariance with the shared weights (d, k), variance of products (d, k) and own (k,)."""

State = tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]
"""Mean, covariance, products, their variance, intercepts, their variance, weight: changed in place."""

_NODES, _MASSES = np.polynomial.hermite_e.hermegauss(7)
_MASSES = _MASSES / _MASSES.sum()


@compiled
def scored(
    features: FloatArray, rows: IntArray, actions: IntArray, shared: FloatArray, by_action: ByAction
) -> tuple[FloatArray, FloatArray]:
    """Return mean and variance (m,) of the cells (`rows[i]`, `actions[i]`)."""
    weights, level, crossed, spread, own = by_action
    width, count = weights.shape
    mean, variance = np.empty(len(rows)), np.empty(len(rows))
    all_means, all_variances, pulled = np.empty(count), np.empty(count), np.empty(width)
    last = -1
    for cell in range(len(rows)):
        if rows[cell] != last:
            last = rows[cell]
            x = features[last]
            pulled[:] = 0.0
            for i in range(width):
                for j in range(width):
                    pulled[j] += shared[i, j] * x[i]
            common = 0.0
            for j in range(width):
                common += pulled[j] * x[j]
            for a in range(count):
                all_means[a] = level[a]
                all_variances[a] = own[a] + common
            for j in range(width):
                at, squared = x[j], x[j] * x[j]
                for a in range(count):
                    all_means[a] += weights[j, a] * at
                    all_variances[a] += crossed[j, a] * at + spread[j, a] * squared
        mean[cell] = all_means[actions[cell]]
        variance[cell] = max(all_variances[actions[cell]], 0.0)
    return mean, variance


@compiled
def learned(  # noqa: PLR0917  compiled functions take no names
    features: FloatArray,
    actions: IntArray,
    outcomes: FloatArray,
    weights: FloatArray,
    attributes: FloatArray,
    state: State,
    squares: float,
    logit: bool,
) -> float:
    """Fold rows into the state, one after another; return `squares` of surprise with theirs added.

    A row moves w and v exactly, as if it came alone; products and intercepts by their variances, what they
    vary together with being dropped (assumed-density filtering: Opper 1998).
    """
    width = len(state[0])
    both, reach = np.empty(width), np.empty(width)
    for row in range(len(actions)):
        action, weight = actions[row], weights[row]
        x, q = features[row], attributes[action]
        both[: len(x)] = x
        both[len(x) :] = q
        at, variance = _predicted(both, reach, x, q, action, state)
        if logit:
            probability, slope = _expected(at, sqrt(max(variance, 0.0)))
            damped = weight / (1.0 + weight * slope * variance)
            step, shrink = damped * (outcomes[row] - probability), damped * slope
        else:
            shrink = 1.0 / (1.0 / weight + variance)
            step = shrink * (outcomes[row] - at)
            squares += step * (outcomes[row] - at)
        _move(step, shrink, reach, x, q, action, state)
        state[6][action] += weight
    return squares


@compiled
def _predicted(  # noqa: PLR0917
    both: FloatArray, reach: FloatArray, x: FloatArray, q: FloatArray, action: int, state: State
) -> tuple[float, float]:
    """Return mean and variance of the predictor, and leave in `reach` how far it moves the shared weights."""
    mean, covariance, products, products_variance, intercepts, intercepts_variance, _ = state
    reach[:] = 0.0
    for i in range(len(both)):
        if both[i] != 0.0:
            for j in range(len(both)):
                reach[j] += covariance[i, j] * both[i]
    at, variance = intercepts[action], intercepts_variance[action]
    for i in range(len(both)):
        at += both[i] * mean[i]
        variance += both[i] * reach[i]
    for i in range(len(x)):
        for j in range(len(q)):
            term = x[i] * q[j]
            at += products[i, j] * term
            variance += products_variance[i, j] * term * term
    return at, variance


@compiled
def _move(  # noqa: PLR0917
    step: float, shrink: float, reach: FloatArray, x: FloatArray, q: FloatArray, action: int, state: State
) -> None:
    mean, covariance, products, products_variance, intercepts, intercepts_variance, _ = state
    for i in range(len(reach)):
        mean[i] += step * reach[i]
        pull = shrink * reach[i]
        for j in range(len(reach)):
            covariance[i, j] -= pull * reach[j]
    for i in range(len(x)):
        for j in range(len(q)):
            moved = products_variance[i, j] * x[i] * q[j]
            products[i, j] += step * moved
            products_variance[i, j] -= shrink * moved * moved
    own = intercepts_variance[action]
    intercepts[action] += step * own
    intercepts_variance[action] -= shrink * own * own


@compiled
def _expected(mean: float, sd: float) -> tuple[float, float]:
    """Return E[p] and E[p(1 − p)] of the response probability p for a normal predictor (Gauss–Hermite)."""
    probability = slope = 0.0
    for node in range(len(_NODES)):
        f = mean + sd * _NODES[node]
        p = 1.0 / (1.0 + exp(-f)) if f >= 0 else exp(f) / (1.0 + exp(f))
        probability += _MASSES[node] * p
        slope += _MASSES[node] * p * (1.0 - p)
    return probability, slope
