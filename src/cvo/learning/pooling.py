"""Pooling: what similar actions teach about one of them, and how far they can be trusted to be similar.

Every action a has weights w_a = m + Σ_levels u_level(a) + ε_a, with m common to all, u shared by the
actions of one group (a team, a stage, a channel) and ε_a its own. All are normal; the variances are
learned (empirical Bayes: Efron and Morris 1975; the EM updates are those of Laird and Ware 1982, §3).
"""

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from cvo.core.errors import InvalidInput
from cvo.learning.arrays import FloatArray, IntArray, as_indices, finite

_ROUNDS = 50
_TOLERANCE = 1e-3
_SMALLEST_SHARE = 1e-6


class Pooled(msgspec.Struct, frozen=True):
    """For each of k actions, what everything but its own data says about its d weights.

    `mean` is (k, d) and `covariance` (k, d, d). `spread` (levels + 2, d) holds the learned variances: of what
    is common to all around the assumed mean, between the groups of each level, and, in the last row, between
    the actions of one group.
    """

    mean: FloatArray
    covariance: FloatArray
    spread: FloatArray


def pool(
    information: FloatArray,
    potential: FloatArray,
    groups: Sequence[IntArray],
    prior_mean: FloatArray,
    prior_variance: FloatArray,
    *,
    prior_strength: float = 2.0,
) -> Pooled:
    """Learn the prior of every action from the data of all the others.

    `information` (k, d, d) and `potential` (k, d) describe each action's own data: a normal likelihood
    with precision D and D·ŵ; both are zero for a new action. `groups` holds one vector of k group numbers
    per level. `prior_mean` and `prior_variance` (d,) are what is assumed of an action before any data:
    the variance is never flat, and half of it is common to all actions. `prior_strength` says how many groups
    or actions the assumed variances are worth. Raises `InvalidInput` on shapes that do not fit.

    The prior of an action leaves its own data out, so combining the two counts nothing twice.

    >>> data = np.array([100.0, 100.0, 0.0]).reshape(3, 1, 1)  # two well-measured actions and a new one
    >>> prior = pool(data, data[:, :, 0] * 2.0, [], np.zeros(1), np.ones(1))
    >>> prior.mean[:, 0].round(1)
    array([1.6, 1.6, 1.8])
    """
    actions = _checked(information, potential, prior_mean, prior_variance)
    levels = [as_indices(level, None, "groups") for level in groups]
    if any(len(level) != actions for level in levels):
        raise InvalidInput(f"every level of groups needs one number for each of the {actions} actions")
    split = 0.5 / (len(levels) + 1)
    assumed = np.outer([0.5] + [split] * (len(levels) + 1), prior_variance)
    data, blocks = _Data(information, potential), blocks_of(levels, actions)
    informed = np.asarray(information.any(axis=(1, 2)))
    spread = assumed
    for _ in range(_ROUNDS if informed.any() else 0):
        fit = _Fit(data, blocks, prior_mean, spread)
        moved = fit.spread_given(assumed, informed, prior_strength)
        settled = np.all(np.abs(moved - spread) <= _TOLERANCE * spread)
        spread = np.maximum(moved, _SMALLEST_SHARE * prior_variance)
        if settled:
            break
    fit = _Fit(data, blocks, prior_mean, spread)
    mean, covariance = fit.without_own_data()
    return Pooled(mean, covariance, spread)


def _checked(
    information: FloatArray, potential: FloatArray, prior_mean: FloatArray, prior_variance: FloatArray
) -> int:
    actions, width = potential.shape
    if information.shape != (actions, width, width) or prior_mean.shape != (width,):
        raise InvalidInput(
            f"information {information.shape}, potential {potential.shape} and prior_mean {prior_mean.shape} "
            "must be (k, d, d), (k, d) and (d,)"
        )
    if prior_variance.shape != (width,) or not np.all(finite(prior_variance, "prior_variance") > 0):
        raise InvalidInput(
            "prior_variance needs a positive number for every weight; a flat prior is not offered"
        )
    return int(actions)


class _Data(NamedTuple):
    information: FloatArray
    potential: FloatArray


class Blocks(NamedTuple):
    """Which shared terms make up each action, (k, levels + 1), and which level each term belongs to."""

    of_action: IntArray
    level: IntArray


