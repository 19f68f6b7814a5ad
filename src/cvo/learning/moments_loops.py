"""The loops of `moments`, compiled: no library's exponential has a part in them."""

import numpy as np

from cvo.core.compiled import compiled
from cvo.learning.arrays import FloatArray, IntArray
from cvo.learning.exponential import exponential

_FARTHEST = 600.0
"""Up to here nothing that is multiplied over all points leaves the range of numbers."""
_CUT = 700.0


@compiled
def responses(
    mean: FloatArray, variance: FloatArray, nodes: FloatArray, masses: FloatArray, table: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return mean and variance (m,) of 1/(1+e^−f), f normal, by points at `nodes` standard deviations.

    Nodes lie equally far apart, so that e^−f at one is that at the one before times a number.
    """
    count = len(mean)
    points = np.empty((len(nodes), count))
    odds, factor = np.empty(count), np.empty(count)
    apart = nodes[1] - nodes[0]
    for cell in range(count):
        sd = np.sqrt(variance[cell])
        near = abs(mean[cell]) + sd * nodes[-1] < _FARTHEST
        odds[cell] = exponential(-(mean[cell] + sd * nodes[0]), table) if near else np.nan
        factor[cell] = exponential(-sd * apart, table) if near else np.nan
    for node in range(len(nodes)):
        for cell in range(count):
            points[node, cell] = 1.0 / (1.0 + odds[cell])
            odds[cell] *= factor[cell]
    for cell in range(count):
        if np.isnan(factor[cell]):
            for node in range(len(nodes)):
                at = mean[cell] + np.sqrt(variance[cell]) * nodes[node]
                points[node, cell] = 1.0 / (1.0 + exponential(-min(max(at, -_CUT), _CUT), table))
    expected, spread = np.zeros(count), np.zeros(count)
    for node in range(len(nodes)):
        for cell in range(count):
            expected[cell] += masses[node] * points[node, cell]
    for node in range(len(nodes)):
        for cell in range(count):
            off = points[node, cell] - expected[cell]
            spread[cell] += masses[node] * off * off
    return expected, spread


@compiled
def times(
    mean: FloatArray,
    variance: FloatArray,
    other_mean: FloatArray,
    other_variance: FloatArray,
    which: IntArray,
) -> tuple[FloatArray, FloatArray]:
    """Return mean and variance (m,) of a product of independent numbers, the second one's moments at `which` (m,)."""
    found, spread = np.empty(len(mean)), np.empty(len(mean))
    for cell in range(len(mean)):
        first, second = mean[cell], other_mean[which[cell]]
        own, other = variance[cell], other_variance[which[cell]]
        found[cell] = first * second
        spread[cell] = own * other + own * second * second + other * first * first
    return found, spread
