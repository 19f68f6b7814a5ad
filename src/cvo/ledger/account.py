"""The realised account: what every customer has brought so far, to the cent."""

import polars as pl

from cvo.ledger.margin import MONEY


def accounts(decisions: pl.DataFrame, margin: pl.DataFrame) -> pl.DataFrame:
    """Return one row a customer with money or contacts: orders, revenue, refunds, margin, contacts and value.

    Money is in minor units, whole but for contact cost, and
    `value_minor = margin_minor − contact_cost_minor − service_cost_minor`.
    Sums over customers equal sums over the log.
    """
    earned = margin.group_by("person_id").agg(
        (pl.col("revenue_minor") > 0).sum().cast(pl.Int64).alias("orders"),
        pl.col(MONEY).sum(),
    )
    spent = (
        decisions.filter(pl.col("delivered") != "")
        .group_by("person_id")
        .agg(pl.len().cast(pl.Int64).alias("contacts"), pl.col("contact_cost_minor").sum())
    )
    counted = ["orders", *MONEY, "contacts", "contact_cost_minor"]
    costs = pl.col("contact_cost_minor") + pl.col("service_cost_minor")
    return (
        earned.join(spent, on="person_id", how="full", coalesce=True)
        .with_columns(pl.col(counted).fill_null(0))
        .with_columns((pl.col("margin_minor") - costs).alias("value_minor"))
        .select("person_id", *counted, "value_minor")
        .sort("person_id")
    )
