"""Repeat purchases week by week: what happened against what the model expects."""

from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from cvo.lifetime.blocks import FloatArray
from cvo.lifetime.histories import condensed, histories
from cvo.lifetime.purchase_model import PurchaseModel
from cvo.lifetime.summary import Unit

if TYPE_CHECKING:
    import polars as pl


def weekly_repeats(
    model: PurchaseModel,
    table: "pl.DataFrame",
    purchases: "pl.DataFrame",
    *,
    until: date,
    end: date,
    unit: Unit,
) -> "pl.DataFrame":
    """Return `week` (its first day), `actual` and `expected` repeat purchases of the customers of `table`.

    Up to `until` the expectation is that of new customers of their age; after it, that of each customer given
    what they had done by then. `purchases` are rows of `purchase_days`; whole weeks only.
    """
    import polars as pl

    first = table["first_on"].min()
    if not isinstance(first, date):
        raise TypeError("first_on must hold dates")
    back = (until - first).days // 7
    edges = [until - timedelta(days=7 * k) for k in range(back, -1, -1)]
    later = [until + timedelta(days=7 * k) for k in range(1, (end - until).days // 7 + 1)]
    before = np.diff(_since_first(model, table, edges, unit))
    after = np.diff(_given_history(model, table, len(later), unit), prepend=0.0)
    starts = [*edges, *later]
    return pl.DataFrame(
        {
            "week": [start + timedelta(days=1) for start in starts[:-1]],
            "actual": _actual(table, purchases, starts),
            "expected": np.concatenate([before, after]),
        }
    )


def _since_first(model: PurchaseModel, table: "pl.DataFrame", edges: list[date], unit: Unit) -> FloatArray:
    cohorts = table.group_by("first_on").len().sort("first_on")
    ages = np.array([[(edge - first).days for first in cohorts["first_on"]] for edge in edges])
    expected = model.expected_repeats(np.maximum(ages, 0) / unit.days)
    return np.asarray((expected * cohorts["len"].to_numpy()).sum(axis=1))


def _given_history(model: PurchaseModel, table: "pl.DataFrame", weeks: int, unit: Unit) -> FloatArray:
    rows = condensed(histories(table["frequency"], table["recency"], table["T"]))
    totals = [
        float((rows.weight * model.expected_purchases(7 * k / unit.days, *rows.columns)).sum())
        for k in range(1, weeks + 1)
    ]
    return np.array(totals)


def _actual(table: "pl.DataFrame", purchases: "pl.DataFrame", starts: list[date]) -> FloatArray:
    import polars as pl

    repeats = (
        purchases.filter(pl.col("bought"))
        .join(table.select("customer_id", "first_on"), on="customer_id")
        .filter(
            (pl.col("on") > pl.col("first_on")) & (pl.col("on") > starts[0]) & (pl.col("on") <= starts[-1])
        )
    )
    week = ((repeats["on"] - starts[0]).dt.total_days().to_numpy() - 1) // 7
    return np.bincount(week, minlength=len(starts) - 1).astype(np.float64)
