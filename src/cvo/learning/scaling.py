"""The loop of `features.standardised`, compiled."""

import numpy as np
from numpy.typing import NDArray

from cvo.core.compiled import compiled
from cvo.learning.arrays import FloatArray


@compiled
def standardise(  # noqa: PLR0917  compiled functions take no names
    values: FloatArray,
    mean: FloatArray,
    sd: FloatArray,
    usable: NDArray[np.bool_],
    limit: float,
    into: FloatArray,
    first: int,
) -> bool:
    """Put (value − mean)/sd (n, d), cut at ±`limit`, into columns from `first` on; tell whether all were finite or NaN.

    What is NaN, or of a column that is not usable, becomes 0.
    """
    for row in range(values.shape[0]):
        for column in range(values.shape[1]):
            value, scaled = values[row, column], 0.0
            if np.isinf(value):
                return False
            if usable[column] and not np.isnan(value):
                scaled = min(max((value - mean[column]) / sd[column], -limit), limit)
            into[row, first + column] = scaled
    return True
