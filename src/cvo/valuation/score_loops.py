"""The last loop of `score`, compiled: from cells to tables."""

import numpy as np

from cvo.core.compiled import compiled
from cvo.learning.arrays import FloatArray, IntArray


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
