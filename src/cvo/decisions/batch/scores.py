"""Scores of many customers under one model whose actions share the shape of their uncertainty."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from cvo.core.errors import InvalidInput
from cvo.learning import product

FloatArray = NDArray[np.float64]
Single = NDArray[np.float32]
Moments = tuple[FloatArray, FloatArray]


class SharedCovariance(msgspec.Struct, frozen=True, eq=False):
    """What is known of k actions over d features, with one covariance Σ for all that each action scales.

    `weights` (d, k) are means of the logits' coefficients, `root` (d, d) has Σ = root·rootᵀ, `spread` (k,) scales it;
    `incrementality` and `margin` are means and variances (k,), `cost` (k,) is money a contact.
    """

    weights: Single
    root: Single
    spread: FloatArray
    incrementality: Moments
    margin: Moments
    cost: FloatArray

    def scores(self, design: Single) -> Moments:
        """Return mean and sd (n, k) of κ·p·m − cost for rows (n, d); a row has the same bits alone and in any batch.

        p is integrated over its logit's uncertainty. Raises `InvalidInput` for rows of another width.
        """
        from cvo.decisions.batch.kernels import money, products
        from cvo.decisions.batch.tables import logistic_table

        if design.ndim != 2 or design.shape[1] != self.weights.shape[0]:
            raise InvalidInput(
                f"rows have shape {design.shape}; the model has {self.weights.shape[0]} features"
            )
        shape = (len(design), self.weights.shape[1])
        logits, projected = np.empty(shape, np.float32), np.empty(design.shape, np.float32)
        products(design, self.weights, logits)
        products(design, self.root, projected)
        distance = np.square(projected, dtype=np.float64).sum(axis=1)
        worth, variance = product(self.incrementality, self.margin)
        mean, sd = np.empty(shape), np.empty(shape)
        money(logits, distance, self.spread, logistic_table(), worth, variance, self.cost, mean, sd)
        return mean, sd
