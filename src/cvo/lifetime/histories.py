"""What buy-till-you-die models know of a customer: frequency, recency and T, checked and made small.

`frequency` counts repeat purchases, `recency` is the time from the first to the last purchase and `T` the
time from the first purchase to the end of observation, all as in Fader, Hardie and Lee (2005) and in
lifetimes.
"""

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from cvo.core.errors import InvalidInput
from cvo.lifetime.blocks import FloatArray

_SAMPLE_ROWS = 4_000


class Histories(msgspec.Struct, frozen=True, eq=False):
    """Checked columns of equal length; `weight` counts the customers a row stands for."""

    frequency: FloatArray
    recency: FloatArray
    T: FloatArray
    weight: FloatArray

    def __len__(self) -> int:
        return int(self.frequency.shape[0])

    @property
    def customers(self) -> int:
        """The number of customers, not of rows."""
        return round(float(self.weight.sum()))

    @property
    def columns(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Frequency, recency and T."""
        return self.frequency, self.recency, self.T

    def take(self, rows: "np.ndarray[tuple[int], np.dtype[np.bool_ | np.intp]] | slice") -> "Histories":
        """Return the histories of some rows."""
        return Histories(self.frequency[rows], self.recency[rows], self.T[rows], self.weight[rows])

    def scaled(self, unit: float) -> "Histories":
        """Return the same histories with `unit` as the unit of time."""
        return Histories(self.frequency, self.recency / unit, self.T / unit, self.weight)


def checked(
    frequency: ArrayLike, recency: ArrayLike, T: ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the three columns as floats, broadcast to one shape; `InvalidInput` names the first bad row."""
    x, t_x, age = np.broadcast_arrays(
        *(np.asarray(column, dtype=np.float64) for column in (frequency, recency, T)),
    )
    _refuse(~(np.isfinite(x) & np.isfinite(t_x) & np.isfinite(age)), "is missing or not finite", x, t_x, age)
    _refuse(
        (x < 0) | (x != np.floor(x)), "has a frequency that is not a whole number of repeats", x, t_x, age
    )
    # Times come from divisions of whole days, so an equality may be off by a rounding error.
    _refuse((t_x < 0) | (t_x > age * (1 + 1e-12) + 1e-12), "needs 0 <= recency <= T", x, t_x, age)
    _refuse((x == 0) & (t_x > 0), "has recency without a repeat purchase", x, t_x, age)
    return x, np.minimum(t_x, age), age


def histories(frequency: ArrayLike, recency: ArrayLike, T: ArrayLike) -> Histories:
    """Return checked histories of one customer a row."""
    x, t_x, age = (np.atleast_1d(column).reshape(-1) for column in checked(frequency, recency, T))
    return Histories(x, t_x, age, np.ones(x.shape[0]))


def condensed(rows: Histories) -> Histories:
    """Merge equal rows where that pays, and put customers without a repeat first.

    Purchases are dated by day, so equal rows are common; whether they are is tried on a sample.
    """
    if len(rows) > _SAMPLE_ROWS and not _repeats(rows.take(slice(None, None, len(rows) // _SAMPLE_ROWS))):
        once = rows.frequency == 0
        return rows.take(np.concatenate([np.flatnonzero(once), np.flatnonzero(~once)]))
    import polars as pl

    merged = (
        pl.DataFrame({"x": rows.frequency, "t": rows.recency, "T": rows.T, "w": rows.weight})
        .group_by("x", "t", "T")
        .agg(pl.col("w").sum())
        .sort("x", "t", "T")
    )
    return Histories(*(merged[name].to_numpy() for name in ("x", "t", "T", "w")))


def _repeats(sample: Histories) -> bool:
    distinct: int = np.unique(np.column_stack(sample.columns), axis=0).shape[0]
    return bool(distinct < 0.7 * len(sample))


def _refuse(
    bad: "np.ndarray[tuple[int, ...], np.dtype[np.bool_]]", reason: str, *columns: FloatArray
) -> None:
    if bad.any():
        row = int(np.flatnonzero(bad.reshape(-1))[0])
        x, t_x, age = (float(column.reshape(-1)[row]) for column in columns)
        raise InvalidInput(
            f"row {row} {reason} (frequency {x:g}, recency {t_x:g}, T {age:g}); "
            "build these columns with cvo.lifetime.rfm"
        )
