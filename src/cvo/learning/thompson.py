"""The probabilities of Thompson sampling's options, compiled: who wins the contest, and then acts."""

import numpy as np
from numpy.typing import NDArray

from cvo.core.compiled import compiled
from cvo.learning.arrays import FloatArray, IntArray
from cvo.learning.contest import Normal, compete
from cvo.learning.normal import PER_UNIT, REACH

_MIDDLE = REACH * PER_UNIT


@compiled
def chances(  # noqa: PLR0917  compiled functions take no names
    mean: FloatArray,
    sd: FloatArray,
    among: NDArray[np.bool_],
    scale: float,
    half: bool,
    floor: float,
    cdf: FloatArray,
    pdf: FloatArray,
    panel: FloatArray,
    found: FloatArray,
) -> bool:
    """Put the probability of every option into `found` (n, k + 1), nothing last; tell whether scores can be such.

    Scores have `mean` and `scale`·`sd` (n, k). The share `floor` is spread over those `among` (n, k) and nothing.
    """
    options = mean.shape[1]
    normal = Normal(cdf, pdf, half)
    spread = np.empty(options)
    for row in range(len(mean)):
        count = 1
        for a in range(options):
            spread[a] = scale * sd[row, a]
            if among[row, a]:
                count += 1
                finite = np.isfinite(mean[row, a]) and np.isfinite(spread[a])
                if not (finite and 0.0 <= sd[row, a] < np.inf):
                    return False
        mine = found[row]
        mine[:] = 0.0
        compete(mean[row], spread, among[row], normal, panel, mine[:options])
        act = 0.0
        for a in range(options):
            if mine[a] > 0.0:
                mine[a] *= _positive(mean[row, a], spread[a], normal)
                act += mine[a]
        mine[options] = max(1.0 - act, 0.0)
        share, total = floor / count, 0.0
        for a in range(options + 1):
            if a == options or among[row, a]:
                mine[a] = (1.0 - floor) * mine[a] + share
                total += mine[a]
        for a in range(options + 1):
            mine[a] /= total
    return True


@compiled
def drawn(probabilities: FloatArray, uniform: FloatArray) -> IntArray:
    """Return the first option (n,) of each row (n, m) up to which the sum exceeds a number, or the last possible."""
    found = np.zeros(len(probabilities), np.int64)
    for row in range(len(probabilities)):
        reached = 0.0
        for option in range(probabilities.shape[1]):
            reached += probabilities[row, option]
            if probabilities[row, option] > 0.0:
                found[row] = option
            if reached > uniform[row]:
                break
    return found


@compiled
def _positive(mean: float, sd: float, normal: Normal) -> float:
    """Return P(score > 0); a certain score of exactly 0 counts a half."""
    if sd == 0.0:
        return 0.5 if mean == 0.0 else 1.0 if mean > 0.0 else 0.0
    z = mean / sd
    if abs(z) >= REACH:
        return 1.0 if z > 0.0 else 0.0
    entry = int(z * PER_UNIT + (_MIDDLE + 0.5))
    # Taylor's series around the table's entry, as the contest has it.
    at = (entry - _MIDDLE) / PER_UNIT
    off, square = z - at, at * at
    fourth = at * (square - 3.0) / 24.0 - off * ((square - 6.0) * square + 3.0) / 120.0
    third = (square - 1.0) / 6.0 - off * fourth
    density = float(normal.pdf[entry])
    return float(normal.cdf[entry]) + density * off * (1.0 - off * (0.5 * at - off * third))
