"""Who responds to what: one Bayesian linear or logistic model per action, learned one outcome at a time.

Weights have a normal posterior with full covariance. A row updates one action: exactly for the identity
link, where the noise is learned with the weights (normal-inverse-gamma: Gelman et al. 2013, BDA3, ch. 14);
for the logit link by the mode and curvature of that row's posterior (a Laplace step along the row: MacKay
1992, "The evidence framework applied to classification networks"). Rows are folded one after another, so any
split of the same rows into batches gives the same state, bit for bit.
"""

import math
from collections.abc import Sequence
from typing import Any, Literal

import msgspec
import numpy as np

from cvo.core.errors import InvalidInput
from cvo.learning.arrays import (
    FloatArray,
    IntArray,
    Stored,
    as_indices,
    as_rows,
    finite,
    same_length,
    sum_of_products,
)
from cvo.learning.pooling import pool

Link = Literal["identity", "logit"]

_NOISE_STRENGTH = 50.0
"""How many rows the noise assumed, or learned from other actions, is worth."""


class ResponseModel(msgspec.Struct, frozen=True):
    """What is known about the weights of k actions over d features; a frozen value with a content hash.

    `assumed_mean` and `assumed_variance` (d,) hold for an action nothing else is known of; `prior_*` is what
    an action returns to when it is forgotten; `mean` (k, d), `covariance` (k, d, d) are the posterior, the
    covariances in units of the action's noise variance; `weight` (k,) is how many rows each action has
    learned from, less what was forgotten, and `squares` (k,) their squared surprise.
    """

    link: Link
    assumed_noise: float
    prior_noise: float
    assumed_mean: Stored
    assumed_variance: Stored
    prior_mean: Stored
    prior_covariance: Stored
    mean: Stored
    covariance: Stored
    weight: Stored
    squares: Stored

    @property
    def noise(self) -> FloatArray:
        """The variance (k,) of an outcome around its mean; 1 for the logit link, which needs none."""
        return _noise(self, self.weight.read(), self.squares.read())

    @property
    def actions(self) -> int:
        """The number of actions, k."""
        return self.mean.shape[0]

    @property
    def features(self) -> int:
        """The number of features, d."""
        return self.mean.shape[1]


