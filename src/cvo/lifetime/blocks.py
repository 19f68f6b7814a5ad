"""Rows in blocks near the size of the processor's cache, on as many threads as there are cores.

NumPy lets other threads run while it computes, so blocks need no processes. Results are joined in the order
of the rows, which makes them the same on every machine with the same arithmetic.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Result = TypeVar("Result")

BLOCK_ROWS = 65_536
_THREADS = min(8, os.cpu_count() or 1)


def over_blocks(function: Callable[..., Result], columns: Sequence[FloatArray]) -> list[Result]:
    """Call `function` on every block of the equally long `columns` and return the results in order."""
    rows = columns[0].shape[0]
    blocks = [
        tuple(column[start : start + BLOCK_ROWS] for column in columns)
        for start in range(0, rows, BLOCK_ROWS)
    ]
    if len(blocks) < 2 or _THREADS == 1:
        return [function(*block) for block in blocks]
    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(lambda block: function(*block), blocks))


def rowwise(function: Callable[..., FloatArray], *columns: FloatArray | float) -> FloatArray:
    """Evaluate a row-by-row function on columns that broadcast, block by block; single values stay single."""
    arrays = [np.asarray(column, dtype=np.float64) for column in columns]
    shape = np.broadcast_shapes(*(array.shape for array in arrays))
    size = int(np.prod(shape))
    if not size:
        return np.zeros(shape)
    varies = [array.size > 1 or size == 1 for array in arrays]
    rows = [
        np.broadcast_to(array, shape).reshape(-1) for array, many in zip(arrays, varies, strict=True) if many
    ]
    single = [array.reshape(()) for array, many in zip(arrays, varies, strict=True) if not many]

    def on_block(*block: FloatArray) -> FloatArray:
        parts, fixed = iter(block), iter(single)
        return function(*(next(parts) if many else next(fixed) for many in varies))

    return np.concatenate(over_blocks(on_block, rows)).reshape(shape)
