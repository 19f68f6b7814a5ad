"""The loop of `response.Predictor`, compiled: sums in a fixed order, in lanes that processors add up side by side."""

import numpy as np

from cvo.core.compiled import compiled
from cvo.learning.arrays import FloatArray, IntArray

LANES = 8
"""How many partial sums a sum has; what is summed has to be filled up with zeros to a multiple of it."""


@compiled
def scored(
    features: FloatArray, rows: IntArray, actions: IntArray, means: FloatArray, pairs: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return mean and variance (m,) of the cells (`rows[i]`, `actions[i]`) of `features` (n, d).

    `means` (k, ·) and what a variance has of each pair of features, `pairs` (k, ·), the upper triangle row by row, are
    filled up to whole lanes.
    """
    mean, variance = np.empty(len(rows)), np.empty(len(rows))
    here, products = np.zeros(means.shape[1]), np.zeros(pairs.shape[1])
    sums = np.empty(LANES)
    last = -1
    for cell in range(len(rows)):
        if rows[cell] != last:
            last = rows[cell]
            _spread(features[last], here, products)
        mean[cell] = _dot(here, means[actions[cell]], sums)
        variance[cell] = max(_dot(products, pairs[actions[cell]], sums), 0.0)
    return mean, variance


@compiled
def _spread(row: FloatArray, here: FloatArray, products: FloatArray) -> None:
    """Copy a row, and multiply each pair of its features."""
    pair = 0
    for i in range(len(row)):
        here[i] = row[i]
        for j in range(i, len(row)):
            products[pair] = row[i] * row[j]
            pair += 1


@compiled
def _dot(left: FloatArray, right: FloatArray, sums: FloatArray) -> float:
    sums[:] = 0.0
    for start in range(0, len(left), LANES):
        for lane in range(LANES):
            sums[lane] += left[start + lane] * right[start + lane]
    total = 0.0
    for lane in range(LANES):
        total += sums[lane]
    return total
