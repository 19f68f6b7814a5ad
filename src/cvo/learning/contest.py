"""The integral P(a) = ∫ φ_a ∏_{b≠a} Φ_b over the contenders of many rows, compiled.

But for scores cut off at a point, all is additions, multiplications, divisions and square roots in a fixed order: a
row has the same bits alone, in any batch and on any machine. Compiling takes seconds once; the result is kept on disk.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cvo.core.compiled import compiled
from cvo.learning.arrays import FloatArray, IntArray, plain
from cvo.learning.normal import PER_UNIT, REACH, normal_table

CONTENDS = 7.5
"""Standard deviations beyond which a normal has less than 1e-13 of its mass."""

_UNSEEN = 1e-14
"""A spread so much smaller than the distance to the best mean is none that floating point can see."""
_NEGLIGIBLE = 1e-15
_TOLERANCE = 1e-10
_REFINEMENTS = 6
_BISECTIONS = 8
_STEP = 1.0 / 20.0
_GROWTH = 1.0512710963760241
"""The trapezoidal rule's first step, and e to it: nodes are three eighths of the narrowest sd at hand apart."""
_PANEL_GROWTH = 2.0
"""How much farther off each Gauss–Legendre panel ends than the one before, at first."""

_MIDDLE = REACH * PER_UNIT
_EDGE = REACH - 0.25 / PER_UNIT
_PANEL_NODES = 32


class Normal(NamedTuple):
    """The table of Φ and φ, and whether scores are mean + sd·|z|."""

    cdf: FloatArray
    pdf: FloatArray
    half: bool


class _Contenders(NamedTuple):
    """Mean, sd, 1/sd and mass so far of each who may win; its Φ and φ at a node, and the way to them in the table.

    Who may still win farthest up comes first.
    """

    mean: FloatArray
    sd: FloatArray
    gain: FloatArray
    mass: FloatArray
    phi: FloatArray
    small: FloatArray
    nearest: FloatArray
    offset: FloatArray
    entry: NDArray[np.int32]


def contest(mean: FloatArray, sd: FloatArray, among: NDArray[np.bool_], half: bool) -> FloatArray:
    """Return P(score a is the largest of those `among`), all (n, k); 0 for who does not take part.

    With `half`, scores are mean + sd·|z|. Releases the interpreter while it computes.
    """
    won = np.zeros(mean.shape)
    _rows(plain(mean, np.float64), plain(sd, np.float64), plain(among, np.bool_), half, *tables(), won)
    return won


