"""Shadow prices for all customers at once: the Lagrangian dual, by cutting planes in a box.

With prices λ each customer takes what is worth most to them after what it is charged, so that
`D(λ) = λ·C + Σ_i max(0, max_a v_ia − λ·u_a)` needs one look at every cell. D is convex, is above the value of every
allocation that keeps within the capacities, and its minimum is that of the linear program (Fisher 1981, "The Lagrangian
relaxation method for solving integer programming problems"). It has a kink for every customer and action, so its
minimum is found with planes below it, inside a box around the best point so far (Marsten, Hogan and Blankenship 1975,
"The boxstep method for large-scale optimization").
"""

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from cvo.budget.resources import FloatArray, Problem
from cvo.core.errors import InvalidInput
from cvo.core.lazy import Lazy

if TYPE_CHECKING:
    from cvo.budget import kernels
else:
    kernels = Lazy("cvo.budget.kernels")

_ROUNDS = 500
_GOOD_STEP = 0.3
"""The share of the promised decrease from which a step makes the box wider."""
_FIRST_BOX = 0.1
"""Half the width of the first box, as a share of the value without limits."""


class Prices(msgspec.Struct, frozen=True, eq=False):
    """What one unit of each resource is worth (r,), in money.

    `bound` is above the value of every allocation within the capacities; `gap` is how far, as a share, it may be above
    the lowest such bound; `use` (r,) is what customers would take of each resource at these prices.
    """

    price: FloatArray
    bound: float
    gap: float
    use: FloatArray
    evaluations: int


class _Plane(msgspec.Struct, frozen=True, eq=False):
    at: FloatArray
    height: float
    slope: FloatArray


def solve_prices(problem: Problem, *, within: float = 1e-4, threads: int = 2) -> Prices:
    """Return the prices at which everybody's demand just fits, from mean values alone.

    Prices must not be solved on values with the noise of a draw in them: they would depend on the draws, and the
    probabilities computed with them would not be those of what was drawn. The result depends on neither the order of
    customers nor the number of threads. `within` is the relative gap to stop at. Raises
    `InvalidInput` for numbers that no floating point can hold side by side.
    """
    dual = _Dual(problem, threads)
    planes = [dual.plane(np.zeros(problem.capacity.size))]
    best, gap = planes[0], 0.0
    reach = _FIRST_BOX * best.height
    for _ in range(_ROUNDS if best.height > 0 else 0):
        point, promised = _lowest(planes, np.maximum(best.at - reach, 0.0), best.at + reach)
        gap = best.height - promised
        inside = bool(np.all((point < best.at + reach) & ((point > best.at - reach) | (point <= 0))))
        if gap <= within * best.height:
            if inside:
                break
            reach *= 4.0
            continue
        planes.append(dual.plane(point))
        decrease = best.height - planes[-1].height
        reach *= 2.0 if decrease >= _GOOD_STEP * gap else 0.5 if decrease <= 0 else 1.0
        best = planes[-1] if decrease > 0 else best
    return dual.prices(best, max(gap, 0.0) / max(best.height, np.finfo(np.float64).tiny), len(planes))


class _Dual:
    """D and its slope, in the money that all of each resource costs: units of the resources cancel."""

    def __init__(self, problem: Problem, threads: int) -> None:
        self._problem, self._charged = problem, problem.charged
        self._some = problem.capacity > 0
        self._parts = np.array_split(problem.values, threads)
        # The surplus of all customers must fit into 63 bits, whatever the prices.
        total = float(problem.values.max()) * len(problem.values)
        self._scale = 2.0 ** (62 - math.frexp(total)[1]) if total > 0 else 1.0

    def plane(self, costs: FloatArray) -> _Plane:
        counts, surplus = self._demand(costs)
        taken = counts @ self._charged
        return _Plane(costs, float(costs.sum()) + surplus, np.where(self._some, 1.0 - taken, 1.0))

    def prices(self, plane: _Plane, gap: float, evaluations: int) -> Prices:
        capacity = self._problem.capacity
        price = np.where(self._some, plane.at / np.where(self._some, capacity, 1.0), 0.0)
        counts, _ = self._demand(plane.at)
        return Prices(price, plane.height, gap, counts @ self._problem.use, evaluations)

    def _demand(self, costs: FloatArray) -> tuple[NDArray[np.int64], float]:
        charge = self._charged @ costs
        with ThreadPoolExecutor(len(self._parts)) as pool:
            parts = list(pool.map(lambda values: kernels.demanded(values, charge, self._scale), self._parts))
        counts = np.sum([counts for counts, _ in parts], axis=0)
        return counts, sum(int(surplus) for _, surplus in parts) / self._scale


def _lowest(planes: Sequence[_Plane], low: FloatArray, high: FloatArray) -> tuple[FloatArray, float]:
    """Return where, within a box, the highest of the planes is lowest, and its height there."""
    from scipy.optimize import linprog

    slopes = np.array([plane.slope for plane in planes])
    offsets = np.array([plane.height - plane.slope @ plane.at for plane in planes])
    # Money of one company may be a million times that of another: the solver sees shares.
    unit = max(float(np.abs(offsets).max()), np.finfo(np.float64).tiny)
    found = linprog(
        np.append(np.zeros(low.size), 1.0),
        A_ub=np.column_stack([slopes, -np.ones(len(planes))]),
        b_ub=-offsets / unit,
        bounds=[*zip(low / unit, high / unit, strict=True), (None, None)],
        method="highs",
    )
    if found.x is None:
        raise InvalidInput(
            f"values, uses or capacities are too far apart to be priced together: {found.message}"
        )
    return np.clip(found.x[:-1] * unit, low, high), float(found.x[-1] * unit)
