"""Pooling where evidence on the actions is not independent: one posterior of all weights of all actions.

The hierarchy is that of `pooling`: w_a = m + Σ_levels u_level(a) + ε_a, variances learned by EM. There every action
has a likelihood of its own; here one likelihood bears on all, as when their effects are differences to the same few
customers. Pooling such estimates as if each erred alone would take an error that all share for what they have in
common, and be surer of it with every action.
"""

from collections.abc import Sequence

import msgspec
import numpy as np

from cvo.core.errors import InvalidInput
from cvo.learning.arrays import FloatArray, IntArray, as_indices, finite
from cvo.learning.joint import Evidence
from cvo.learning.pooling import Blocks, blocks_of

LARGEST = 2_048
"""So many weights, of all actions together, have a posterior of their own size; it takes their third power."""

_ROUNDS = 50
_TOLERANCE = 1e-3
_SMALLEST_SHARE = 1e-6


class Together(msgspec.Struct, frozen=True, eq=False):
    """The posterior of k actions' d weights: `mean` (k, d) and, of each action by itself, `covariance` (k, d, d).

    `prior_mean` and `prior_covariance` are what an action's own draws are added to: what remains when the evidence
    they carry, whatever the other actions do, is taken out again. `fitted` is how many weights the data really
    moved, of use to say how much noise is left.
    """

    mean: FloatArray
    covariance: FloatArray
    prior_mean: FloatArray
    prior_covariance: FloatArray
    fitted: float


def pool_together(
    evidence: Evidence,
    groups: Sequence[IntArray],
    prior_mean: FloatArray,
    prior_variance: FloatArray,
    *,
    prior_strength: float = 2.0,
) -> Together:
    """Return the posterior of all weights given evidence on them together; arguments as of `pooling.pool`.

    With evidence on every action alone the posterior is that of `pool` and each action's own data. Raises
    `InvalidInput` on shapes that do not fit, and for more than `LARGEST` weights.

    >>> told = Evidence(np.array([[52.0, -48.0], [-48.0, 52.0]]), np.array([[4.0], [4.0]]))
    >>> found = pool_together(told, [], np.zeros(1), np.ones(1))  # their difference is known, and little else
    >>> found.mean[:, 0].round(2), found.covariance[:, 0, 0].round(2)
    (array([0.7, 0.7]), array([0.18, 0.18]))
    """
    k, d = evidence.potential.shape
    levels = [as_indices(level, None, "groups") for level in groups]
    if evidence.information.shape != (k * d, k * d) or prior_mean.shape != (d,):
        raise InvalidInput(
            f"information {evidence.information.shape}, potential {(k, d)} and prior_mean {prior_mean.shape} "
            "must be (k·d, k·d), (k, d) and (d,)"
        )
    if prior_variance.shape != (d,) or not np.all(finite(prior_variance, "prior_variance") > 0):
        raise InvalidInput("prior_variance needs a positive number for every weight")
    if any(len(level) != k for level in levels) or k * d > LARGEST:
        raise InvalidInput(f"{k} actions need {k} numbers a level and at most {LARGEST} weights, not {k * d}")
    # In units of what was assumed, so that money and shares are inverted alike.
    unit = np.sqrt(prior_variance)
    scale, start = np.tile(unit, k), np.tile(prior_mean / unit, k)
    seen = evidence.information * np.outer(scale, scale)
    surprise = evidence.potential.reshape(k * d) * scale - seen @ start
    hierarchy = _Hierarchy(seen, surprise, blocks_of(levels, k), d)
    split = 0.5 / (len(levels) + 1)
    assumed = np.outer([0.5] + [split] * (len(levels) + 1), np.ones(d))
    spread = assumed
    for _ in range(_ROUNDS if hierarchy.informed.any() else 0):
        moved = hierarchy.spread_given(spread, assumed, prior_strength)
        settled = np.all(np.abs(moved - spread) <= _TOLERANCE * spread)
        spread = np.maximum(moved, _SMALLEST_SHARE)
        if settled:
            break
    found = hierarchy.told(spread)
    square = np.outer(unit, unit)
    return Together(
        prior_mean + found.mean * unit,
        found.covariance * square,
        prior_mean + found.prior_mean * unit,
        found.prior_covariance * square,
        found.fitted,
    )


