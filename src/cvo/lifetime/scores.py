"""How good a prediction was: error, ranking, and whether sums and deciles come out right."""

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from cvo.core.errors import InvalidInput
from cvo.lifetime.blocks import FloatArray


class Scores(msgspec.Struct, frozen=True, kw_only=True):
    """Scores of predictions against what happened.

    `mae` and `rmse` are per customer; `gini` is that of the actual values ranked by the prediction,
    relative to a perfect ranking; `aggregate_error` is predicted over actual total, minus 1; `decile_error`
    adds up how far tenths of the customers are off, relative to the actual total.

    A low `mae` alone proves little: predicting too little for everybody lowers it, as most customers buy
    nothing.
    """

    mae: float
    rmse: float
    gini: float
    aggregate_error: float
    decile_error: float
    customers: int


class Decile(msgspec.Struct, frozen=True):
    """A tenth of the customers, ordered by prediction: what was predicted and what happened, on average."""

    predicted: float
    actual: float
    customers: int


def score(actual: ArrayLike, predicted: ArrayLike) -> Scores:
    """Score predictions; raises `InvalidInput` without customers or when nothing at all happened.

    >>> score([0, 1, 3], [0.5, 0.5, 2.0]).aggregate_error
    -0.25
    """
    truth, guess = _pair(actual, predicted)
    total = float(truth.sum())
    error = guess - truth
    tenths = deciles(truth, guess)
    return Scores(
        mae=float(np.abs(error).mean()),
        rmse=float(np.sqrt((error**2).mean())),
        gini=gini(truth, guess),
        aggregate_error=float(guess.sum() / total - 1),
        decile_error=sum(abs(tenth.predicted - tenth.actual) * tenth.customers for tenth in tenths) / total,
        customers=int(truth.shape[0]),
    )


def gini(actual: ArrayLike, predicted: ArrayLike) -> float:
    """Return the Gini coefficient of `actual` in the order of `predicted`, relative to that of a perfect
    order.

    Equal predictions share their customers' mean, so that the result does not depend on the order of rows.
    """
    truth, guess = _pair(actual, predicted)
    order = np.argsort(guess, kind="stable")
    _, group = np.unique(guess[order], return_inverse=True)
    mean = np.bincount(group, weights=truth[order]) / np.bincount(group)
    best = _lorenz(np.sort(truth))
    return _lorenz(mean[group]) / best if best > 0 else 0.0


def deciles(actual: ArrayLike, predicted: ArrayLike, parts: int = 10) -> list[Decile]:
    """Return equal parts of the customers in the order of prediction, lowest first."""
    truth, guess = _pair(actual, predicted)
    order = np.argsort(guess, kind="stable")
    return [
        Decile(float(guess[rows].mean()), float(truth[rows].mean()), int(rows.size))
        for rows in np.array_split(order, parts)
        if rows.size
    ]


def _lorenz(ordered: FloatArray) -> float:
    n = ordered.shape[0]
    return float(2 * (np.arange(1, n + 1) * ordered).sum() / (n * ordered.sum()) - (n + 1) / n)


def _pair(actual: ArrayLike, predicted: ArrayLike) -> tuple[FloatArray, FloatArray]:
    truth, guess = np.asarray(actual, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    if truth.shape != guess.shape or truth.ndim != 1 or not truth.size:
        raise InvalidInput("actual and predicted must be two equally long columns of at least one customer")
    if not (np.isfinite(truth) & np.isfinite(guess)).all():
        raise InvalidInput("actual and predicted must be finite")
    if truth.sum() <= 0:
        raise InvalidInput("nothing happened in the window, so no prediction can be scored against it")
    return truth, guess
