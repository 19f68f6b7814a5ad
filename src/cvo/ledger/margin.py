"""Margin: revenue less its refunds, at the date of the order, times the margin rate, less incentives given beyond.

Service costs stand beside it.
"""

from collections.abc import Sequence

import polars as pl

MARGINS = pl.Schema(
    {
        "person_id": pl.Binary(),
        "at": pl.Int64(),
        "revenue_minor": pl.Int64(),
        "refunds_minor": pl.Int64(),
        "margin_minor": pl.Int64(),
        "service_cost_minor": pl.Int64(),
        "incentive_cost_minor": pl.Int64(),
    }
)


MONEY = ["revenue_minor", "refunds_minor", "margin_minor", "service_cost_minor", "incentive_cost_minor"]
"""The columns that are summed over a customer's window."""


def margins(
    orders: pl.DataFrame, refunds: pl.DataFrame, margin_rate: float, costs: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Return one row an order: its revenue, what was refunded of it, and the margin, in whole minor units.

    Each of `costs` is a row of its own with its service cost, and with what incentives cost that revenue is not less
    of already: vouchers paid out, points, gifts. These lower margin.

    A refund counts at the date of the order it belongs to, so that a window closed long ago shows what its
    sales came to in the end. One without a known order counts at its own date, as revenue of zero. An order
    reported twice, as when its page is loaded again, is one order: the first report counts.
    """
    returned = refunds.group_by("person_id", "order_id", maintain_order=True).agg(
        pl.col("amount_minor").sum().alias("refunds_minor"), pl.col("at").min().alias("refunded_at")
    )
    joined = (
        orders.sort("person_id", "at", maintain_order=True)
        .unique(["person_id", "order_id"], keep="first", maintain_order=True)
        .join(returned, on=["person_id", "order_id"], how="full", coalesce=True)
    )
    revenue = pl.col("revenue_minor").fill_null(0)
    refunded = pl.col("refunds_minor").fill_null(0)
    earned = (
        joined.select(
            "person_id",
            pl.coalesce("at", "refunded_at").alias("at"),
            revenue.alias("revenue_minor"),
            refunded.alias("refunds_minor"),
            ((revenue - refunded) * margin_rate).round().cast(pl.Int64).alias("margin_minor"),
            pl.lit(0, pl.Int64).alias("service_cost_minor"),
            pl.lit(0, pl.Int64).alias("incentive_cost_minor"),
        )
        .sort("person_id", "at")
        .cast(MARGINS)
    )
    if costs is None or costs.is_empty():
        return earned
    served = costs.select(
        "person_id",
        "at",
        *(pl.lit(0, pl.Int64).alias(name) for name in ("revenue_minor", "refunds_minor")),
        (-pl.col("incentive_cost_minor")).alias("margin_minor"),
        pl.col("cost_minor").alias("service_cost_minor"),
        "incentive_cost_minor",
    )
    return pl.concat([earned, served.cast(MARGINS)]).sort("person_id", "at", maintain_order=True)


def sums_within(
    starts: pl.DataFrame, margin: pl.DataFrame, days: int, columns: Sequence[str] = MONEY
) -> pl.DataFrame:
    """Return `starts` with the sums of all the customer's money, or of other `columns`, from `at` to `at` + `days`.

    `starts` has `person_id` and `at`, one row a window. Nothing but customer and time decides what is
    counted: not what was decided, nor which message an order says it came from.
    """
    numbered = starts.with_row_index("start")
    within = (
        numbered.select("start", "person_id", "at")
        .join(margin.rename({"at": "ordered_at"}), on="person_id")
        .filter(
            pl.col("ordered_at").is_between(pl.col("at"), pl.col("at") + days * 86_400_000_000, closed="left")
        )
        .group_by("start")
        .agg(pl.col(columns).sum())
    )
    return (
        numbered.join(within, on="start", how="left", maintain_order="left")
        .with_columns(pl.col(columns).fill_null(0))
        .drop("start")
    )
