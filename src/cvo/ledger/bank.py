"""The value bank: what every customer has brought, what is expected of them, and how expectations came out.

Nothing in it is ever overwritten: realised value is a sum over facts, a prediction is a fact itself, with its model and
time, and is held against what came when its horizon has passed.
"""

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from cvo.core.clock import DAY, Instant
from cvo.ledger.account import accounts
from cvo.ledger.margin import MONEY
from cvo.ledger.tables import Tables
from cvo.lifetime import present_value


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """How one run of predictions came out, in minor units: totals, and how often P10 to P90 held, which is to be .8.

    Both totals are discounted margin of orders, before incentives that no model of orders foresees.
    """

    model: str
    made_at: Instant
    days: int
    customers: int
    expected_minor: int
    came_minor: int
    within_range_rate: float


def bank(tables: Tables, margin: pl.DataFrame, as_of: Instant) -> pl.DataFrame:
    """Return a row for every customer with money, contacts or a prediction, in minor units.

    The columns of `accounts` and `incentives_minor`: all that was given, discounts that revenue is less already and
    `incentive_cost_minor` that margin is less; of the latest prediction `model`, `predicted_at` and for each horizon
    `expected_<days>d_minor` with P10, P50 and P90.
    """
    given = tables.incentives.group_by("person_id").agg(
        pl.col("amount_minor").sum().alias("incentives_minor")
    )
    found = (
        accounts(tables.decisions, margin)
        .join(given, on="person_id", how="full", coalesce=True)
        .join(latest(tables.predictions, as_of), on="person_id", how="full", coalesce=True)
    )
    counted = [name for name, kind in found.schema.items() if name in _COUNTED and kind.is_numeric()]
    return found.with_columns(pl.col(counted).fill_null(0)).sort("person_id")


_COUNTED = (
    "orders",
    *MONEY,
    "contacts",
    "contact_cost_minor",
    "value_minor",
    "incentives_minor",
)


def latest(predictions: pl.DataFrame, as_of: Instant) -> pl.DataFrame:
    """Return each customer's latest prediction, a row a customer and a column a horizon and figure."""
    made = predictions.filter(pl.col("at") <= as_of)
    newest = made.filter(pl.col("at") == pl.col("at").max().over("person_id")).sort("person_id", "days")
    # Two models on one instant would be one customer twice: the one named last counts.
    newest = newest.filter(pl.col("model") == pl.col("model").max().over("person_id"))
    wide = newest.group_by("person_id", maintain_order=True).agg(
        pl.col("model").first(), pl.col("at").first().alias("predicted_at")
    )
    for days in newest["days"].unique().sort().to_list():
        of_horizon = newest.filter(pl.col("days") == days).select(
            "person_id",
            pl.col("expected_minor").alias(f"expected_{days}d_minor"),
            *(pl.col(f"{p}_minor").alias(f"{p}_{days}d_minor") for p in ("p10", "p50", "p90")),
        )
        wide = wide.join(of_horizon, on="person_id", how="left", maintain_order="left")
    return wide


def closed(predictions: pl.DataFrame, margin: pl.DataFrame, as_of: Instant) -> pl.DataFrame:
    """Return the predictions whose horizon has passed, with `came_minor`: margin of orders in it, discounted alike.

    What incentives cost beyond the price is in no prediction, and not in what came.
    """
    passed = predictions.filter(pl.col("at") + pl.col("days") * DAY <= as_of).with_row_index("prediction")
    brought = (
        passed.select("prediction", "person_id", "at", "days", "annual_discount_rate")
        # In one order always, so that sums are the same to the last bit.
        .join(margin.rename({"at": "ordered_at"}), on="person_id", maintain_order="left_right")
        .with_columns(((pl.col("ordered_at") - pl.col("at")) / DAY).alias("after"))
        .filter(pl.col("after").is_between(0, pl.col("days"), closed="left"))
    )
    earned = (brought["margin_minor"] + brought["incentive_cost_minor"]).to_numpy() * _present(brought)
    came = np.bincount(brought["prediction"].to_numpy(), earned, passed.height).round().astype(np.int64)
    return (
        passed.with_columns(pl.Series("came_minor", came))
        .select(*predictions.columns, "came_minor")
        .sort("person_id", "at", "days")
    )


def _present(brought: pl.DataFrame) -> NDArray[np.float64]:
    """Return what 1 at each row was worth when it was predicted."""
    after, rates = brought["after"].to_numpy(), brought["annual_discount_rate"].to_numpy()
    factors = np.ones(len(after))
    for rate in np.unique(rates):
        factors[rates == rate] = present_value(after[rates == rate], float(rate))
    return factors


def scores(predictions: pl.DataFrame, margin: pl.DataFrame, as_of: Instant) -> list[Score]:
    """Score every run of predictions whose horizon has passed, oldest first."""
    within = pl.col("came_minor").is_between(pl.col("p10_minor"), pl.col("p90_minor"))
    runs = (
        closed(predictions, margin, as_of)
        .group_by("model", "at", "days")
        .agg(
            pl.len().alias("customers"),
            pl.col("expected_minor", "came_minor").sum(),
            within.mean().alias("within_range_rate"),
        )
        .sort("at", "model", "days")
    )
    return [
        Score(
            model=row["model"],
            made_at=Instant(row["at"]),
            days=row["days"],
            customers=row["customers"],
            expected_minor=row["expected_minor"],
            came_minor=row["came_minor"],
            within_range_rate=row["within_range_rate"],
        )
        for row in runs.iter_rows(named=True)
    ]
