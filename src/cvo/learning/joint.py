"""What draws say of the effects of all actions that were drawn together, none of them taken as known.

`effect_rows` takes what *else* was delivered out of each action's rows, and so has to be told what that is worth.
Told by the other actions' last estimates it takes each action's effect to be as sure as if those were the truth. Where
nothing is rarely delivered they are not: all effects are differences to the same few customers who got nothing, and
share their error. This writes down the evidence on all weights at once, with everything actions share (see
`together.pool_together`).
"""

from typing import NamedTuple

import numpy as np

from cvo.learning.arrays import FloatArray, IntArray

_BLOCK = 8_000_000
"""Numbers held at a time while rows are multiplied out."""


class Evidence(NamedTuple):
    """A normal likelihood of all weights: `information` (k·q, k·q), action by action, and `potential` (k, q)."""

    information: FloatArray
    potential: FloatArray


class Centred:
    """Draws as a linear map from weights (k, 1 + d) to what they explain of n outcomes.

    `attributed` (n, k) is the first feature, p·m, `features` (n, d) the others; `delivered` (n,) is the index of what
    was delivered, k for nothing, with `probabilities` (n, k + 1).
    """

    def __init__(
        self, attributed: FloatArray, features: FloatArray, delivered: IntArray, probabilities: FloatArray
    ) -> None:
        self._attributed, self._features = attributed, features
        self._centred = -probabilities
        self._centred[np.arange(len(delivered)), delivered] += 1.0
        self._centred = self._centred[:, :-1]

    def effects(self, weights: FloatArray) -> FloatArray:
        """Return τ (n, k)."""
        return np.asarray(self._attributed * weights[:, 0] + self._features @ weights[:, 1:].T)

    def evidence(self, surprise: FloatArray, precision: FloatArray) -> Evidence:
        """Return what outcomes say of all weights.

        `surprise` (n,) is outcome less baseline less Σ P(a)·τ_a by an earlier estimate, which costs precision where
        it is wrong, not truth; `precision` (n,) is what each row counts over the variance of its noise.
        """
        k, q = self._attributed.shape[1], self._features.shape[1] + 1
        information, potential = np.zeros((k * q, k * q)), np.zeros(k * q)
        block = max(1, _BLOCK // max(1, k * q))
        for start in range(0, len(surprise), block):
            part = slice(start, start + block)
            rows = self._rows(part)
            weighed = rows * precision[part, None]
            information += weighed.T @ rows
            potential += weighed.T @ surprise[part]
        return Evidence((information + information.T) / 2, potential.reshape(k, q))

    def _rows(self, part: slice) -> FloatArray:
        """Return ((delivered a) − P(a))·(p·m, x) of some rows, every action's beside the others' (n, k·q)."""
        attributed, features = self._attributed[part], self._features[part]
        k, q = attributed.shape[1], features.shape[1] + 1
        rows = np.empty((len(features), k, q))
        np.multiply(self._centred[part], attributed, out=rows[:, :, 0])
        np.multiply(self._centred[part][:, :, None], features[:, None, :], out=rows[:, :, 1:])
        return rows.reshape(len(features), k * q)
