"""The effects of all actions that were drawn together, solved for at once.

`effect_rows` takes what *else* was delivered out of each action's rows, and so has to be told what that is worth.
Told by the other actions' last estimates it needs many rounds where nothing is rarely drawn: what one action gets too
much of, the others get too little. This solves all rows of all actions together, by conjugate gradients (Hestenes
and Stiefel 1952) preconditioned with what each action knows alone; nothing of size (kd)² is ever made.
"""

import numpy as np

from cvo.learning.arrays import FloatArray, IntArray
from cvo.learning.response import ResponseModel

_TOLERANCE = 1e-4
_MOST = 200


class Centred:
    """Draws as a linear map from weights (k, 1 + d) to what they explain of n outcomes, and back.

    `attributed` (n, k) is the first feature, p·m, `features` (n, d) the others; `delivered` (n,) is the index of what
    was delivered, k for nothing, with `probabilities` (n, k + 1); `weights` (n,) are what each row counts.
    """

    def __init__(
        self,
        attributed: FloatArray,
        features: FloatArray,
        delivered: IntArray,
        probabilities: FloatArray,
        weights: FloatArray,
    ) -> None:
        self._attributed, self._features, self._weights = attributed, features, weights
        self._centred = -probabilities
        self._centred[np.arange(len(delivered)), delivered] += 1.0
        self._centred = self._centred[:, :-1]

    def effects(self, weights: FloatArray) -> FloatArray:
        """Return τ (n, k)."""
        return np.asarray(self._attributed * weights[:, 0] + self._features @ weights[:, 1:].T)

    def explained(self, weights: FloatArray) -> FloatArray:
        """Return Σ_a ((delivered a) − P(a))·τ_a (n,)."""
        return np.asarray((self._centred * self.effects(weights)).sum(axis=1))

    def seen(self, residual: FloatArray) -> FloatArray:
        """Return the transposed map of a residual (n,), weighted: (k, 1 + d)."""
        pulled = self._centred * (self._weights * residual)[:, None]
        return np.column_stack([(pulled * self._attributed).sum(axis=0), pulled.T @ self._features])


def solved(model: ResponseModel, draws: Centred, surprise: FloatArray) -> FloatArray:
    """Return the weights (k, 1 + d) most probable given all draws together, under the model's prior.

    `model` has learned from each action's rows alone, which is what makes few steps enough; `surprise` (n,) is
    outcome less baseline less Σ P(a)·τ_a by an earlier estimate, which costs precision where it is wrong, not truth.
    """
    prior, alone = np.linalg.inv(model.prior_covariance.read()), model.covariance.read()
    weights = model.mean.read().copy()
    residual = draws.seen(surprise - draws.explained(weights))
    residual -= np.einsum("kij,kj->ki", prior, weights - model.prior_mean.read())
    direction = np.einsum("kij,kj->ki", alone, residual)
    strength = float((residual * direction).sum())
    enough = _TOLERANCE**2 * strength
    for _ in range(_MOST):
        if strength <= enough or strength <= 0:
            break
        curved = draws.seen(draws.explained(direction)) + np.einsum("kij,kj->ki", prior, direction)
        step = strength / float((direction * curved).sum())
        weights += step * direction
        residual -= step * curved
        ahead = np.einsum("kij,kj->ki", alone, residual)
        before, strength = strength, float((residual * ahead).sum())
        direction = ahead + (strength / before) * direction
    return weights
