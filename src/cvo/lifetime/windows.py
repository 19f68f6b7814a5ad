"""Windows of the past: what was known at an origin, and what followed."""

from datetime import date, timedelta
from typing import TYPE_CHECKING, Self

import msgspec
import numpy as np

from cvo.lifetime.blocks import FloatArray
from cvo.lifetime.histories import Histories, histories
from cvo.lifetime.summary import Unit, join_later, summarise

if TYPE_CHECKING:
    import polars as pl

_YEAR = 364  # whole weeks, so that weekdays stay where they were
LEAST_HISTORY = 56


class Window(msgspec.Struct, frozen=True, eq=False):
    """The customers known at `origin`, what they had done by then, and what they bought in the next
    `days`."""

    origin: date
    days: int
    unit: Unit
    table: "pl.DataFrame"
    bought: FloatArray
    values: FloatArray
    """The money each customer spent in the window, refunds not taken off."""

    @classmethod
    def at(cls, purchases: "pl.DataFrame", origin: date, days: int, unit: Unit) -> Self:
        """Cut a window out of `purchase_days`; `bought` is 0 where the data end at the origin."""
        table = summarise(purchases, origin, unit)
        later = join_later(table, purchases, origin, origin + timedelta(days=days))
        bought = later["holdout_purchases"].to_numpy().astype(np.float64)
        return cls(origin, days, unit, table, bought, later["holdout_value"].to_numpy().astype(np.float64))

    @property
    def horizon(self) -> float:
        """The length in the unit of time."""
        return self.days / self.unit.days

    @property
    def histories(self) -> Histories:
        """Frequency, recency and T of the customers."""
        return histories(*(self.table[name].to_numpy() for name in ("frequency", "recency", "T")))


def backtest_origin(first: date, until: date, days: int) -> tuple[date, int, bool] | None:
    """Return origin, length and whether it is a year back for the closed window that tells most about the
    next one.

    The same weeks a year ago, because they share the season; else the last window of this length; else,
    when too little history remains before those, the second half of it all. Nothing below eight weeks
    before the origin.
    """
    history = (until - first).days
    before = max(days // 2, LEAST_HISTORY)
    if days <= _YEAR and history - _YEAR >= before:
        return until - timedelta(days=_YEAR), days, True
    length = days if history - days >= before else history // 2
    if history - length < LEAST_HISTORY:
        return None
    return until - timedelta(days=length), length, False


def rolling_origins(first: date, until: date, days: int, most: int = 8) -> list[date]:
    """Return the origins of closed windows of `days`, latest first, a third of a window apart."""
    origins: list[date] = []
    origin = until - timedelta(days=days)
    while (origin - first).days >= LEAST_HISTORY and len(origins) < most:
        origins.append(origin)
        origin -= timedelta(days=max(14, days // 3))
    return origins


def same_as_before(purchases: "pl.DataFrame", window: Window) -> FloatArray:
    """Return the naive forecast: each customer repeats the repeat purchases of the last `days` before the
    origin.

    Who has been a customer for less is taken at their own rate, as if seen for a quarter of it at least.
    """
    import polars as pl

    start = window.origin - timedelta(days=window.days)
    recent = (
        purchases.filter(pl.col("bought") & (pl.col("on") > start) & (pl.col("on") <= window.origin))
        .group_by("customer_id")
        .agg(pl.len().alias("recent"))
    )
    joined = window.table.join(recent, on="customer_id", how="left", maintain_order="left")
    new = (joined["first_on"] > start).to_numpy()
    repeats = joined["recent"].fill_null(0).to_numpy().astype(np.float64) - new
    age = joined["T"].to_numpy() * window.unit.days
    return np.asarray(repeats * window.days / np.clip(age, window.days / 4, window.days))
