"""Maximum likelihood on the log scale, and how sure it is of its parameters."""

from collections.abc import Callable
from typing import Generic, Protocol, Self, TypeVar

import msgspec
import numpy as np

from cvo.core.evidence import Interval
from cvo.lifetime.blocks import FloatArray

Score = Callable[[FloatArray], tuple[float, FloatArray]]
"""Log-likelihood and its gradient at log parameters."""

# Every time is scaled by its mean first; outside e^±12 the data say "none of it" or "no limit".
_BOUND = 12.0
_STEP = 1e-6
# Squared distance to the maximum, in standard errors.
_NEAR, _ARRIVED = 1e-2, 1e-8


class Parametric(Protocol):
    """A model with positive parameters in the order of its paper."""

    @property
    def values(self) -> tuple[float, ...]:
        """The parameters."""
        ...

    @classmethod
    def of(cls, values: FloatArray) -> Self:
        """Make the model from its parameters."""
        ...

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the names of the parameters."""
        ...


Model = TypeVar("Model", bound=Parametric)


class Fit(msgspec.Struct, Generic[Model], frozen=True, kw_only=True):
    """A model fitted by maximum likelihood.

    `covariance` is of the logarithms of the parameters, from the observed information; `at_bound` names
    parameters the data push to 0 or infinity, whose own uncertainty is then not stated.
    """

    model: Model
    log_likelihood: float
    customers: int
    covariance: tuple[tuple[float, ...], ...]
    at_bound: tuple[str, ...] = ()

    @property
    def parameters(self) -> dict[str, float]:
        """The parameters by name, in the paper's order."""
        return dict(zip(self.model.names(), self.model.values, strict=True))

    @property
    def standard_errors(self) -> dict[str, float]:
        """Standard errors of the parameters themselves, by the delta method."""
        spread = np.sqrt(np.diag(np.array(self.covariance)))
        return {
            name: float(value * s) for (name, value), s in zip(self.parameters.items(), spread, strict=True)
        }

    def intervals(self, level: float = 0.95) -> dict[str, Interval]:
        """Return an interval for every parameter: symmetric on the log scale, so never negative."""
        from scipy.special import ndtri

        reach = ndtri(0.5 + level / 2) * np.sqrt(np.diag(np.array(self.covariance)))
        return {
            name: Interval(float(value * np.exp(-w)), float(value * np.exp(w)), level)
            for (name, value), w in zip(self.parameters.items(), reach, strict=True)
        }

    def draws(self, count: int, rng: np.random.Generator) -> list[Model]:
        """Return models with parameters drawn from their approximate (Laplace) posterior."""
        values, vectors = np.linalg.eigh(np.array(self.covariance))
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        centre = np.log(np.array(self.model.values))
        noise = rng.standard_normal((count, centre.shape[0]))
        return [self.model.of(np.exp(np.clip(centre + root @ z, centre - 5, centre + 5))) for z in noise]


class Maximum(msgspec.Struct, frozen=True, eq=False):
    """Where a log-likelihood is largest: log parameters, its value, their covariance, which are at a
    bound."""

    theta: FloatArray
    log_likelihood: float
    covariance: FloatArray
    at_bound: "np.ndarray[tuple[int], np.dtype[np.bool_]]"


def maximise(
    score: Score, start: FloatArray, *, coarse: Score | None = None, coarse_share: float = 1.0
) -> Maximum:
    """Maximise a smooth log-likelihood over log parameters.

    `coarse` is the same function on a thinned sample (`coarse_share` of the rows): it finds the
    neighbourhood and the curvature, so that the whole data is read only a few times.
    """
    theta = _climb(coarse or score, start)
    curvature = _curvature(coarse or score, theta) / coarse_share
    exact = coarse is None
    value, gradient = score(theta)
    since = 0
    for _ in range(60):
        step = _newton_step(curvature, gradient, _free(theta, gradient))
        arrived = float(gradient @ step) < (_ARRIVED if exact else _NEAR)
        if not arrived:
            theta, value, gradient, moved = _advance(score, theta, value, gradient, step)
            arrived = not moved
        if arrived and exact:
            break
        since += 1
        if arrived or since == 4:
            curvature, exact, since = _curvature(score, theta, gradient), True, 0
    free = _free(theta, gradient)
    return Maximum(theta, value, _covariance(curvature, free), ~free)


def _climb(score: Score, start: FloatArray) -> FloatArray:
    from scipy.optimize import minimize

    def loss(theta: FloatArray) -> tuple[float, FloatArray]:
        value, gradient = score(theta)
        return -value, -gradient

    result = minimize(
        loss,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[(-_BOUND, _BOUND)] * len(start),
        options={"maxiter": 500, "ftol": 1e-12, "gtol": 1e-9 * max(1.0, abs(loss(start)[0]))},
    )
    return np.asarray(result.x, dtype=np.float64)


def _advance(
    score: Score, theta: FloatArray, value: float, gradient: FloatArray, step: FloatArray
) -> tuple[FloatArray, float, FloatArray, bool]:
    for halving in range(12):
        there = np.clip(theta + step * 0.5**halving, -_BOUND, _BOUND)
        new_value, new_gradient = score(there)
        # Sums of a million terms are equal only up to rounding; a climb smaller than that is an arrival.
        if new_value >= value - 1e-13 * abs(value):
            return there, new_value, new_gradient, bool(np.any(there != theta))
    return theta, value, gradient, False


def _curvature(score: Score, theta: FloatArray, gradient: FloatArray | None = None) -> FloatArray:
    """Return minus the Hessian, by differences of the gradient (central where no gradient is at hand)."""
    rows = []
    for k in range(theta.shape[0]):
        shift = np.zeros_like(theta)
        shift[k] = _STEP if gradient is not None else 1e-4
        ahead = score(theta + shift)[1]
        behind = gradient if gradient is not None else score(theta - shift)[1]
        rows.append((behind - ahead) / (shift[k] if gradient is not None else 2 * shift[k]))
    matrix = np.array(rows)
    return np.asarray((matrix + matrix.T) / 2)


def _free(theta: FloatArray, gradient: FloatArray) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    at_bound = np.abs(theta) > _BOUND - 1e-6
    return np.asarray(~(at_bound & (gradient * theta > -1e-9)))


def _newton_step(
    curvature: FloatArray, gradient: FloatArray, free: "np.ndarray[tuple[int], np.dtype[np.bool_]]"
) -> FloatArray:
    step = np.zeros_like(gradient)
    if free.any():
        values, vectors = np.linalg.eigh(curvature[np.ix_(free, free)])
        # Along a flat ridge the curvature may come out as zero or negative: go uphill, not far.
        values = np.maximum(np.abs(values), 1e-8 * np.abs(values).max() + 1e-300)
        step[free] = vectors @ ((vectors.T @ gradient[free]) / values)
    return np.asarray(np.clip(step, -2.0, 2.0))


def _covariance(curvature: FloatArray, free: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> FloatArray:
    covariance = np.zeros_like(curvature)
    if free.any():
        values, vectors = np.linalg.eigh(curvature[np.ix_(free, free)])
        values = np.maximum(values, 1e-6 * np.abs(values).max() + 1e-300)
        covariance[np.ix_(free, free)] = (vectors / values) @ vectors.T
    return covariance