class _Hierarchy:
    """The posterior of all weights, less what was assumed of them, for given variances."""

    def __init__(self, seen: FloatArray, surprise: FloatArray, blocks: Blocks, width: int) -> None:
        self._seen, self._surprise, self._width = seen, surprise, width
        self._actions = len(blocks.of_action)
        self._level = blocks.level
        self._bears = np.zeros((self._actions, len(blocks.level)))
        np.put_along_axis(self._bears, blocks.of_action, 1.0, axis=1)
        self.informed = np.asarray(self._by_action(seen).any(axis=(1, 2)))
        self._reached = np.unique(blocks.of_action[self.informed])

    def spread_given(self, spread: FloatArray, assumed: FloatArray, strength: float) -> FloatArray:
        """One EM step: variances from the second moments of the shared terms and of the deviations."""
        precision = self._between(spread)
        mean, covariance = self._posterior(precision)
        f = np.arange(self._width)
        cells = covariance.reshape(self._actions, self._width, self._actions, self._width)
        by_feature = mean.reshape(self._actions, self._width).T
        moments = cells[:, f, :, f] + by_feature[:, :, None] * by_feature[:, None, :]
        terms = spread[self._level].T
        gain = terms[:, :, None] * (self._bears.T @ precision)
        term_moments = terms - np.einsum("jta,at,jt->jt", gain, self._bears, terms)
        term_moments += np.einsum("jta,jab,jtb->jt", gain, moments, gain)
        own = spread[-1][:, None, None] * precision
        own_moments = spread[-1][:, None] * (1 - np.einsum("jaa->ja", own))
        own_moments += np.einsum("jab,jbc,jac->ja", own, moments, own)
        moved = np.empty_like(assumed)
        for level in range(len(assumed) - 1):
            members = self._reached[self._level[self._reached] == level]
            moved[level] = strength * assumed[level] + term_moments[:, members].sum(axis=1)
            moved[level] /= strength + len(members)
        moved[-1] = strength * assumed[-1] + own_moments[:, self.informed].sum(axis=1)
        moved[-1] /= strength + self.informed.sum()
        return moved

    def told(self, spread: FloatArray) -> Together:
        """Return the posterior, and what of it is not each action's own evidence."""
        between = self._between(spread)
        mean, covariance = self._posterior(between)
        after = np.linalg.inv(self._by_action(covariance))
        own, potential = self._own(between)
        before = after - own
        prior_covariance = np.linalg.inv((before + before.transpose(0, 2, 1)) / 2)
        by_action = mean.reshape(self._actions, self._width)
        target = np.einsum("kij,kj->ki", after, by_action) - potential
        return Together(
            mean=by_action,
            covariance=self._by_action(covariance),
            prior_mean=np.einsum("kij,kj->ki", prior_covariance, target),
            prior_covariance=(prior_covariance + prior_covariance.transpose(0, 2, 1)) / 2,
            fitted=float((covariance * self._seen).sum()),
        )

    def _own(self, between: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return information and potential of each action by itself, when next to nothing is known of the others.

        They keep half of the least the hierarchy says of them: then what remains of any action's posterior
        is positive (the Schur complement is superadditive), and evidence that can't tell actions apart is nobody's own.
        """
        least = np.tile(0.5 * np.linalg.eigvalsh(between)[:, 0], self._actions)
        alone = _inverse(self._seen + np.diag(least))
        total = np.linalg.inv(self._by_action(alone))
        potential = np.einsum("kij,kj->ki", total, (alone @ self._surprise).reshape(self._actions, -1))
        own = total - np.diag(least[: self._width])
        seen = self.informed
        return own * seen[:, None, None], potential * seen[:, None]

    def _posterior(self, between: FloatArray) -> tuple[FloatArray, FloatArray]:
        precision = self._seen.copy()
        cells = precision.reshape(self._actions, self._width, self._actions, self._width)
        f = np.arange(self._width)
        cells[:, f, :, f] += between
        covariance = _inverse(precision)
        return covariance @ self._surprise, covariance

    def _between(self, spread: FloatArray) -> FloatArray:
        """Return the precision (d, k, k) that the hierarchy has of all actions' weights of each feature."""
        shared = np.einsum("at,tj,bt->jab", self._bears, spread[self._level], self._bears)
        return np.asarray(np.linalg.inv(shared + spread[-1][:, None, None] * np.eye(self._actions)))

    def _by_action(self, square: FloatArray) -> FloatArray:
        a = np.arange(self._actions)
        cells = square.reshape(self._actions, self._width, self._actions, self._width)
        return np.asarray(cells[a, :, a, :])


def _inverse(precision: FloatArray) -> FloatArray:
    # Imported late: only learning needs scipy.linalg.
    from scipy.linalg.lapack import dpotrf, dpotri

    factor, failed = dpotrf(precision, lower=1)
    lower, wrong = dpotri(factor, lower=1) if not failed else (factor, failed)
    if failed or wrong:
        raise InvalidInput("the evidence on all weights is no positive matrix; its scales are too far apart")
    lower = np.tril(lower)
    return np.asarray(lower + np.tril(lower, -1).T)
