"""The normal distribution as a table that compiled code looks up: the same bits on every machine.

The exponential of a C library may differ in its last bit from one machine to the next; a table of decimal
arithmetic, read with nothing but additions, multiplications and divisions, does not.
"""

from decimal import Context, Decimal, localcontext
from functools import cache

import numpy as np

from cvo.learning.arrays import FloatArray

REACH = 8
"""The table goes from −8 to 8 standard deviations; the mass beyond is 6e-16."""
PER_UNIT = 64
"""Points in one standard deviation: a Taylor series of five terms between them is exact to 1e-15."""

_DIGITS = 50


@cache
def normal_table() -> FloatArray:
    """Return Φ(z) and φ(z), shape (1025, 2), at z = −8, −8 + 1/64, …, 8, each rounded once.

    Φ(z) = 1/2 + φ(z)·(z + z³/3 + z⁵/(3·5) + …) (Abramowitz and Stegun 1964, 26.2.11).

    >>> normal_table()[512]
    array([0.5       , 0.39894228])
    """
    table = np.empty((2 * REACH * PER_UNIT + 1, 2))
    middle = REACH * PER_UNIT
    with localcontext(Context(prec=_DIGITS)):
        at_zero = 1 / (2 * _pi()).sqrt()
        half = Decimal("0.5")
        for i in range(middle + 1):
            z = Decimal(i) / PER_UNIT
            density = at_zero * (-z * z / 2).exp()
            above = density * _odd_series(z)
            table[middle + i] = float(half + above), float(density)
            table[middle - i] = float(half - above), float(density)
    table.flags.writeable = False
    return table


def _odd_series(z: Decimal) -> Decimal:
    square, term, total, factor = z * z, z, z, 1
    while term > total * Decimal(10) ** -(_DIGITS - 2):
        factor += 2
        term = term * square / factor
        total += term
    return total


def _pi() -> Decimal:
    """Return π by Machin's formula, 16·arctan(1/5) − 4·arctan(1/239)."""
    return 16 * _inverse_tangent(5) - 4 * _inverse_tangent(239)


def _inverse_tangent(divisor: int) -> Decimal:
    power = total = Decimal(1) / divisor
    for odd in range(3, 3 * _DIGITS, 2):
        power /= -divisor * divisor
        total += power / odd
    return total
