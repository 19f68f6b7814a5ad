"""Compiled loops over customers × actions; they hold no lock of the interpreter, and their sums are of integers.

Sums of floats depend on the order they are added in, sums of integers do not: whatever the order of customers or the
number of threads, demand has the same bits.
"""

import numpy as np
from numpy.typing import NDArray

from cvo.core.compiled import compiled

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Values = NDArray[np.float32]


@compiled
def demanded(values: Values, charge: FloatArray, scale: float) -> tuple[IntArray, int]:
    """Return how many customers want each action (k,) at these charges, and their surplus in units of 1/scale."""
    counts = np.zeros(values.shape[1], np.int64)
    surplus = np.int64(0)
    net = charge.astype(np.float32)
    for i in range(values.shape[0]):
        best, chosen = np.float32(0.0), -1
        for a in range(values.shape[1]):
            score = values[i, a] - net[a]
            if score > best:
                best, chosen = score, a
        if chosen >= 0:
            counts[chosen] += 1
            surplus += np.int64((float(values[i, chosen]) - charge[chosen]) * scale + 0.5)
    return counts, int(surplus)


@compiled
def best_of(
    values: Values, rows: IntArray, charge: FloatArray, fits: NDArray[np.bool_], least: float
) -> tuple[IntArray, FloatArray]:
    """Return each row's best action among those that fit, or −1, and by how much it beats the next best.

    Actions with a net value of at most `least` are left; so is what brings nothing before it is charged.
    """
    chosen = np.full(rows.size, -1, np.int64)
    margin = np.zeros(rows.size)
    for j in range(rows.size):
        best, second = least, least
        for a in range(values.shape[1]):
            value = float(values[rows[j], a])
            score = value - charge[a]
            if not fits[a] or value <= 0.0 or score <= second:
                continue
            if score > best:
                best, second = score, best
                chosen[j] = a
            else:
                second = score
        margin[j] = best - second
    return chosen, margin


@compiled
def admitted(chosen: IntArray, order: IntArray, use: FloatArray, left: FloatArray) -> NDArray[np.bool_]:
    """Tell whose choice fits when they come in `order`, and take it from what is `left` (changed in place)."""
    result = np.zeros(chosen.size, np.bool_)
    for j in order:
        action = chosen[j]
        if action < 0:
            continue
        if np.all(use[action] <= left):
            left -= use[action]
            result[j] = True
    return result