def blocks_of(levels: list[IntArray], actions: int) -> Blocks:
    """Number the shared terms: 0 is common to all, then the groups of each level in order."""
    columns, level_of = [np.zeros(actions, dtype=np.int64)], [0]
    for number, level in enumerate(levels, start=1):
        names, position = np.unique(level, return_inverse=True)
        columns.append(position.astype(np.int64) + len(level_of))
        level_of += [number] * len(names)
    return Blocks(np.stack(columns, axis=1), np.asarray(level_of))


class _Fit:
    """The posterior of the shared terms for given variances (a linear mixed model in information form)."""

    def __init__(self, data: _Data, blocks: Blocks, prior_mean: FloatArray, spread: FloatArray) -> None:
        self.data, self.blocks, self.spread = data, blocks, spread
        own = 1 / spread[-1]
        self.own_covariance = np.linalg.inv(data.information + np.diag(own))
        # An action's data seen from the shared terms: its own deviation ε integrated out.
        seen = data.information @ self.own_covariance * own
        self.seen = (seen + seen.transpose(0, 2, 1)) / 2
        self.seen_potential = own * np.einsum("kij,kj->ki", self.own_covariance, data.potential)
        shared, width = len(blocks.level), len(prior_mean)
        # Which pairs of terms an action's data bear on: one product instead of a loop over actions and pairs.
        bears = np.zeros((len(blocks.of_action), shared))
        np.put_along_axis(bears, blocks.of_action, 1.0, axis=1)
        both = (bears[:, :, None] * bears[:, None, :]).reshape(len(bears), bears.shape[1] ** 2)
        precision = (both.T @ self.seen.reshape(len(bears), width**2)).reshape(shared, shared, width, width)
        term, feature = np.ogrid[:shared, :width]
        precision[term, term, feature, feature] += 1 / spread[blocks.level]
        # Terms are deviations from the assumed mean, which data about an action therefore exceed by D·mean.
        surprise = self.seen_potential - self.seen @ prior_mean
        size = shared * width
        covariance = np.linalg.inv(precision.transpose(0, 2, 1, 3).reshape(size, size))
        self.terms = (covariance @ (bears.T @ surprise).reshape(size)).reshape(shared, width)
        self.terms_variance = np.diagonal(covariance).reshape(shared, width)
        by_term = covariance.reshape(shared, width, shared, width).transpose(0, 2, 1, 3)
        self.mean = prior_mean + self.terms[blocks.of_action].sum(axis=1)
        self.covariance = sum(by_term[i, j] for i, j in product(blocks.of_action.T, repeat=2))

    def spread_given(self, assumed: FloatArray, informed: NDArray[np.bool_], strength: float) -> FloatArray:
        """One EM step: variances from the second moments of the shared terms and of the deviations."""
        gain = self.own_covariance @ self.data.information
        residual = self.data.potential - np.einsum("kij,kj->ki", self.data.information, self.mean)
        deviation = np.einsum("kij,kj->ki", self.own_covariance, residual)
        variance = np.diagonal(
            self.own_covariance + gain @ self.covariance @ gain.transpose(0, 2, 1), 0, 1, 2
        )
        moments = self.terms**2 + self.terms_variance
        reached = np.unique(self.blocks.of_action[informed])
        moved = np.empty_like(assumed)
        for level in range(len(assumed) - 1):
            members = reached[self.blocks.level[reached] == level]
            moved[level] = strength * assumed[level] + moments[members].sum(axis=0)
            moved[level] /= strength + len(members)
        moved[-1] = strength * assumed[-1] + (deviation**2 + variance)[informed].sum(axis=0)
        moved[-1] /= strength + informed.sum()
        return moved

    def without_own_data(self) -> tuple[FloatArray, FloatArray]:
        """Each action's prior: the shared part less the action's own message, plus its own spread."""
        precision = np.linalg.inv(self.covariance)
        left = np.linalg.inv(precision - self.seen)
        target = np.einsum("kij,kj->ki", precision, self.mean) - self.seen_potential
        covariance = (left + left.transpose(0, 2, 1)) / 2 + np.diag(self.spread[-1])
        return np.einsum("kij,kj->ki", left, target), covariance
