"""The probability that each of k uncertain scores is the largest."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cvo.core.errors import InvalidInput
from cvo.core.lazy import Lazy
from cvo.learning.arrays import FloatArray

if TYPE_CHECKING:
    from cvo.learning import contest
else:
    contest = Lazy("cvo.learning.contest")


def winning(
    mean: FloatArray, sd: FloatArray, *, half: bool = False, among: NDArray[np.bool_] | None = None
) -> FloatArray:
    """Return P(score a is the largest), (…, k), for independent normal scores of `mean` and `sd` (…, k).

    With `half`, scores are mean + sd·|z|. Scores that are certain (sd 0) and equal share their win evenly.
    Scores outside of `among` (…, k) do not take part, and win with probability 0.
    P(a) = ∫ φ_a ∏_{b≠a} Φ_b is summed on one grid for all a, refined until the sum over a is 1 within 1e-10. A row
    has the same bits alone and in any batch. Raises `InvalidInput` for NaN, infinite means or negative sd.

    >>> winning(np.array([1.0, 0.0]), np.array([1.0, 1.0])).round(4)
    array([0.7602, 0.2398])
    """
    mean, sd = check_scores(mean, sd)
    if mean.size == 0:
        return np.ones(mean.shape)
    rows = (-1, mean.shape[-1])
    here = np.ones(mean.shape, dtype=np.bool_) if among is None else np.asarray(among, order="C")
    return contest.contest(mean.reshape(rows), sd.reshape(rows), here.reshape(rows), half).reshape(mean.shape)


def check_scores(mean: FloatArray, sd: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return both as float arrays of one shape (…, k); raises `InvalidInput` when they can't be scores."""
    # C order makes every later sum along a row the same alone and in a batch.
    mean, sd = (np.asarray(values, dtype=np.float64, order="C") for values in (mean, sd))
    check_shapes(mean, sd)
    if not (np.isfinite(mean).all() and np.isfinite(sd).all() and (sd >= 0).all()):
        raise no_scores()
    return mean, sd


def check_shapes(mean: FloatArray, sd: FloatArray) -> None:
    """Raise `InvalidInput` unless both have one shape (…, k)."""
    if mean.shape != sd.shape or mean.ndim == 0:
        raise InvalidInput(f"mean has shape {mean.shape} and sd {sd.shape}; both must be (…, k)")


def no_scores() -> InvalidInput:
    """Return what is raised for numbers that can't be scores."""
    return InvalidInput("a score's mean must be finite and its sd finite and not negative")
