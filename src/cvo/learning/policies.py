"""Policies: from uncertain scores to the exact probability of every option, doing nothing included."""

from math import prod
from typing import TYPE_CHECKING, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from cvo.core.errors import InvalidInput
from cvo.core.lazy import Lazy
from cvo.learning.arrays import FloatArray, IntArray, plain
from cvo.learning.propensity import check_scores, check_shapes, no_scores

if TYPE_CHECKING:
    from cvo.learning import contest, thompson
else:
    contest = Lazy("cvo.learning.contest")
    thompson = Lazy("cvo.learning.thompson")


class Policy(Protocol):
    """Turns scores into probabilities; doing nothing scores 0 and stands last."""

    def probabilities(self, mean: FloatArray, sd: FloatArray) -> FloatArray:
        """Return P(option), shape (…, k + 1), for scores of `mean` and `sd` (…, k); rows sum to one.

        Raises `InvalidInput` when a mean is not finite or an sd negative.
        """
        ...


class Thompson(msgspec.Struct, frozen=True, tag=True):
    """Thompson sampling among the candidates, then a second, independent draw of the winner against 0.

    P(a) = Φ(μ_a/s_a) · ∫ φ_a ∏_{b≠a} Φ_b and P(nothing) = 1 − Σ, with s = `scale`·sd. One noiseless zero
    against the best of many noisy scores would never win; the second draw removes that advantage. With
    `optimistic`, candidates compete with mean + s·|z| (after May, Korda, Lee and Leslie 2012, "Optimistic
    Bayesian sampling"); the draw against nothing stays plain, for optimism is a reason to try one action
    instead of another, not to act.

    >>> Thompson().probabilities(np.array([1.0, 0.0]), np.array([1.0, 1.0])).round(4)
    array([0.6396, 0.1199, 0.2405])
    """

    scale: float = 1.0
    optimistic: bool = False
    floor: float = 0.0

    def __post_init__(self) -> None:
        _require(self.scale >= 0, "scale", self.scale, "not negative")
        _check_floor(self.floor)

    def probabilities(
        self, mean: FloatArray, sd: FloatArray, *, among: NDArray[np.bool_] | None = None
    ) -> FloatArray:
        """Return P(option), shape (…, k + 1); 0 for candidates outside of `among` (…, k), whatever their score."""
        mean, sd = plain(mean, np.float64), plain(sd, np.float64)
        here = np.ones(mean.shape, np.bool_) if among is None else plain(among, np.bool_)
        check_shapes(mean, sd)
        *shape, width = mean.shape
        rows = (prod(shape), width)
        found = np.empty((rows[0], width + 1))
        mean, sd, here = mean.reshape(rows), sd.reshape(rows), here.reshape(rows)
        if not thompson.chances(
            mean, sd, here, self.scale, self.optimistic, self.floor, *contest.tables(), found
        ):
            raise no_scores()
        return found.reshape((*shape, width + 1))


class InverseGap(msgspec.Struct, frozen=True, tag=True):
    """Inverse-gap weighting: P(o) = 1/(K + γ·gap_o), the rest on the best (Foster and Rakhlin 2020).

    K = k + 1 options; `gamma` is in options per unit of score, larger is greedier; sd is not used.
    """

    gamma: float
    floor: float = 0.0

    def __post_init__(self) -> None:
        _require(self.gamma >= 0, "gamma", self.gamma, "not negative")
        _check_floor(self.floor)

    def probabilities(self, mean: FloatArray, sd: FloatArray) -> FloatArray:
        """Return P(option), shape (…, k + 1)."""
        scores = _with_zero(check_scores(mean, sd)[0])
        best = scores.max(axis=-1, keepdims=True)
        result = 1.0 / (scores.shape[-1] + self.gamma * (best - scores))
        ties = scores == best
        rest = 1.0 - result.sum(axis=-1, keepdims=True)
        result += np.where(ties, np.maximum(rest, 0.0) / ties.sum(axis=-1, keepdims=True), 0.0)
        return with_floor(result, self.floor)


class Greedy(msgspec.Struct, frozen=True, tag=True):
    """The option with the best mean, doing nothing at 0 included; equals share."""

    floor: float = 0.0

    def __post_init__(self) -> None:
        _check_floor(self.floor)

    def probabilities(self, mean: FloatArray, sd: FloatArray) -> FloatArray:
        """Return P(option), shape (…, k + 1)."""
        scores = _with_zero(check_scores(mean, sd)[0])
        ties = scores == scores.max(axis=-1, keepdims=True)
        return with_floor(ties / ties.sum(axis=-1, keepdims=True), self.floor)


class Uniform(msgspec.Struct, frozen=True, tag=True):
    """Every option alike, doing nothing included."""

    def probabilities(self, mean: FloatArray, sd: FloatArray) -> FloatArray:
        """Return P(option), shape (…, k + 1)."""
        shape = check_scores(mean, sd)[0].shape
        return np.full((*shape[:-1], shape[-1] + 1), 1.0 / (shape[-1] + 1))


class Constant(msgspec.Struct, frozen=True, tag=True):
    """Always the candidate with this index, or nothing (`None`, also where there is no such candidate)."""

    option: int | None = None
    floor: float = 0.0

    def __post_init__(self) -> None:
        _require(self.option is None or self.option >= 0, "option", self.option or 0, "not negative")
        _check_floor(self.floor)

    def probabilities(self, mean: FloatArray, sd: FloatArray) -> FloatArray:
        """Return P(option), shape (…, k + 1)."""
        shape = check_scores(mean, sd)[0].shape
        result = np.zeros((*shape[:-1], shape[-1] + 1))
        result[..., -1 if self.option is None or self.option >= shape[-1] else self.option] = 1.0
        return with_floor(result, self.floor)


def with_floor(probabilities: FloatArray, floor: float) -> FloatArray:
    """Mix a share `floor` of the uniform distribution into each row and renormalise it to sum to one."""
    mixed = (1.0 - floor) * np.asarray(probabilities, order="C") + floor / probabilities.shape[-1]
    return np.asarray(mixed / mixed.sum(axis=-1, keepdims=True))


def draw(probabilities: FloatArray, uniform: FloatArray | float) -> IntArray:
    """Return the index each row of `probabilities` (…, m) gives for a number in [0, 1), by cumulative sum.

    An option of probability 0 is never drawn, whatever rounding does to the sum.

    >>> int(draw(np.array([0.25, 0.0, 0.75]), 0.25))
    2
    """
    table = plain(probabilities, np.float64)
    *shape, width = table.shape
    points = np.empty(shape)
    points[...] = uniform
    return thompson.drawn(table.reshape(points.size, width), points.reshape(-1)).reshape(shape)


def _with_zero(mean: FloatArray) -> FloatArray:
    return np.concatenate([mean, np.zeros((*mean.shape[:-1], 1))], axis=-1)


def _check_floor(floor: float) -> None:
    _require(0.0 <= floor <= 1.0, "floor", floor, "a share between 0 and 1")


def _require(holds: bool, name: str, value: float, what: str) -> None:
    if not holds:
        raise InvalidInput(f"{name} is {value}; it must be {what}")
