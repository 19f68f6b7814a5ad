"""Numbers of a record at rest: 64-bit floats in a row, little endian, read only by who asks for them.

A decision has hundreds of numbers, and nobody looks at most of them: as bytes they are cut out of the arrays of a
batch, written and read without a Python object for each.
"""

from collections.abc import Iterable
from struct import pack, unpack, unpack_from

WIDTH = 8
"""Bytes of a number."""


def packed(numbers: Iterable[float]) -> bytes:
    """Return numbers as bytes.

    >>> unpacked(packed([0.1, 2.0]))
    [0.1, 2.0]
    """
    listed = list(numbers)
    return pack(f"<{len(listed)}d", *listed)


def unpacked(data: bytes) -> list[float]:
    """Return the numbers."""
    return list(unpack(f"<{len(data) // WIDTH}d", data))


def one(data: bytes, position: int) -> float:
    """Return the number at a position."""
    return float(unpack_from("<d", data, WIDTH * position)[0])
