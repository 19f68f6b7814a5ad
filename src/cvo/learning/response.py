"""Who responds to what: one Bayesian linear or logistic model per action, and what it predicts.

Weights have a normal posterior with full covariance; for the identity link the noise is learned with the
weights (normal-inverse-gamma: Gelman et al. 2013, "Bayesian Data Analysis", ch. 14). `learner.py` learns,
`prior.py` pools and forgets.
"""

from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np

from cvo.core.errors import InvalidInput
from cvo.core.lazy import Lazy
from cvo.learning.arrays import FloatArray, IntArray, Stored, as_rows, finite

if TYPE_CHECKING:
    from cvo.learning import response_loops
else:
    response_loops = Lazy("cvo.learning.response_loops")

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
"""Cells of a table worked on at a time, so that their indices stay in the processor's cache."""


class Predictor:
    """Scores rows with a published model; built once per model, safe to share between threads."""

    def __init__(self, model: ResponseModel) -> None:
        self.features, self.actions = model.features, model.actions
        left, right = np.triu_indices(model.features)
        # A quadratic form needs each pair of features once.
        twice = np.where(left == right, 1.0, 2.0)
        pairs = model.covariance.read()[:, left, right] * (twice * model.noise[:, None])
        self._means, self._pairs = _in_lanes(model.mean.read()), _in_lanes(pairs)

    def __call__(self, features: Any, actions: IntArray | None = None) -> tuple[FloatArray, FloatArray]:
        """Return mean and variance of the linear predictor, both (n, k), for `features` (n, d) or (n, k, d).

        `actions` picks columns by index. A row's result has the same bits alone and in any batch.
        """
        rows = finite(features, "features")
        columns = np.arange(self.actions) if actions is None else np.asarray(actions)
        width = len(columns)
        if rows.shape[1:] not in {(self.features,), (width, self.features)}:
            raise InvalidInput(
                f"features have shape {rows.shape}; the model was made for (n, {self.features}) "
                f"or (n, {width}, {self.features})"
            )
        mean, variance = np.empty((len(rows), width)), np.empty((len(rows), width))
        block = max(1, _BLOCK // max(1, width))
        for start in range(0, len(rows), block):
            part = rows[start : start + block]
            # One row for all actions, or one for each.
            which = np.arange(part[..., 0].size)
            if rows.ndim == 2:
                which = np.repeat(which, width)
            cells = self.cells(part.reshape(-1, self.features), which, np.tile(columns, len(part)))
            for table, values in zip((mean, variance), cells, strict=True):
                table[start : start + block] = values.reshape(-1, width)
        return mean, variance

    def cells(self, features: Any, rows: IntArray, actions: IntArray) -> tuple[FloatArray, FloatArray]:
        """Return mean and variance (m,) of chosen cells: of `features[rows[i]]` (n, d) under `actions[i]`.

        Cheapest where cells of one row follow each other. Each has the same bits as in the whole table, at the cost of
        the cells alone.
        """
        table = as_rows(features, self.features)
        return response_loops.scored(table, rows, actions, self._means, self._pairs)


def _in_lanes(table: FloatArray) -> FloatArray:
    """Return a table (k, ·) filled up with zeros to whole lanes of the compiled loop."""
    return np.pad(table, ((0, 0), (0, -table.shape[1] % response_loops.LANES)))
