"""The loop of `columns`, compiled: from tables to what records are cut out of."""

import numpy as np
from numpy.typing import NDArray

from cvo.actions.qualify import QUALIFIED, CodeArray
from cvo.core.compiled import compiled
from cvo.learning.arrays import FloatArray, IntArray

Laid = tuple[IntArray, FloatArray, IntArray, FloatArray, FloatArray, IntArray, IntArray, IntArray, IntArray]
"""The actions that are scored, and their terms; options, with the policy's probabilities and those of delivery; refused
actions, what refuses each, as a place among the distinct codes of its row; these codes, and where each row's end."""


@compiled
def laid_out(  # noqa: PLR0917  compiled functions take no names
    codes: CodeArray,
    qualified: NDArray[np.bool_],
    among: NDArray[np.bool_],
    probabilities: FloatArray,
    tables: FloatArray,
    withheld_rates: FloatArray,
    most: int,
) -> Laid:
    """Lay out, one row after another, what n records over k actions are made of.

    `tables` (t, n, k) have the terms; a row's stand after each other, each with a number for every `qualified` action.
    Options are `among` the actions and, last, nothing, with `probabilities` (n, k + 1). Codes are below `most`.
    """
    rows, actions = codes.shape
    kinds, count, options = len(tables), qualified.sum(), among.sum()
    scored, terms = np.empty(count, np.int64), np.empty(kinds * count)
    offered = np.empty(options, np.int64)
    chances, delivered = np.empty(options + rows), np.empty(options + rows)
    others = rows * actions - count
    refused, refused_by, found = (
        np.empty(others, np.int64),
        np.empty(others, np.int64),
        np.empty(others, np.int64),
    )
    ends = np.empty(rows, np.int64)
    place = np.empty(most + 1, np.int64)
    done = given = left = seen = 0
    for row in range(rows):
        start, first = done, left
        place[:] = -1
        reached = 0.0
        for action in range(actions):
            if qualified[row, action]:
                scored[done] = action
                done += 1
            else:
                refused[left] = action
                place[codes[row, action] - QUALIFIED] = 0
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
        into = kinds * start
        for kind in range(kinds):
            for n in range(start, done):
                terms[into] = tables[kind, row, scored[n]]
                into += 1
        here = 0
        for code in range(most + 1):
            if place[code] == 0:
                place[code] = here
                found[seen] = code + QUALIFIED
                here += 1
                seen += 1
        for n in range(first, left):
            refused_by[n] = place[codes[row, refused[n]] - QUALIFIED]
        ends[row] = seen
    return scored, terms, offered, chances, delivered, refused, refused_by, found[:seen], ends
