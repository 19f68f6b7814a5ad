"""Features for models: numbers on one scale, categories in a fixed number of columns, the unknown at the prior."""

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from cvo.core.errors import InvalidInput
from cvo.core.lazy import Lazy
from cvo.core.random import keyed_bytes
from cvo.learning.arrays import FloatArray, Stored, plain

if TYPE_CHECKING:
    from cvo.learning import scaling
else:
    scaling = Lazy("cvo.learning.scaling")

Scale = tuple[FloatArray, FloatArray, NDArray[np.bool_]]
"""Mean and sd (d,) of features, and which of them can be standardised."""

_INFINITE = "a feature is infinite; use NaN for a missing value"


class Scaler(msgspec.Struct, frozen=True):
    """Running count, sum and sum of squares of d numeric features, about the first value seen of each."""

    first: Stored
    count: Stored
    total: Stored
    squares: Stored


def new_scaler(features: int) -> Scaler:
    """Make a scaler that has seen nothing."""
    nothing = Stored.of(np.zeros(features))
    return Scaler(Stored.of(np.full(features, np.nan)), nothing, nothing, nothing)


def observed(scaler: Scaler, values: Any) -> Scaler:
    """Return the scaler after n more rows (n, d); NaN is missing and counts for nothing.

    Splitting the rows over several calls changes no bit. Raises `InvalidInput` on infinities.
    """
    rows = _rows(scaler, values)
    first = scaler.first.read()
    present = ~np.isnan(rows)
    if len(rows):
        earliest = rows[present.argmax(axis=0), np.arange(rows.shape[1])]
        first = np.where(np.isnan(first), earliest, first)
    # Deviations from any fixed value near the data keep the sum of squares from cancelling.
    apart = np.where(present, rows - first, 0.0)
    return Scaler(
        Stored.of(first),
        _after(scaler.count, present.astype(np.float64)),
        _after(scaler.total, apart),
        _after(scaler.squares, apart * apart),
    )


def standardised(scaler: Scaler, values: Any, *, limit: float = 3.0) -> FloatArray:
    """Return (value − mean) / sd (n, d), cut at ±`limit`; 0 where missing or where all values seen were equal.

    >>> seen = observed(new_scaler(1), [[1.0], [3.0]])
    >>> standardised(seen, [[3.0], [float("nan")], [99.0]])[:, 0]
    array([1., 0., 3.])
    """
    rows = _rows(scaler, values)
    result = np.empty(rows.shape)
    put_standardised(scale_of(scaler), plain(rows, np.float64), result, limit=limit)
    return result


def put_standardised(
    scale: Scale, values: FloatArray, into: FloatArray, *, first: int = 0, limit: float = 3.0
) -> None:
    """Put what `standardised` returns into the columns of `into` from `first` on."""
    if not scaling.standardise(values, *scale, limit, into, first):
        raise InvalidInput(_INFINITE)


@lru_cache(maxsize=64)
def scale_of(scaler: Scaler) -> Scale:
    """Return mean and sd (d,), and where values seen differed."""
    count = np.maximum(scaler.count.read(), 1.0)
    mean = scaler.total.read() / count
    variance = scaler.squares.read() / count - mean * mean
    usable = variance > 1e-12 * np.maximum(mean * mean, 1e-300)
    return scaler.first.read() + mean, np.sqrt(np.where(usable, variance, 1.0)), usable


class Vocabulary(msgspec.Struct, frozen=True):
    """The first `capacity` categories met, each with a column of its own."""

    capacity: int
    words: tuple[str, ...] = ()


def with_words(vocabulary: Vocabulary, values: Sequence[str | None]) -> Vocabulary:
    """Return the vocabulary with new values added in order of appearance, as long as there are columns."""
    words = dict.fromkeys([*vocabulary.words, *(value for value in values if value is not None)])
    return Vocabulary(vocabulary.capacity, tuple(words)[: vocabulary.capacity])


def one_hot(vocabulary: Vocabulary, values: Sequence[str | None]) -> FloatArray:
    """Return (n, capacity) with a 1 in each known value's column; unknown and missing rows are 0, the prior.

    >>> one_hot(Vocabulary(3, ("red", "blue")), ["blue", "green", None]).sum(axis=1)
    array([1., 0., 0.])
    """
    column = {word: i for i, word in enumerate(vocabulary.words)}
    return _columns(
        [column.get(value) if value is not None else None for value in values], vocabulary.capacity
    )


def hashed(values: Sequence[str | None], columns: int, *, name: str) -> FloatArray:
    """Return (n, columns) with a 1 in the column each value hashes to, for categories without end.

    `name` keeps the collisions of one feature from being those of another (Weinberger et al. 2009).
    """
    return _columns(
        [None if value is None else _hash_column(name, value, columns) for value in values], columns
    )


@lru_cache(maxsize=65_536)
def _hash_column(name: str, value: str, columns: int) -> int:
    return int.from_bytes(keyed_bytes("category", name, value, size=8), "little") % columns


def _columns(positions: list[int | None], columns: int) -> FloatArray:
    result = np.zeros((len(positions), columns))
    for row, position in enumerate(positions):
        if position is not None:
            result[row, position] = 1.0
    return result


def _rows(scaler: Scaler, values: Any) -> FloatArray:
    rows = np.asarray(values, dtype=np.float64, order="C")
    if rows.ndim != 2 or rows.shape[1] != scaler.count.shape[0]:
        raise InvalidInput(
            f"values have shape {rows.shape}; the scaler was made for (n, {scaler.count.shape[0]})"
        )
    if np.isinf(rows).any():
        raise InvalidInput(_INFINITE)
    return rows


def _after(sums: Stored, rows: FloatArray) -> Stored:
    # A cumulative sum adds strictly row by row, a plain sum in an order that depends on how many there are.
    return Stored.of(np.cumsum(np.concatenate([sums.read()[None], rows]), axis=0)[-1])