@cache
def tables() -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return Φ and φ as `normal_table` has them, and nodes and weights of a Gauss–Legendre panel."""
    table = normal_table()
    cdf, pdf = table[:, 0].copy(), table[:, 1].copy()
    # All that lies beyond the table is read at its ends: however little, it would count over any distance.
    pdf[0] = pdf[-1] = 0.0
    return cdf, pdf, np.array(np.polynomial.legendre.leggauss(_PANEL_NODES))


@compiled
def _rows(  # noqa: PLR0917  compiled functions take no names
    mean: FloatArray,
    sd: FloatArray,
    among: NDArray[np.bool_],
    half: bool,
    cdf: FloatArray,
    pdf: FloatArray,
    panel: FloatArray,
    won: FloatArray,
) -> None:
    normal = Normal(cdf, pdf, half)
    for row in range(len(mean)):
        compete(mean[row], sd[row], among[row], normal, panel, won[row])


@compiled
def compete(  # noqa: PLR0917
    mean: FloatArray,
    sd: FloatArray,
    among: NDArray[np.bool_],
    normal: Normal,
    panel: FloatArray,
    won: FloatArray,
) -> None:
    """Put into `won`, which has to be 0, the probability of each of k to be the largest of those `among`."""
    options = len(mean)
    space, entry = np.empty((8, options)), np.empty(options, np.int32)
    who = np.empty(options, np.int64)
    best, low, tied = _bounds(mean, sd, among, normal.half)
    count = 0
    for a in range(options):
        m, s = mean[a] - best, sd[a]
        if among[a] and s > _UNSEEN * -m and m + CONTENDS * s > low:
            who[count], space[0, count], space[1, count] = a, m, s
            count += 1
    _by_end(count, who, space[:2])
    for i in range(count):
        space[2, i], space[3, i] = 1.0 / space[1, i], 0.0
    here = _Contenders(
        space[0][:count],
        space[1][:count],
        space[2][:count],
        space[3][:count],
        space[4][:count],
        space[5][:count],
        space[6][:count],
        space[7][:count],
        entry[:count],
    )
    below = _product(low, count, here, normal)
    if count and (tied or normal.half):
        _panels(low, below, here, normal, panel)
    elif count:
        _trapezoids(low, here, normal)
    total = (below if tied else 0.0) + here.mass.sum()
    for i in range(count):
        won[who[i]] = here.mass[i] / total
    for a in range(options if tied else 0):
        if among[a] and mean[a] - best == low and sd[a] <= _UNSEEN * -low:
            won[a] = below / total / tied


@compiled
def _bounds(
    mean: FloatArray, sd: FloatArray, among: NDArray[np.bool_], half: bool
) -> tuple[float, float, int]:
    """Return the best mean; what the largest score is sure to exceed, from there; how many are certain to be that."""
    best = low = -np.inf
    tied = 0
    for a in range(len(mean)):
        if among[a]:
            best = max(best, mean[a])
    for a in range(len(mean)):
        if among[a]:
            m, s = mean[a] - best, sd[a]
            certain = s <= _UNSEEN * -m
            sure = m if half or certain else m - CONTENDS * s
            if sure > low:
                low, tied = sure, 0
            tied += certain and sure == low
    return best, low, tied


@compiled
def _by_end(count: int, who: IntArray, scores: FloatArray) -> None:
    """Put contenders into the order in which they drop out when scores rise, the last first."""
    end = scores[0, :count] + CONTENDS * scores[1, :count]
    order = np.argsort(-end)
    who[:count] = who[:count][order]
    for each in scores:
        each[:count] = each[:count][order]


@compiled
def _trapezoids(low: float, here: _Contenders, normal: Normal) -> None:
    """Sum over nodes low + reach·(e^(i·step) − 1), and halve the step until the masses sum to one.

    The integrand is entire and vanishes at both ends, so the error falls exponentially with the number of nodes
    (Trefethen and Weideman 2014, SIAM Review 56:385). A score that still counts at x has an sd of at least
    (x − low)/15, so nodes that far apart do for all scales at once.
    """
    ends = here.mean + CONTENDS * here.sd
    top = ends[0]
    start, end = low, top
    for _ in range(_BISECTIONS):
        middle = 0.5 * (start + end)
        if _product(middle, len(here.mean), here, normal) < _NEGLIGIBLE:
            start = middle
        else:
            end = middle
    narrowest = np.inf
    for a in range(len(ends)):
        if ends[a] > start:
            narrowest = min(narrowest, here.sd[a])
    reach = CONTENDS * narrowest
    first, step, growth = start - low + reach, _STEP, _GROWTH
    at, factor = first, growth
    for _ in range(_REFINEMENTS):
        left, x = len(ends), low + (at - reach)
        while x < top:
            while ends[left - 1] <= x:
                left -= 1
            _add(x, at, left, here, normal)
            at *= factor
            x = low + (at - reach)
        if abs(here.mass.sum() * step - 1.0) < _TOLERANCE:
            break
        # The next nodes are those between.
        factor, step, growth = growth, 0.5 * step, np.sqrt(growth)
        at = first * growth
    here.mass[:] *= step


@compiled
def _panels(low: float, below: float, here: _Contenders, normal: Normal, panel: FloatArray) -> None:
    """Sum over Gauss–Legendre panels that widen with their distance, and narrow them until all sums to one.

    For integrands that do not vanish at `low`: above a certain score, and with `half`.
    """
    top = (here.mean + CONTENDS * here.sd).max()
    reach = CONTENDS * here.sd.min()
    growth = _PANEL_GROWTH
    for _ in range(_REFINEMENTS):
        here.mass[:] = 0.0
        left = reach
        while low + (left - reach) < top:
            width = left * (growth - 1.0)
            for i in range(panel.shape[1]):
                x = low + (left - reach + width * (0.5 + 0.5 * panel[0, i]))
                _add(x, 0.5 * width * panel[1, i], len(here.mean), here, normal)
            left *= growth
        if abs(below + here.mass.sum() - 1.0) < _TOLERANCE:
            break
        growth = np.sqrt(growth)


@compiled
def _add(x: float, weight: float, count: int, here: _Contenders, normal: Normal) -> None:
    """Add what a node contributes to the mass of the first `count`; the others are sure to be below it."""
    product = weight * _product(x, count, here, normal)
    if product > 0.0:
        for a in range(count):
            here.mass[a] += product * (here.gain[a] * here.small[a] / here.phi[a])


@compiled
def _product(x: float, count: int, here: _Contenders, normal: Normal) -> float:
    """Return ∏Φ at x of the first `count`, and leave everybody's Φ and φ behind.

    The loops are apart so that all but one are compiled for processors that work on four numbers at once.
    """
    phi, small = here.phi, here.small
    for a in range(count):
        z = min(max((x - here.mean[a]) * here.gain[a], -_EDGE), _EDGE)
        entry = np.int32(z * PER_UNIT + (_MIDDLE + 0.5))
        here.entry[a] = entry
        here.nearest[a] = (entry - np.int32(_MIDDLE)) * (1.0 / PER_UNIT)
        here.offset[a] = z - here.nearest[a]
    for a in range(count):
        place = np.uint32(here.entry[a])
        phi[a], small[a] = normal.cdf[place], normal.pdf[place]
    for a in range(count):
        # Taylor's series around the table's entry; d and z there are at most 1/128 and 8.
        z, d, f = here.nearest[a], here.offset[a], small[a]
        square = z * z
        fourth = z * (square - 3.0) * (1.0 / 24.0) - d * ((square - 6.0) * square + 3.0) * (1.0 / 120.0)
        third = (square - 1.0) * (1.0 / 6.0) - d * fourth
        phi[a] += f * d * (1.0 - d * (0.5 * z - d * third))
        y = -d * (z + 0.5 * d)
        small[a] = f * (1.0 + y * (1.0 + y * (0.5 + y * (1 / 6.0 + y * (1 / 24.0 + y * (1 / 120.0))))))
    if normal.half:
        for a in range(count):
            phi[a] = max(2.0 * phi[a] - 1.0, 0.0)
            small[a] *= 2.0
    even = odd = 1.0
    for a in range(0, count - 1, 2):
        even *= phi[a]
        odd *= phi[a + 1]
    return even * odd * (phi[count - 1] if count % 2 else 1.0)
