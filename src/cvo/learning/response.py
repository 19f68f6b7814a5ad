"""Who responds to what: one Bayesian linear or logistic model per action, and what it predicts.

Weights have a normal posterior with full covariance; for the identity link the noise is learned with the
weights (normal-inverse-gamma: Gelman et al. 2013, "Bayesian Data Analysis", ch. 14). `learner.py` learns,
`prior.py` pools and forgets.
"""

from typing import Any, Literal

import msgspec
import numpy as np

from cvo.core.errors import InvalidInput
from cvo.learning.arrays import FloatArray, IntArray, Stored, as_rows, finite, sum_of_products

Link = Literal["identity", "logit"]

NOISE_STRENGTH = 50.0
"""How many rows the noise assumed, or learned from other actions, is worth."""


class ResponseModel(msgspec.Struct, frozen=True, tag="own"):
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
        return noise_given(self, self.weight.read(), self.squares.read())

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


def noise_given(model: ResponseModel, weight: FloatArray, squares: FloatArray) -> FloatArray:
    """Return the noise variance (k,) after `weight` rows with `squares` of surprise."""
    if model.link == "logit":
        return np.ones_like(weight)
    return (NOISE_STRENGTH * model.prior_noise + squares) / (NOISE_STRENGTH + weight)


def pooled_noise(model: ResponseModel) -> float:
    """Return the noise variance all actions' rows together speak for."""
    if model.link == "logit":
        return 1.0
    rows, squares = float(model.weight.read().sum()), float(model.squares.read().sum())
    return (NOISE_STRENGTH * model.assumed_noise + squares) / (NOISE_STRENGTH + rows)


_BLOCK = 65_536
"""Numbers worked on at a time: what the processor's cache holds; many more take five times as long."""


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
        block = max(1, _BLOCK // max(1, pairs.size))
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
        block = max(1, _BLOCK // max(1, products.shape[1]))
        for start in range(0, len(rows), block):
            part = slice(start, start + block)
            mean[part] = sum_of_products(table[rows[part]], self._mean[actions[part]])
            variance[part] = sum_of_products(products[rows[part]], self._pairs[actions[part]])
        return mean, np.maximum(variance, 0.0)
