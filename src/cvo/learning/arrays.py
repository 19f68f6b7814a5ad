"""Numbers at rest: arrays that can be stored, compared and hashed by content."""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from cvo.core.errors import InvalidInput

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class Stored(msgspec.Struct, frozen=True, array_like=True):
    """A frozen array of 64-bit floats in C order, little endian.

    >>> Stored.of([[1.0, 2.0]]).read()
    array([[1., 2.]])
    """

    shape: tuple[int, ...]
    data: bytes

    @classmethod
    def of(cls, values: Any) -> "Stored":
        """Copy anything numpy can read as floats."""
        array = np.ascontiguousarray(values, dtype="<f8")
        return cls(tuple(array.shape), array.tobytes())

    def read(self) -> FloatArray:
        """Return the numbers without a copy; writing to them raises `ValueError`."""
        return np.frombuffer(self.data, dtype="<f8").reshape(self.shape)

    def __repr__(self) -> str:
        return f"Stored(shape={self.shape})"


def sum_of_products(left: FloatArray, right: FloatArray) -> FloatArray:
    """Return Σ left·right over the last axis; each sum has the same bits whatever the other axes hold.

    The order in which BLAS, einsum and sums over strided memory add depends on the shape of the whole array;
    a sum along the last axis of a C-ordered array does not.
    """
    return np.asarray(np.multiply(left, right, order="C").sum(axis=-1))


def plain(values: Any, kind: type[Any]) -> NDArray[Any]:
    """Return numbers of one kind as compiled loops are compiled for: in C order and not read-only."""
    array = np.asarray(values, dtype=kind, order="C")
    return array if array.flags.carray else array.copy()


def as_rows(features: Any, width: int) -> FloatArray:
    """Return `features` as a finite (n, width) array; raises `InvalidInput` naming the first bad row."""
    rows = np.ascontiguousarray(features, dtype=np.float64)
    if rows.ndim != 2 or rows.shape[1] != width:
        raise InvalidInput(f"features have shape {rows.shape}; the model was made for (n, {width})")
    return finite(rows, "features")


def finite(values: Any, name: str) -> FloatArray:
    """Return `values` as floats; raises `InvalidInput` when one is NaN or infinite."""
    array = np.asarray(values, dtype=np.float64)
    if not np.isfinite(array).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise InvalidInput(f"{name}{list(where)} is {array[where]}; leave such a row out or give it a value")
    return array


def as_indices(values: Any, limit: int | None, name: str) -> IntArray:
    """Return a vector of indices in [0, limit); raises `InvalidInput` when one is outside."""
    indices = np.asarray(values)
    if indices.ndim != 1 or not (indices.size == 0 or np.issubdtype(indices.dtype, np.integer)):
        raise InvalidInput(
            f"{name} must be a vector of whole numbers, not {indices.dtype} of shape {indices.shape}"
        )
    result = indices.astype(np.int64)
    if result.size and (result.min() < 0 or (limit is not None and result.max() >= limit)):
        raise InvalidInput(
            f"{name} runs from {result.min()} to {result.max()}; expected 0 to {limit or 0}, exclusive"
        )
    return result


def same_length(**vectors: Sequence[Any] | NDArray[Any]) -> int:
    """Return the common length of the vectors; raises `InvalidInput` when they differ."""
    lengths = {name: len(values) for name, values in vectors.items()}
    if len(set(lengths.values())) > 1:
        raise InvalidInput(f"lengths differ: {', '.join(f'{name} {n}' for name, n in lengths.items())}")
    return next(iter(lengths.values()))
