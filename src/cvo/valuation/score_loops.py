"""The loops of `score`, compiled: from cells to tables."""

import numpy as np

from cvo.core.compiled import compiled
from cvo.learning.arrays import FloatArray, IntArray
from cvo.learning.moments_loops import responses, times

Moments = tuple[FloatArray, FloatArray]
Points = tuple[FloatArray, FloatArray, FloatArray]


@compiled
def valued(  # noqa: PLR0917  compiled functions take no names
    rows: IntArray,
    columns: IntArray,
    predicted: Moments,
    margin: Moments,
    kappa: Moments,
    cost: FloatArray,
    count: int,
    points: Points,
) -> FloatArray:
    """Return what `placed` does for κ·p·m, p being the response probability of a predictor known by its moments (m,).

    Margin and κ are an action's (k,).
    """
    probability, spread = responses(predicted[0], predicted[1], *points)
    attributed, variance = times(probability, spread, margin[0], margin[1], columns)
    uplift, variance = times(attributed, variance, kappa[0], kappa[1], columns)
    return placed(rows, columns, (uplift, variance, probability, kappa[0][columns]), cost, count)


@compiled
def placed(
    rows: IntArray,
    columns: IntArray,
    cells: tuple[FloatArray, FloatArray, FloatArray, FloatArray],
    cost: FloatArray,
    count: int,
) -> FloatArray:
    """Return tables (5, count, k) of score, sd, uplift, response probability and incrementality; NaN elsewhere.

    `cells` are uplift, its variance, response probability and incrementality (m,).
    """
    uplift, variance, probability, incrementality = cells
    tables = np.full((5, count, len(cost)), np.nan)
    for cell in range(len(rows)):
        row, column = rows[cell], columns[cell]
        tables[0, row, column] = uplift[cell] - cost[column]
        tables[1, row, column] = np.sqrt(variance[cell])
        tables[2, row, column] = uplift[cell]
        tables[3, row, column] = probability[cell]
        tables[4, row, column] = incrementality[cell]
    return tables
