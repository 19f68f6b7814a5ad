"""The value bank: what every customer has brought, what is expected of them, and how expectations came out.

Nothing in it is ever overwritten: realised value is a sum over facts, a prediction is a fact itself, with its model and
time, and is held against what came when its horizon has passed.
"""

import msgspec
import polars as pl

from cvo.core.clock import DAY, Instant
from cvo.ledger.account import accounts
from cvo.ledger.margin import sums_within
from cvo.ledger.tables import Tables


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """How one run of predictions came out, in minor units: totals, and how often P10 to P90 held, which is to be .8."""

    model: str
    made_at: Instant
    days: int
    customers: int
    expected_minor: int
    came_minor: int
    within_range_rate: float


def bank(tables: Tables, margin: pl.DataFrame, as_of: Instant) -> pl.DataFrame:
    """Return a row for every customer with money, contacts or a prediction, in minor units.

    The columns of `accounts` and `incentives_minor`, discounts that revenue is already less of; of the latest
    prediction `model`, `predicted_at` and for each horizon `expected_<days>d_minor` with P10, P50 and P90.
    """
    given = tables.incentives.group_by("person_id").agg(
        pl.col("discount_minor").sum().alias("incentives_minor")
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
    "revenue_minor",
    "refunds_minor",
    "margin_minor",
    "service_cost_minor",
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
    """Return the predictions whose horizon has passed, with `came_minor`, the margin that came in it."""
    passed = predictions.filter(pl.col("at") + pl.col("days") * DAY <= as_of)
    parts = [
        sums_within(rows, margin, int(days)).rename({"margin_minor": "came_minor"})
        for (days,), rows in passed.group_by("days", maintain_order=True)
    ]
    columns = [*predictions.columns, "came_minor"]
    if not parts:
        return passed.with_columns(pl.lit(0, pl.Int64).alias("came_minor"))
    return pl.concat([part.select(columns) for part in parts]).sort("person_id", "at", "days")


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
