"""Means and variances of what is computed from uncertain numbers."""

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from cvo.core.lazy import Lazy
from cvo.learning.arrays import FloatArray, IntArray, plain

if TYPE_CHECKING:
    from cvo.learning import exponential, moments_loops
else:
    exponential = Lazy("cvo.learning.exponential")
    moments_loops = Lazy("cvo.learning.moments_loops")

_NODES = np.linspace(-8.0, 8.0, 25)
_WEIGHTS = np.exp(-(_NODES**2) / 2) / np.exp(-(_NODES**2) / 2).sum()


def response_probability(mean: FloatArray, variance: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return mean and variance of 1/(1+e^−f) for f normal, any shape, elementwise.

    The logistic-normal integral has no closed form. The trapezoid rule, here with 25 points, converges
    exponentially (Crouch and Spiegelman 1990, JASA 85:464): its relative error is below 1e-5 up to sd 2 and
    1e-3 up to sd 3. The usual σ(μ/√(1+πs²/8)) (MacKay 1992) is a quarter too high at a base rate of 1 % and
    sd 1.

    >>> p, v = response_probability(np.array([0.0]), np.array([4.0]))
    >>> p.round(6), v.round(4)
    (array([0.5]), array([0.0986]))
    """
    means, variances = plain(mean, np.float64).reshape(-1), plain(variance, np.float64).reshape(-1)
    expected, spread = moments_loops.responses(means, variances, *points())
    return expected.reshape(mean.shape), spread.reshape(mean.shape)


@cache
def points() -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return what `moments_loops.responses` sums over: nodes, their masses, and the table of the exponential."""
    return _NODES, _WEIGHTS, exponential.exponential_table()


def times(
    number: tuple[FloatArray, FloatArray], others: tuple[FloatArray, FloatArray], which: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Return `product` of each number (m,) with the one of the `others` that `which` (m,) names.

    >>> times((np.array([2.0]), np.array([0.0])), (np.array([1.0, 3.0]), np.array([0.0, 1.0])), np.array([1]))
    (array([6.]), array([4.]))
    """
    return moments_loops.times(*number, *others, which)


def product(*factors: tuple[FloatArray, FloatArray]) -> tuple[FloatArray, FloatArray]:
    """Return mean and variance of the product of independent numbers given as (mean, variance) pairs.

    Goodman 1960 (JASA 55:708), eq. 2: E[Π]² + Var[Π] = Π (mean² + variance).

    >>> product((np.array(2.0), np.array(0.0)), (np.array(3.0), np.array(1.0)))
    (np.float64(6.0), np.float64(4.0))
    """
    mean, variance = factors[0]
    for other_mean, other_variance in factors[1:]:
        # Two at a time avoids the cancellation of the textbook difference of two large products.
        variance = (
            variance * other_variance + variance * other_mean * other_mean + other_variance * mean * mean
        )
        mean = mean * other_mean
    return mean, variance
