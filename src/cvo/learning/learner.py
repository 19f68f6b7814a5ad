"""Learning from resolved outcomes, one row at a time.

A row updates one action: exactly for the identity link; for the logit link by the expected response and its
expected slope under what was known before (the recursive variational Gaussian approximation: Lambert, Bonnabel
and Bach 2022, Stat. Comput. 32:10). Linearising at the most probable predictor instead overstates rare
responses, by a quarter at 50 among 20,000. Rows are folded one after another, so any split of the same rows
into batches gives the same state, bit for bit.
"""

import math
from typing import TYPE_CHECKING, Any, cast, overload

import msgspec
import numpy as np

from cvo.core.errors import InvalidInput
from cvo.core.lazy import Lazy
from cvo.learning.arrays import FloatArray, IntArray, Stored, as_indices, as_rows, finite, same_length
from cvo.learning.response import ResponseModel, noise_given
from cvo.learning.shared import SharedModel

if TYPE_CHECKING:
    from cvo.learning import shared_loops
else:
    shared_loops = Lazy("cvo.learning.shared_loops")

# Abscissae and weights of E[g(z)], z standard normal, with seven points.
_NODES, _MASSES = np.polynomial.hermite_e.hermegauss(7)
_HERMITE = tuple(zip(_NODES.tolist(), (_MASSES / _MASSES.sum()).tolist(), strict=True))


