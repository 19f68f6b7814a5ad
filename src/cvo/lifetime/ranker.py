"""A ranker: gradient-boosted trees over what the purchase models know, learned on rolling windows of the
past.

Trees order customers better than the parametric models; the models get the amounts right. So the trees
decide the order and a model's own predictions are dealt out in it: totals and spread stay the model's.
"""

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from cvo.core.errors import InvalidInput
from cvo.core.evidence import NotEstimable
from cvo.lifetime.blocks import FloatArray
from cvo.lifetime.geometric_dropout import MbgNbd
from cvo.lifetime.pareto_nbd import ParetoNbd
from cvo.lifetime.summary import Unit
from cvo.lifetime.windows import Window, rolling_origins

if TYPE_CHECKING:
    import polars as pl

LONGEST_WINDOW = 91
"""Orders carry over from shorter windows to longer ones, and more short windows have closed."""

_LOOK_BACK = (14, 28, 56, 91, 182)
_TREES = 200
_LEAST_ROWS = 2_000
_MOST_ROWS = 400_000
_SETTINGS = {
    "objective": "poisson",
    "num_leaves": 15,
    "learning_rate": 0.03,
    "min_data_in_leaf": 200,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "feature_fraction": 0.7,
    "lambda_l2": 10.0,
    "deterministic": True,
    "force_row_wise": True,
    # OpenMP threads wait for each other by spinning: on shared cores two are many times slower than one.
    "num_threads": 1,
    "verbose": -1,
}


class Ranker(msgspec.Struct, frozen=True, eq=False):
    """Trees learned at `until` on closed windows of `days`."""

    trees: Any
    days: int
    unit: Unit
    windows: int

    def scores(self, purchases: "pl.DataFrame", origin: date) -> FloatArray:
        """Return a score per customer of the window at `origin`, in its order; only the order means
        something."""
        known = features(purchases, Window.at(purchases, origin, self.days, self.unit))
        if isinstance(known, NotEstimable):
            raise InvalidInput(f"the ranker can't be used at {origin}: {known.detail}")
        return np.asarray(self.trees.predict(known), dtype=np.float64)


def train_ranker(
    purchases: "pl.DataFrame", *, until: date, horizon_days: int, unit: Unit, seed: int = 0
) -> Ranker | NotEstimable:
    """Learn a ranker on windows closed by `until` (rows of `purchase_days`); needs LightGBM, the extra
    `trees`."""
    try:
        import lightgbm
    except ImportError:
        return NotEstimable("no_lightgbm", "ranking by trees needs LightGBM: pip install 'cvo[trees]'")
    first = purchases["on"].min()
    history = (until - first).days if isinstance(first, date) else 0
    days = min(horizon_days, LONGEST_WINDOW, history // 2)
    origins = rolling_origins(until - timedelta(days=history), until, days)
    inputs, outcomes = [], []
    for origin in origins:
        window = Window.at(purchases, origin, days, unit)
        known = features(purchases, window)
        if not isinstance(known, NotEstimable):
            inputs.append(known)
            outcomes.append(window.bought)
    if not inputs or sum(map(len, outcomes)) < _LEAST_ROWS:
        return NotEstimable(
            "too_few_closed_windows",
            f"{len(inputs)} windows of {days} days closed by {until} hold {sum(map(len, outcomes))} customers; "
            f"at least {_LEAST_ROWS} are needed to learn an order",
        )
    thin = slice(None, None, 1 + sum(map(len, outcomes)) // _MOST_ROWS)
    data = lightgbm.Dataset(np.vstack(inputs)[thin], np.concatenate(outcomes)[thin])
    trees = lightgbm.train({**_SETTINGS, "seed": seed}, data, _TREES)
    return Ranker(trees, days, unit, len(inputs))


def dealt_in_order(expected: FloatArray, scores: FloatArray) -> FloatArray:
    """Deal the values of `expected` out again, in the order of the geometric mean of expectation and
    score."""
    order = np.argsort(np.log(np.maximum(expected, 1e-12)) + np.log(np.maximum(scores, 1e-12)), kind="stable")
    dealt = np.empty_like(expected)
    dealt[order] = np.sort(expected)
    return dealt


def features(purchases: "pl.DataFrame", window: Window) -> FloatArray | NotEstimable:
    """Return what is known at the window's origin, a row per customer: counts, rhythm, value, model
    predictions."""
    rows = window.histories
    columns = [*rows.columns, rows.T - rows.recency, window.table["monetary_value"].to_numpy()]
    for model in (MbgNbd, ParetoNbd):
        fit = model.fit_histories(rows)
        if isinstance(fit, NotEstimable):
            return fit
        columns.append(fit.model.expected_purchases(window.horizon, *rows.columns))
        columns.append(fit.model.probability_alive(*rows.columns))
    columns.append((rows.T - rows.recency) * (rows.frequency + 1) / (rows.recency + 1))
    return np.column_stack([*columns, *_recent(purchases, window), *_rhythm(purchases, window)])


def _recent(purchases: "pl.DataFrame", window: Window) -> list[FloatArray]:
    import polars as pl

    known = purchases.filter(pl.col("bought") & (pl.col("on") <= window.origin))
    counts = known.group_by("customer_id").agg(
        (pl.col("on") > window.origin - timedelta(days=days)).sum().alias(str(days)) for days in _LOOK_BACK
    )
    joined = window.table.select("customer_id").join(
        counts, on="customer_id", how="left", maintain_order="left"
    )
    return [joined[str(days)].to_numpy().astype(np.float64) for days in _LOOK_BACK]


def _rhythm(purchases: "pl.DataFrame", window: Window) -> list[FloatArray]:
    import polars as pl

    gaps = (
        purchases.filter(pl.col("bought") & (pl.col("on") <= window.origin))
        .sort("customer_id", "on")
        .select("customer_id", pl.col("on").diff().over("customer_id").dt.total_days().alias("gap"))
        .drop_nulls()
        .group_by("customer_id", maintain_order=True)
        .agg(
            pl.col("gap").std().alias("spread"),
            pl.col("gap").last().alias("last"),
            pl.col("gap").max().alias("longest"),
        )
    )
    joined = window.table.select("customer_id").join(
        gaps, on="customer_id", how="left", maintain_order="left"
    )
    # Trees take a missing value as a value of its own.
    return [
        joined[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
        for name in ("spread", "last", "longest")
    ]
