"""Who responds to what where features are many: one model over context, action attributes and their products.

An action's own full covariance needs outcomes enough for d² numbers. Beyond some sixty features actions share

    f_a(x) = x·w + q_a·v + x'B q_a + α_a

over the context x (d,) and the action's attributes q_a (e,): w and v have one full covariance, the products B (bilinear
models: Chu and Park 2009, "Personalized recommendation on dynamic content") and the intercepts α_a a variance each.
So an action nobody has met starts from what its attributes are worth, and its score costs d multiplications, not d².
"""

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from cvo.core.errors import InvalidInput
from cvo.core.lazy import Lazy
from cvo.learning.arrays import FloatArray, IntArray, Stored, as_rows, finite
from cvo.learning.response import NOISE_STRENGTH, Link

if TYPE_CHECKING:
    from cvo.learning import shared_loops
else:
    shared_loops = Lazy("cvo.learning.shared_loops")


class SharedModel(msgspec.Struct, frozen=True, tag="shared"):
    """What is known of k actions over d context features and e attributes; a frozen value with a content hash.

    `mean` (d + e,) and `covariance` (d + e, d + e) are of w and v together, `products` and `products_variance` (d, e)
    of B, `intercepts` and `intercepts_variance` (k,) of α; variances are in units of the noise variance. `fresh` is
    the intercept variance of an action without outcomes. `weight` (k,) is how many rows each action has learned
    from and `squares` the squared surprise of all.
    """

    link: Link
    assumed_noise: float
    fresh: float
    attributes: Stored
    mean: Stored
    covariance: Stored
    products: Stored
    products_variance: Stored
    intercepts: Stored
    intercepts_variance: Stored
    weight: Stored
    squares: float

    @property
    def actions(self) -> int:
        """The number of actions, k."""
        return self.attributes.shape[0]

    @property
    def features(self) -> int:
        """The number of context features, d."""
        return self.products.shape[0]

    @property
    def noise(self) -> float:
        """The variance of an outcome around its mean; 1 for the logit link, which needs none."""
        if self.link == "logit":
            return 1.0
        rows = float(self.weight.read().sum())
        return (NOISE_STRENGTH * self.assumed_noise + self.squares) / (NOISE_STRENGTH + rows)


def new_shared(
    attributes: Any,
    assumed_mean: Any,
    assumed_sd: Any,
    *,
    products_sd: float = 0.5,
    intercept_sd: float = 0.5,
    link: Link = "logit",
    noise_variance: float = 1.0,
) -> SharedModel:
    """Make a model of actions with `attributes` (k, e) that knows nothing but its assumptions.

    `assumed_mean` and `assumed_sd` (d,) are of w, on the scale of the linear predictor; an attribute has the sd of the
    intercept; `products_sd` is of all products of the features, standardised, with one attribute. Raises
    `InvalidInput` for a flat prior.
    """
    table, mean = finite(attributes, "attributes"), finite(assumed_mean, "assumed_mean")
    sd = finite(np.broadcast_to(np.asarray(assumed_sd, dtype=np.float64), mean.shape), "assumed_sd")
    if table.ndim != 2 or mean.ndim != 1:
        raise InvalidInput(f"attributes {table.shape} and assumed_mean {mean.shape} must be (k, e) and (d,)")
    if not (np.all(sd > 0) and min(products_sd, intercept_sd, noise_variance) > 0):
        raise InvalidInput("assumed standard deviations and noise_variance must be positive")
    noise = float(noise_variance) if link == "identity" else 1.0
    k, e = table.shape
    variance = np.concatenate([sd**2, np.full(e, intercept_sd**2)]) / noise
    return SharedModel(
        link=link,
        assumed_noise=noise,
        fresh=float(intercept_sd**2 / noise),
        attributes=Stored.of(table),
        mean=Stored.of(np.concatenate([mean, np.zeros(e)])),
        covariance=Stored.of(np.diag(variance)),
        products=Stored.of(np.zeros((len(mean), e))),
        products_variance=Stored.of(np.full((len(mean), e), products_sd**2 / len(mean) / noise)),
        intercepts=Stored.of(np.zeros(k)),
        intercepts_variance=Stored.of(np.full(k, intercept_sd**2 / noise)),
        weight=Stored.of(np.zeros(k)),
        squares=0.0,
    )


def with_actions(model: SharedModel, attributes: Any) -> SharedModel:
    """Return the model over the actions it knows and new ones after them, with `attributes` (k + new, e).

    What is known of an action by itself stays; what its attributes say goes by those given.
    """
    table = as_rows(attributes, model.attributes.shape[1])
    new = len(table) - model.actions
    if new < 0:
        raise InvalidInput(f"attributes have {len(table)} rows; the model knows {model.actions} actions")
    nothing = np.zeros(new)
    return msgspec.structs.replace(
        model,
        attributes=Stored.of(table),
        intercepts=Stored.of(np.concatenate([model.intercepts.read(), nothing])),
        intercepts_variance=Stored.of(
            np.concatenate([model.intercepts_variance.read(), nothing + model.fresh])
        ),
        weight=Stored.of(np.concatenate([model.weight.read(), nothing])),
    )


class SharedPredictor:
    """Scores rows with a published model; built once per model, safe to share between threads."""

    def __init__(self, model: SharedModel) -> None:
        d, q, noise = model.features, model.attributes.read(), model.noise
        mean, covariance = model.mean.read(), model.covariance.read() * noise
        self.features, self.actions = d, model.actions
        # All that differs between actions is linear in x or in x², and lies action by action for the processor.
        self._mean = np.ascontiguousarray(mean[:d, None] + model.products.read() @ q.T)
        self._level = q @ mean[d:] + model.intercepts.read()
        self._crossed = np.ascontiguousarray(2.0 * covariance[:d, d:] @ q.T)
        self._spread = np.ascontiguousarray(noise * model.products_variance.read() @ (q * q).T)
        self._own = np.einsum("ki,ij,kj->k", q, covariance[d:, d:], q)
        self._own += noise * model.intercepts_variance.read()
        self._shared = np.ascontiguousarray(covariance[:d, :d])

    def __call__(self, features: Any, actions: IntArray | None = None) -> tuple[FloatArray, FloatArray]:
        """Return mean and variance of the linear predictor, both (n, k), for `features` (n, d).

        `actions` picks columns by index. A row's result has the same bits alone and in any batch.
        """
        columns = np.arange(self.actions) if actions is None else np.asarray(actions)
        rows = np.repeat(np.arange(len(features)), len(columns))
        mean, variance = self.cells(features, rows, np.tile(columns, len(features)))
        shape = (len(features), len(columns))
        return mean.reshape(shape), variance.reshape(shape)

    def cells(self, features: Any, rows: IntArray, actions: IntArray) -> tuple[FloatArray, FloatArray]:
        """Return mean and variance (m,) of chosen cells: of `features[rows[i]]` (n, d) under `actions[i]`.

        Cheapest where cells of one row follow each other. Each has the same bits as in the whole table.
        """
        by_action = (self._mean, self._level, self._crossed, self._spread, self._own)
        return shared_loops.scored(as_rows(features, self.features), rows, actions, self._shared, by_action)
