"""Who gets what at given prices, within every capacity."""

import msgspec
import numpy as np

from cvo.budget.dual import Prices
from cvo.budget.resources import FloatArray, IntArray, Problem


class Allocation(msgspec.Struct, frozen=True, eq=False):
    """One action a customer (n,), −1 for none, what that is worth, and what it uses of each resource (r,)."""

    chosen: IntArray
    value: float
    use: FloatArray


def allocate(problem: Problem, prices: Prices) -> Allocation:
    """Give every customer the best action at these prices that still fits; no capacity is ever overrun.

    Who would lose most by having the next best comes first, and ties go by key, so that the order of customers changes
    nothing. What is left over goes to those whom the prices had left without.
    """
    left = problem.capacity.copy()
    chosen = np.full(len(problem.values), -1, dtype=np.int64)
    charge = problem.use @ prices.price
    # First whoever pays the price; then, with what is left, whoever brings anything.
    for least in (0.0, -np.inf):
        _admit(problem, charge, least, chosen, left)
    rows = np.flatnonzero(chosen >= 0)
    counts = np.bincount(chosen[rows], minlength=len(problem.use))
    # Sorted, the sum has the same bits in every order of customers.
    value = float(np.sort(problem.values[rows, chosen[rows]]).sum(dtype=np.float64))
    return Allocation(chosen, value, counts @ problem.use)


def _admit(problem: Problem, charge: FloatArray, least: float, chosen: IntArray, left: FloatArray) -> None:
    """Admit those who have nothing yet, in rounds, into `chosen` and `left`.

    Whose choice no longer fits takes the next best in the next round; what did not fit once fits no more, so there are
    no more rounds than actions.
    """
    from cvo.budget.kernels import admitted, best_of

    waiting = np.flatnonzero(chosen < 0)
    while waiting.size:
        fits = np.all(problem.use <= left, axis=1, keepdims=True)[:, 0]
        wanted, margin = best_of(problem.values, waiting, charge, fits, least)
        some = wanted >= 0
        waiting, wanted, margin = waiting[some], wanted[some], margin[some]
        order = np.lexsort((problem.keys[waiting], -margin))
        got = admitted(wanted, order, problem.use, left)
        chosen[waiting[got]] = wanted[got]
        waiting = waiting[~got]