def new_model(
    actions: int, assumed_mean: Any, assumed_sd: Any, *, link: Link = "logit", noise_variance: float = 1.0
) -> ResponseModel:
    """Make a model that knows nothing but its assumptions.

    `assumed_mean` and `assumed_sd` (d,) are on the scale of the linear predictor; the first feature is
    usually the constant 1, its mean the logit of a base rate. `noise_variance`, for the identity link only,
    is the variance of an outcome around its mean, assumed until outcomes tell. Raises `InvalidInput` for a
    flat or negative prior.
    """
    mean = finite(np.atleast_1d(assumed_mean), "assumed_mean")
    sd = finite(np.broadcast_to(np.asarray(assumed_sd, dtype=np.float64), mean.shape), "assumed_sd")
    if not np.all(sd > 0) or not noise_variance > 0:
        raise InvalidInput("assumed_sd and noise_variance must be positive")
    if link not in ("identity", "logit"):
        raise InvalidInput(f"link {link!r} is not offered; use 'identity' or 'logit'")
    noise = noise_variance if link == "identity" else 1.0
    means, nothing = Stored.of(np.tile(mean, (actions, 1))), Stored.of(np.zeros(actions))
    covariances = Stored.of(np.tile(np.diag(sd**2 / noise), (actions, 1, 1)))
    return ResponseModel(
        link=link,
        assumed_noise=noise,
        prior_noise=noise,
        assumed_mean=Stored.of(mean),
        assumed_variance=Stored.of(sd**2),
        prior_mean=means,
        prior_covariance=covariances,
        mean=means,
        covariance=covariances,
        weight=nothing,
        squares=nothing,
    )


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
            probability = _most_probable(at, variance, outcome, weight)
            precision = weight * probability * (1.0 - probability)
            step = weight * (outcome - probability)
            shrink = precision / (1.0 + precision * variance)
        else:
            shrink = 1.0 / (1.0 / weight + variance)
            surprise = outcome - at
            step = shrink * surprise
            self._squares[action] += step * surprise
        self._daxpy(reach, mean, len(mean), step)
        self._dsyr(-shrink, reach, a=covariance, overwrite_a=1)
        self._weights[action] += weight

    def predict(self, row: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return mean and variance (k,) of each action's predictor; for streams, where every row teaches."""
        variance = [self._ddot(row, self._dsymv(1.0, matrix, row)) for matrix in self._covariances]
        noise = _noise(self._model, np.asarray(self._weights), np.asarray(self._squares))
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


def _noise(model: ResponseModel, weight: FloatArray, squares: FloatArray) -> FloatArray:
    if model.link == "logit":
        return np.ones_like(weight)
    return (_NOISE_STRENGTH * model.prior_noise + squares) / (_NOISE_STRENGTH + weight)


def _most_probable(mean: float, variance: float, outcome: float, weight: float) -> float:
    """Return the response probability at the most probable predictor after one logistic observation.

    Solves f = mean + variance·weight·(outcome − σ(f)), which has one root; Newton steps that leave the
    bracket are replaced by bisection.
    """
    scale = variance * weight
    low, high = mean + scale * (outcome - 1.0), mean + scale * outcome
    f = mean
    probability = _logistic(f)
    for _ in range(100):
        excess = f - mean - scale * (outcome - probability)
        if excess > 0:
            high = f
        else:
            low = f
        step = excess / (1.0 + scale * probability * (1.0 - probability))
        trial = f - step
        f = trial if low <= trial <= high else (low + high) / 2
        probability = _logistic(f)
        # Newton squares the error, so this step left about 1e-14.
        if abs(step) <= 1e-7 * (1.0 + abs(f)):
            break
    return probability


def _logistic(f: float) -> float:
    if f >= 0:
        return 1.0 / (1.0 + math.exp(-f))
    power = math.exp(f)
    return power / (1.0 + power)


def fold(
    model: ResponseModel, features: Any, actions: Any, outcomes: Any, weights: Any | None = None
) -> ResponseModel:
    """Return the model after learning from n resolved outcomes in the order given.

    `features` (n, d), `actions` (n,) indices, `outcomes` (n,), `weights` (n,) positive, default 1.
    Splitting the rows over several calls changes nothing. Raises `InvalidInput` and names the first bad row.

    >>> model = new_model(2, [0.0], [1.0])
    >>> model = fold(model, [[1.0], [1.0]], [0, 0], [1.0, 1.0])
    >>> model.mean.read()[:, 0].round(2)
    array([0.67, 0.  ])
    """
    rows = as_rows(features, model.features)
    which = as_indices(actions, model.actions, "actions")
    seen = finite(outcomes, "outcomes")
    worth = np.ones(len(rows)) if weights is None else finite(weights, "weights")
    same_length(features=rows, actions=which, outcomes=seen, weights=worth)
    if model.link == "logit" and len(seen) and (seen.min() < 0 or seen.max() > 1):
        raise InvalidInput(f"outcomes run from {seen.min()} to {seen.max()}; the logit link needs 0 to 1")
    if len(worth) and worth.min() <= 0:
        raise InvalidInput(f"weights[{int(worth.argmin())}] is {worth.min()}; leave out rows without weight")
    learner = Learner(model)
    for row, action, outcome, weight in zip(rows, which.tolist(), seen.tolist(), worth.tolist(), strict=True):
        learner.learn(row, action, outcome, weight)
    return learner.model()


def forget(model: ResponseModel, keep: float) -> ResponseModel:
    """Return the model with its data worth `keep` of before: exponential forgetting towards the prior.

    Meant for each elapsed day, with `keep = 0.5 ** (1 / half_life_days)`. Raises `InvalidInput` outside
    [0, 1].
    """
    if not 0.0 <= keep <= 1.0:
        raise InvalidInput(f"keep is {keep}; it is the share of the data's weight that remains, 0 to 1")
    information, potential = _own_data(model)
    kept = msgspec.structs.replace(
        model, weight=Stored.of(model.weight.read() * keep), squares=Stored.of(model.squares.read() * keep)
    )
    return _posterior(kept, information * keep, potential * keep)


def pooled(model: ResponseModel, groups: Sequence[Any] = (), *, prior_strength: float = 2.0) -> ResponseModel:
    """Return the model with every action's prior learned from the other actions' data (see `pooling.pool`).

    `groups` holds one vector of k group numbers per level, such as team, stage and channel.
    """
    seen = model.squares.read().sum(), model.weight.read().sum()
    noise = (_NOISE_STRENGTH * model.assumed_noise + seen[0]) / (_NOISE_STRENGTH + seen[1])
    model = msgspec.structs.replace(model, prior_noise=float(noise) if model.link == "identity" else 1.0)
    information, potential = _own_data(model)
    scale = model.noise[:, None]
    levels = [as_indices(level, None, "groups") for level in groups]
    prior = pool(
        information / scale[:, :, None],
        potential / scale,
        levels,
        model.assumed_mean.read(),
        model.assumed_variance.read(),
        prior_strength=prior_strength,
    )
    moved = msgspec.structs.replace(
        model,
        prior_mean=Stored.of(prior.mean),
        prior_covariance=Stored.of(prior.covariance / scale[:, :, None]),
    )
    return _posterior(moved, information, potential)


def with_new_actions(model: ResponseModel, count: int) -> ResponseModel:
    """Return the model with `count` actions added that know only the assumptions; `pooled` teaches them."""
    added = new_model(
        count,
        model.assumed_mean.read(),
        np.sqrt(model.assumed_variance.read()),
        link=model.link,
        noise_variance=model.prior_noise,
    )
    names = ("prior_mean", "prior_covariance", "mean", "covariance", "weight", "squares")
    joined = {
        name: Stored.of(np.concatenate([getattr(model, name).read(), getattr(added, name).read()]))
        for name in names
    }
    return msgspec.structs.replace(model, **joined)


def _own_data(model: ResponseModel) -> tuple[FloatArray, FloatArray]:
    """What each action's own rows say: posterior less prior, in information form; exactly 0 without rows.

    In units of the action's noise, as the covariances are.
    """
    has_data = model.weight.read() > 0
    before, after = np.linalg.inv(model.prior_covariance.read()), np.linalg.inv(model.covariance.read())
    information = (after - before) * has_data[:, None, None]
    potential = np.einsum("kij,kj->ki", after, model.mean.read())
    potential = (potential - np.einsum("kij,kj->ki", before, model.prior_mean.read())) * has_data[:, None]
    return (information + information.transpose(0, 2, 1)) / 2, potential


def _posterior(model: ResponseModel, information: FloatArray, potential: FloatArray) -> ResponseModel:
    before = np.linalg.inv(model.prior_covariance.read())
    covariance = np.linalg.inv(before + information)
    target = potential + np.einsum("kij,kj->ki", before, model.prior_mean.read())
    has_data = (model.weight.read() > 0)[:, None]
    mean = np.where(has_data, np.einsum("kij,kj->ki", covariance, target), model.prior_mean.read())
    covariance = np.where(
        has_data[:, :, None], (covariance + covariance.transpose(0, 2, 1)) / 2, model.prior_covariance.read()
    )
    return msgspec.structs.replace(model, mean=Stored.of(mean), covariance=Stored.of(covariance))


class Predictor:
    """Scores rows with a published model; built once per model, safe to share between threads."""

    def __init__(self, model: ResponseModel) -> None:
        self.features, self.actions = model.features, model.actions
        self._mean = model.mean.read()
        self._left, self._right = np.triu_indices(model.features)
        # A quadratic form needs each pair of features once.
        twice = np.where(self._left == self._right, 1.0, 2.0)
        self._pairs = np.ascontiguousarray(
            model.covariance.read()[:, self._left, self._right] * (twice * model.noise[:, None])
        )

    def __call__(self, features: Any, actions: IntArray | None = None) -> tuple[FloatArray, FloatArray]:
        """Return mean and variance of the linear predictor, both (n, k), for `features` (n, d) or (n, k, d).

        `actions` picks columns by index. A row's result has the same bits alone and in any batch.
        """
        rows = finite(features, "features")
        means = self._mean if actions is None else self._mean[actions]
        pairs = self._pairs if actions is None else self._pairs[actions]
        if rows.shape[1:] not in {(self.features,), (len(means), self.features)}:
            raise InvalidInput(
                f"features have shape {rows.shape}; the model was made for (n, {self.features}) "
                f"or (n, {len(means)}, {self.features})"
            )
        if rows.ndim == 2:
            rows = rows[:, None, :]
        mean, variance = np.empty((len(rows), len(means))), np.empty((len(rows), len(means)))
        block = max(1, 500_000 // max(1, pairs.size))
        for start in range(0, len(rows), block):
            part = rows[start : start + block]
            mean[start : start + block] = sum_of_products(part, means)
            products = part[..., self._left] * part[..., self._right]
            variance[start : start + block] = sum_of_products(products, pairs)
        return mean, np.maximum(variance, 0.0)

    def cells(self, features: Any, rows: IntArray, actions: IntArray) -> tuple[FloatArray, FloatArray]:
        """Return mean and variance (m,) of chosen cells: of `features[rows[i]]` (n, d) under `actions[i]`.

        Each has the same bits as in the whole table, at the cost of the cells alone.
        """
        table = as_rows(features, self.features)
        products = table[:, self._left] * table[:, self._right]
        mean, variance = np.empty(len(rows)), np.empty(len(rows))
        block = max(1, 500_000 // max(1, products.shape[1]))
        for start in range(0, len(rows), block):
            part = slice(start, start + block)
            mean[part] = sum_of_products(table[rows[part]], self._mean[actions[part]])
            variance[part] = sum_of_products(products[rows[part]], self._pairs[actions[part]])
        return mean, np.maximum(variance, 0.0)
