"""The attributed join: which deliveries were followed by a response. It trains response models, nothing else.

What is attributed is not caused: a customer who would have bought anyway responds all the same.
"""

import polars as pl

from cvo.core.clock import DAY, Instant
from cvo.ledger.margin import sums_within


def responses_to_deliveries(
    decisions: pl.DataFrame,
    responses: pl.DataFrame,
    margin: pl.DataFrame,
    *,
    response_of: dict[str, str],
    window_days: dict[str, int],
    as_of: Instant,
) -> pl.DataFrame:
    """Return one row a delivery whose window closed by `as_of`: `responded`, and the `margin_minor` in it.

    A response belongs to the delivery by decision id where it carries one, else by customer, action and
    window; an activity or an order by customer and window. `response_of` and `window_days` are by action.
    """
    delivered = decisions.filter(pl.col("delivered") != "").with_columns(
        pl.col("delivered")
        .replace_strict(response_of, default=None, return_dtype=pl.String)
        .alias("response"),
        pl.col("delivered").replace_strict(window_days, default=0, return_dtype=pl.Int64).alias("days"),
    )
    closed = delivered.filter(
        pl.col("response").is_not_null() & (pl.col("at") + pl.col("days") * DAY <= as_of)
    ).with_row_index("delivery")
    responded = _responded(closed, _signals(responses, margin))
    windows = [
        sums_within(group, margin, int(days))
        for (days,), group in closed.group_by("days", maintain_order=True)
    ]
    rows = pl.concat(windows) if windows else sums_within(closed, margin, 1)
    return (
        rows.with_columns(pl.col("delivery").is_in(responded.implode()).alias("responded"))
        .sort("delivery")
        .drop("delivery")
    )


def _signals(responses: pl.DataFrame, margin: pl.DataFrame) -> pl.DataFrame:
    """Put responses, activities and orders into one table of what can answer a delivery."""
    orders = margin.filter(pl.col("revenue_minor") > 0).select(
        "person_id",
        "at",
        pl.lit("order").alias("kind"),
        pl.lit(None, pl.String).alias("action"),
        pl.lit(None, pl.String).alias("decision_id"),
    )
    return pl.concat([responses.select(orders.columns), orders])


def _responded(closed: pl.DataFrame, signals: pl.DataFrame) -> pl.Series:
    """Return the numbers of the deliveries that some signal answers."""
    named = pl.col("decision_id_named")
    answered = closed.join(
        signals.rename({"at": "responded_at", "decision_id": "decision_id_named"}),
        left_on=["person_id", "response"],
        right_on=["person_id", "kind"],
    ).filter(
        pl.col("responded_at").is_between(pl.col("at"), pl.col("at") + pl.col("days") * DAY, closed="left"),
        pl.col("action").is_null() | (pl.col("action") == pl.col("delivered")),
        named.is_null() | (named == pl.col("decision_id")),
    )
    return answered["delivery"].unique()