class Learner:
    """Learns row by row in place; `model()` returns what is known as an immutable model."""

    def __init__(self, model: ResponseModel) -> None:
        # Imported late: only learning needs scipy.linalg.
        from scipy.linalg.blas import daxpy, ddot, dsymv, dsyr

        self._daxpy, self._ddot, self._dsymv, self._dsyr = daxpy, ddot, dsymv, dsyr
        self._model = model
        self._logit = model.link == "logit"
        self._mean = model.mean.read().copy()
        self._means = list(self._mean)
        self._covariance = model.covariance.read().copy()
        # Transposed, C order is the column order BLAS updates in place; only the lower triangle is kept current.
        self._covariances = [matrix.T for matrix in self._covariance]
        self._weights, self._squares = model.weight.read().tolist(), model.squares.read().tolist()

    def learn(self, row: FloatArray, action: int, outcome: float, weight: float = 1.0) -> None:
        """Fold one outcome: `row` (d,) finite floats, `outcome` in [0, 1] for the logit link.

        Input is not checked here, where it costs; `fold` checks.
        """
        mean, covariance = self._means[action], self._covariances[action]
        reach = self._dsymv(1.0, covariance, row)
        variance, at = self._ddot(row, reach), self._ddot(row, mean)
        if self._logit:
            probability, slope = _expected(at, math.sqrt(max(variance, 0.0)))
            damped = weight / (1.0 + weight * slope * variance)
            step = damped * (outcome - probability)
            shrink = damped * slope
        else:
            shrink = 1.0 / (1.0 / weight + variance)
            surprise = outcome - at
            step = shrink * surprise
            self._squares[action] += step * surprise
        self._daxpy(reach, mean, len(mean), step)
        self._dsyr(-shrink, reach, a=covariance, overwrite_a=1)
        self._weights[action] += weight

    def correct(self, row: FloatArray, action: int, before: float, after: float, weight: float = 1.0) -> None:
        """Change what was learned from a row as if its outcome had been `after` instead of `before`.

        Exact for the identity link; for the logit link the posterior's gradient moves by as much, in one Newton
        step (Bishop 2006, eq. 4.92).
        """
        mean, covariance = self._means[action], self._covariances[action]
        reach = self._dsymv(1.0, covariance, row)
        change = weight * (after - before)
        if not self._logit:
            # The scatter left is Σ w·y² less what the fit explains, both of which the outcome moves.
            explained = 2 * change * self._ddot(row, mean) + change * change * self._ddot(row, reach)
            self._squares[action] += weight * (after * after - before * before) - explained
        self._daxpy(reach, mean, len(mean), change)

    def predict(self, row: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return mean and variance (k,) of each action's predictor; for streams, where every row teaches."""
        variance = [self._ddot(row, self._dsymv(1.0, matrix, row)) for matrix in self._covariances]
        noise = noise_given(self._model, np.asarray(self._weights), np.asarray(self._squares))
        return self._mean @ row, noise * np.maximum(variance, 0.0)

    def model(self) -> ResponseModel:
        """Return the state as an immutable model."""
        lower = np.tril(self._covariance)
        return msgspec.structs.replace(
            self._model,
            mean=Stored.of(self._mean),
            covariance=Stored.of(lower + np.tril(lower, -1).transpose(0, 2, 1)),
            weight=Stored.of(self._weights),
            squares=Stored.of(self._squares),
        )


def _expected(mean: float, sd: float) -> tuple[float, float]:
    """Return E[p] and E[p(1 − p)] of the response probability p for a normal predictor (Gauss–Hermite)."""
    probability = slope = 0.0
    for node, mass in _HERMITE:
        p = _logistic(mean + sd * node)
        probability += mass * p
        slope += mass * p * (1.0 - p)
    return probability, slope


def _logistic(f: float) -> float:
    if f >= 0:
        return 1.0 / (1.0 + math.exp(-f))
    power = math.exp(f)
    return power / (1.0 + power)


@overload
def fold(
    model: ResponseModel, features: Any, actions: Any, outcomes: Any, weights: Any | None = None
) -> ResponseModel: ...
@overload
def fold(
    model: SharedModel, features: Any, actions: Any, outcomes: Any, weights: Any | None = None
) -> SharedModel: ...
def fold(
    model: ResponseModel | SharedModel,
    features: Any,
    actions: Any,
    outcomes: Any,
    weights: Any | None = None,
) -> ResponseModel | SharedModel:
    """Return the model after learning from n resolved outcomes in the order given.

    `features` (n, d), `actions` (n,) indices, `outcomes` (n,), `weights` (n,) positive, default 1.
    Splitting the rows over several calls changes nothing. Raises `InvalidInput` and names the first bad row.

    >>> from cvo.learning.response import new_model
    >>> model = new_model(2, [0.0], [1.0])
    >>> model = fold(model, [[1.0], [1.0]], [0, 0], [1.0, 1.0])
    >>> model.mean.read()[:, 0].round(2)
    array([0.71, 0.  ])
    """
    rows, which, worth = _checked(model, features, actions, weights)
    seen = _checked_outcomes(model, outcomes, len(rows))
    if isinstance(model, SharedModel):
        return _fold_shared(model, rows, which, seen, worth)
    learner = Learner(model)
    for row, action, outcome, weight in zip(rows, which.tolist(), seen.tolist(), worth.tolist(), strict=True):
        learner.learn(row, action, outcome, weight)
    return learner.model()


_SHARED_STATE = (
    *("mean", "covariance", "products", "products_variance"),
    *("intercepts", "intercepts_variance", "weight"),
)


def _fold_shared(
    model: SharedModel, rows: FloatArray, which: IntArray, seen: FloatArray, worth: FloatArray
) -> SharedModel:
    arrays = tuple(getattr(model, name).read().copy() for name in _SHARED_STATE)
    logit, table = model.link == "logit", model.attributes.read()
    squares = shared_loops.learned(
        rows, which, seen, worth, table, cast("shared_loops.State", arrays), model.squares, logit
    )
    state = {name: Stored.of(array) for name, array in zip(_SHARED_STATE, arrays, strict=True)}
    return msgspec.structs.replace(model, squares=squares, **state)


def correct(
    model: ResponseModel, features: Any, actions: Any, *, before: Any, after: Any, weights: Any | None = None
) -> ResponseModel:
    """Return the model after n outcomes it learned as `before` turned out to be `after`.

    For outcomes that come when their window was thought closed, such as a late order: rows, actions and weights
    as they were learned. Raises `InvalidInput` like `fold`.

    >>> from cvo.learning.response import new_model
    >>> nothing = new_model(1, [0.0], [1.0], link="identity")
    >>> late = correct(fold(nothing, [[1.0]], [0], [0.0]), [[1.0]], [0], before=[0.0], after=[1.0])
    >>> late.mean == fold(nothing, [[1.0]], [0], [1.0]).mean
    True
    """
    rows, which, worth = _checked(model, features, actions, weights)
    old, new = (_checked_outcomes(model, outcomes, len(rows)) for outcomes in (before, after))
    learner = Learner(model)
    steps = zip(rows, which.tolist(), old.tolist(), new.tolist(), worth.tolist(), strict=True)
    for row, action, was, turned_out, weight in steps:
        learner.correct(row, action, was, turned_out, weight)
    return learner.model()


def _checked(
    model: ResponseModel | SharedModel, features: Any, actions: Any, weights: Any | None
) -> tuple[FloatArray, IntArray, FloatArray]:
    rows = as_rows(features, model.features)
    which = as_indices(actions, model.actions, "actions")
    worth = np.ones(len(rows)) if weights is None else finite(weights, "weights")
    same_length(features=rows, actions=which, weights=worth)
    if len(worth) and worth.min() <= 0:
        raise InvalidInput(f"weights[{int(worth.argmin())}] is {worth.min()}; leave out rows without weight")
    return rows, which, worth


def _checked_outcomes(model: ResponseModel | SharedModel, outcomes: Any, rows: int) -> FloatArray:
    seen = finite(outcomes, "outcomes")
    if seen.shape != (rows,):
        raise InvalidInput(f"lengths differ: {rows} rows, outcomes of shape {seen.shape}")
    if model.link == "logit" and rows and (seen.min() < 0 or seen.max() > 1):
        raise InvalidInput(f"outcomes run from {seen.min()} to {seen.max()}; the logit link needs 0 to 1")
    return seen
