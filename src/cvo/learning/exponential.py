"""The exponential as a table that compiled code looks up: the same bits on every machine."""

from decimal import Context, Decimal, localcontext
from functools import cache
from math import ldexp

import numpy as np

from cvo.core.compiled import compiled
from cvo.learning.arrays import FloatArray

_PARTS = 64
_LN2 = 0.6931471805599453
# ln 2 / 64 as a number with few bits, and the rest: multiples of the first are exact.
_STEP = float(np.ldexp(np.round(np.ldexp(_LN2 / _PARTS, 38)), -38))
_REST = float(Decimal("0.69314718055994530941723212145817656808") / _PARTS - Decimal(_STEP))


@cache
def exponential_table() -> FloatArray:
    """Return 2^(i/64), shape (64,), each rounded once.

    >>> exponential_table()[32] == 2.0**0.5
    np.True_
    """
    with localcontext(Context(prec=40)):
        table = np.array([float(Decimal(2) ** (Decimal(i) / _PARTS)) for i in range(_PARTS)])
    table.flags.writeable = False
    return table


@compiled
def exponential(x: float, table: FloatArray) -> float:
    """Return e^x for |x| up to 700, off by a unit or two in the last place.

    x = (64k + i)·ln 2/64 + r (Tang 1989, ACM TOMS 15:144): 2^k · 2^(i/64) · e^r, with Taylor's series for r.
    """
    n = int(np.floor(x / (_STEP + _REST) + 0.5))
    r = (x - n * _STEP) - n * _REST
    series = r * (1.0 + r * (0.5 + r * (1 / 6.0 + r * (1 / 24.0 + r * (1 / 120.0)))))
    part = float(table[n % _PARTS])
    return ldexp(part + part * series, n // _PARTS)
