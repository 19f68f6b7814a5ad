"""Qini: how much better than at random a score finds the customers whom a treatment helps, with its uncertainty.

With customers in the order of a score, the Qini curve is the gain of treating the first share q of them, and the
Qini coefficient the area between it and the straight line of treating a random share (Radcliffe 2007, "Using
control groups to target on predicted lift"). In terms of scores Γ whose mean is uplift it is the mean of
Γ·(½ − r), r the rank from 0 (first) to 1 (last): a rank-weighted average treatment effect, with an influence
function in closed form (Yadlowsky, Fleming, Shah, Brunskill, Wager 2025, "Evaluating treatment prioritization rules
via rank-weighted average treatment effects", JASA 120, §2.3 and Theorem 2).
"""

from math import sqrt

import msgspec
import numpy as np
import numpy.typing as npt

from cvo.core.errors import InvalidInput
from cvo.core.evidence import Estimate, Grade, NotEstimable
from cvo.experiments.uplift.trial import Trial
from cvo.inference.clustered import FloatArray, finite_vector, normal_estimate


class Curve(msgspec.Struct, frozen=True, eq=False):
    """The Qini curve: (k,) shares treated, and the (k,) gains a customer at each, with standard errors."""

    shares: FloatArray
    gains: FloatArray
    standard_errors: FloatArray


def effect_scores(trial: Trial) -> FloatArray:
    """Return (n,) scores whose mean is uplift, from the draws alone: no model takes part in judging a model.

    (T − e)/(e(1 − e))·(Y − m) with the constant m = (1 − e)ȳ₁ + eȳ₀ that makes their variance least.
    """
    got = trial.treated == 1
    if got.all() or not got.any():
        raise InvalidInput("a trial needs treated customers and others")
    e = trial.chance
    means = [
        np.average(trial.outcomes[arm], weights=1 / chance[arm]) for arm, chance in ((got, e), (~got, 1 - e))
    ]
    scores: FloatArray = (
        (trial.treated - e) / (e * (1 - e)) * (trial.outcomes - (1 - e) * means[0] - e * means[1])
    )
    return scores


def qini(
    priority: npt.ArrayLike, scores: npt.ArrayLike, *, level: float = 0.95, unit: str
) -> Estimate | NotEstimable:
    """Estimate the Qini coefficient of an order of customers, in the unit of the outcome a customer.

    `priority` (n,), highest first, has to come from other data than `scores` (n,), which are `effect_scores` of
    the customers judged. Ties share their ranks: among them the order is as good as random.

    >>> qini([2.0, 1.0, 0.0, -1.0], [4.0, 2.0, 1.0, 1.0], unit="EUR").value
    0.3125
    """
    return mean_of(qini_influence(priority, scores), level=level, unit=unit)


def mean_of(influence: FloatArray, *, level: float = 0.95, unit: str) -> Estimate | NotEstimable:
    """Estimate a coefficient from its (n,) `qini_influence`, or the difference of two from theirs."""
    count = len(influence)
    if count < 2:
        return NotEstimable("too few clusters", f"{count} customers; a standard error needs at least 2")
    error = float(influence.std(ddof=1)) / sqrt(count)
    return normal_estimate(
        float(influence.mean()), error, level=level, unit=unit, grade=Grade.MEASURED, sample_size=count
    )


def qini_influence(priority: npt.ArrayLike, scores: npt.ArrayLike) -> FloatArray:
    """Return (n,) values whose mean is the Qini coefficient and whose spread is its uncertainty.

    A customer counts twice: with its own score at its rank, and by moving the ranks of all behind it.
    """
    order, gamma = finite_vector(priority, "priority"), finite_vector(scores, "scores")
    if order.shape != gamma.shape:
        raise InvalidInput(f"{len(order)} priorities for {len(gamma)} scores; give one of each a customer")
    count = len(gamma)
    levels, code = np.unique(-order, return_inverse=True)
    size = np.bincount(code, minlength=len(levels))
    weight = np.bincount(code, weights=gamma, minlength=len(levels))
    # Of a tied level half stands in front and half behind.
    rank = (np.cumsum(size) - 0.5 * size) / count
    behind = (weight.sum() - np.cumsum(weight) + 0.5 * weight) / count
    own = gamma * (0.5 - rank[code])
    moved = -behind[code]
    influence: FloatArray = own + moved - moved.mean()
    return influence


def qini_curve(priority: npt.ArrayLike, scores: npt.ArrayLike, *, points: int = 50) -> Curve:
    """Return gains a customer of treating the first 1/k, 2/k, … of customers by priority.

    Standard errors are pointwise and take the order as given; ties stay in the order of the rows.
    """
    order, gamma = finite_vector(priority, "priority"), finite_vector(scores, "scores")
    ranked = gamma[np.argsort(-order, kind="stable")]
    ends = np.linspace(0, len(ranked), points + 1).round().astype(np.int64)
    sums, squares = (np.concatenate([[0.0], np.cumsum(values)])[ends] for values in (ranked, ranked**2))
    count = len(ranked)
    spread = np.maximum(squares / count - (sums / count) ** 2, 0.0)
    return Curve(ends / count, sums / count, np.sqrt(spread / count))
