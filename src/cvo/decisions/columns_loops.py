"""The loop of `columns`, compiled: from tables to what records are cut out of."""

import numpy as np
from numpy.typing import NDArray

from cvo.actions.qualify import QUALIFIED, CodeArray
from cvo.core.compiled import compiled
from cvo.learning.arrays import FloatArray, IntArray
from cvo.learning.thompson import drawn

Laid = tuple[IntArray, FloatArray, IntArray, FloatArray, FloatArray, IntArray, IntArray, IntArray]
"""The actions that are scored, and their terms; options, with the policy's probabilities and those of delivery; what
refuses each of the other actions; where each row's actions and options end (2, n + 1); and which is drawn (n,)."""


@compiled
def laid_out(  # noqa: PLR0917  compiled functions take no names
    codes: CodeArray,
    qualified: NDArray[np.bool_],
    among: NDArray[np.bool_],
    probabilities: FloatArray,
    uniform: FloatArray,
    tables: FloatArray,
    withheld_rates: FloatArray,
) -> Laid:
    """Lay out, one row after another, what n records over k actions are made of.

    `tables` (t, n, k) have the terms; a row's stand after each other, each with a number for every `qualified` action.
    Options are `among` the actions and, last, nothing, with `probabilities` (n, k + 1), and drawn by a
    number in [0, 1) for each row, `uniform` (n,). Codes are numbered from 0.
    """
    rows, actions = codes.shape
    kinds, count, options = len(tables), qualified.sum(), among.sum()
    scored, terms = np.empty(count, np.int64), np.empty(kinds * count)
    offered, refused = np.empty(options, np.int64), np.empty(rows * actions - count, np.int64)
    chances, delivered = np.empty(options + rows), np.empty(options + rows)
    ends = np.zeros((2, rows + 1), np.int64)
    done = given = left = into = 0
    for row in range(rows):
        start, reached = done, 0.0
        for action in range(actions):
            if qualified[row, action]:
                scored[done] = action
                done += 1
            else:
                refused[left] = codes[row, action] - QUALIFIED
                left += 1
            if among[row, action]:
                offered[given] = action
                chance = probabilities[row, action]
                chances[given + row] = chance
                delivered[given + row] = chance * (1.0 - withheld_rates[action])
                reached += delivered[given + row]
                given += 1
        chances[given + row] = probabilities[row, actions]
        delivered[given + row] = max(0.0, 1.0 - reached)
        for kind in range(kinds):
            for n in range(start, done):
                terms[into] = tables[kind, row, scored[n]]
                into += 1
        ends[0, row + 1], ends[1, row + 1] = done, given
    return scored, terms, offered, chances, delivered, refused, ends, drawn(probabilities, uniform)
