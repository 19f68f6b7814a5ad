"""From transactions to one row per customer: frequency, recency, T, monetary value, and refunds apart."""

from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING

from cvo.core.errors import InvalidInput

if TYPE_CHECKING:
    import polars as pl


class Unit(StrEnum):
    """The unit in which times are stated; purchases are dated by day in any case."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"

    @property
    def days(self) -> float:
        """The length in days; a month is a twelfth of 365.25."""
        return {"day": 1.0, "week": 7.0, "month": 365.25 / 12}[self.value]


def rfm(
    transactions: "pl.DataFrame",
    *,
    until: date | None = None,
    unit: Unit | str = Unit.DAY,
    customer: str = "customer_id",
    when: str = "date",
    amount: str | None = "amount",
) -> "pl.DataFrame":
    """Return one row per customer who bought by `until` (default: the last day of the data), sorted by
    customer.

    Columns as in lifetimes: `frequency` (days with a repeat purchase), `recency` and `T` in `unit` since
    the first purchase, `monetary_value` (mean value of a repeat day, 0 without); and `first_on`, `last_on`,
    `gross_value` (all purchases), `refunds` (their number), `refund_value` (positive). Negative amounts are
    refunds, never purchases: a customer with nothing but refunds is no row. Raises `InvalidInput` for
    missing columns, customers, dates or amounts.

    >>> from datetime import date
    >>> import polars as pl
    >>> days = [date(2026, 1, 1), date(2026, 1, 8), date(2026, 1, 9)]
    >>> sold = pl.DataFrame({"customer_id": [1, 1, 1], "date": days, "amount": [5.0, 20.0, -4.0]})
    >>> rfm(sold, unit="week").select("frequency", "recency", "monetary_value", "refund_value").rows()
    [(1, 1.0, 20.0, 4.0)]
    """

    days = purchase_days(transactions, customer=customer, when=when, amount=amount)
    table = summarise(days, until or last_day(days), Unit(unit))
    return table.rename({"customer_id": customer})


def last_day(days: "pl.DataFrame") -> date:
    """Return the last day of `purchase_days`; `InvalidInput` when there is none."""
    last = days["on"].max()
    if not isinstance(last, date):
        raise InvalidInput("there is no transaction to summarise")
    return last


def summarise(days: "pl.DataFrame", until: date, unit: Unit) -> "pl.DataFrame":
    """Return the table of `rfm` from the rows of `purchase_days`."""
    import polars as pl

    kept = days.filter(pl.col("on") <= until)
    totals = kept.group_by("customer_id").agg(
        pl.col("gross").sum().alias("gross_value"), pl.col("refunds").sum(), pl.col("refund_value").sum()
    )
    return (
        kept.filter(pl.col("bought"))
        .sort("customer_id", "on")
        .group_by("customer_id", maintain_order=True)
        .agg(
            (pl.len() - 1).cast(pl.Int64).alias("frequency"),
            ((pl.col("on").last() - pl.col("on").first()).dt.total_days() / unit.days).alias("recency"),
            ((pl.lit(until) - pl.col("on").first()).dt.total_days() / unit.days).alias("T"),
            pl.col("gross").slice(1).mean().fill_null(0.0).alias("monetary_value"),
            pl.col("on").first().alias("first_on"),
            pl.col("on").last().alias("last_on"),
        )
        .join(totals, on="customer_id", how="left", maintain_order="left")
    )


def rfm_periods(
    transactions: "pl.DataFrame",
    *,
    until: date | None = None,
    unit: Unit | str = Unit.MONTH,
    customer: str = "customer_id",
    when: str = "date",
    amount: str | None = "amount",
) -> "pl.DataFrame":
    """Return the discrete summary for BG/BB: `frequency`, `recency` and `T` in whole periods after the
    first purchase.

    Period k of a customer runs from k to k + 1 units after the first purchase; only periods that ended by
    `until` count. Other columns are those of `rfm`.
    """
    import polars as pl

    days = purchase_days(transactions, customer=customer, when=when, amount=amount)
    length = Unit(unit).days
    table = summarise(days, until or last_day(days), Unit.DAY)
    # A day that is not over yet still ends the period it belongs to.
    ended = ((pl.col("T") + 1) / length).floor().sub(1).clip(0).cast(pl.Int64)
    seen = (
        table.select("customer_id", ended.alias("periods"))
        .join(_period_numbers(days, length), on="customer_id")
        .filter(pl.col("k").is_between(1, pl.col("periods")))
        .group_by("customer_id")
        .agg(pl.len().cast(pl.Int64).alias("x"), pl.col("k").max().alias("last"))
    )
    counts = table.join(seen, on="customer_id", how="left", maintain_order="left").with_columns(
        pl.col("x").fill_null(0).alias("frequency"),
        pl.col("last").fill_null(0).alias("recency"),
        ended.alias("T"),
    )
    return counts.drop("x", "last").rename({"customer_id": customer})


def periods_bought_after(
    table: "pl.DataFrame",
    transactions: "pl.DataFrame",
    *,
    periods: int,
    unit: Unit | str = Unit.MONTH,
    customer: str = "customer_id",
    when: str = "date",
    amount: str | None = "amount",
) -> "pl.Series":
    """Return in how many of the next `periods` after its T each customer of `rfm_periods` bought."""
    import polars as pl

    days = purchase_days(transactions, customer=customer, when=when, amount=amount)
    named = table.rename({customer: "customer_id"}).select("customer_id", "T")
    later = (
        named.join(_period_numbers(days, Unit(unit).days), on="customer_id")
        .filter((pl.col("k") > pl.col("T")) & (pl.col("k") <= pl.col("T") + periods))
        .group_by("customer_id")
        .agg(pl.len().cast(pl.Int64).alias("bought"))
    )
    return named.join(later, on="customer_id", how="left", maintain_order="left")["bought"].fill_null(0)


def _period_numbers(days: "pl.DataFrame", length: float) -> "pl.DataFrame":
    """Return the distinct (customer_id, k) with a purchase in the customer's k-th period after the first."""
    import polars as pl

    bought = days.filter(pl.col("bought"))
    since = (pl.col("on") - pl.col("on").min().over("customer_id")).dt.total_days()
    return bought.select("customer_id", (since / length).floor().cast(pl.Int64).alias("k")).unique()


def with_holdout(
    table: "pl.DataFrame",
    transactions: "pl.DataFrame",
    *,
    since: date,
    until: date | None = None,
    customer: str = "customer_id",
    when: str = "date",
    amount: str | None = "amount",
) -> "pl.DataFrame":
    """Add what each customer did after `since` up to `until`: `holdout_purchases`, `_value` and
    `_refund_value`.

    Purchases are days with one, as in `rfm`; who did nothing has 0. New customers are left out.
    """

    days = purchase_days(transactions, customer=customer, when=when, amount=amount)
    named = table.rename({customer: "customer_id"})
    return join_later(named, days, since, until or last_day(days)).rename({"customer_id": customer})


def join_later(table: "pl.DataFrame", days: "pl.DataFrame", since: date, until: date) -> "pl.DataFrame":
    """Return the table of `with_holdout` from the rows of `purchase_days`."""
    import polars as pl

    later = (
        days.filter((pl.col("on") > since) & (pl.col("on") <= until))
        .group_by("customer_id")
        .agg(
            pl.col("bought").sum().cast(pl.Int64).alias("holdout_purchases"),
            pl.col("gross").sum().alias("holdout_value"),
            pl.col("refund_value").sum().alias("holdout_refund_value"),
        )
    )
    return table.join(later, on="customer_id", how="left", maintain_order="left").with_columns(
        pl.col("holdout_purchases", "holdout_value", "holdout_refund_value").fill_null(0)
    )


def purchase_days(
    transactions: "pl.DataFrame",
    *,
    customer: str = "customer_id",
    when: str = "date",
    amount: str | None = "amount",
) -> "pl.DataFrame":
    """Return one row per customer and day: `customer_id, on, bought, gross, refunds, refund_value`;
    sorted."""
    import polars as pl

    columns = [customer, when] + ([amount] if amount else [])
    missing = [name for name in columns if name not in transactions.columns]
    if missing:
        raise InvalidInput(f"no column {', '.join(missing)}; there are {', '.join(transactions.columns)}")
    if not transactions.schema[when].is_temporal():
        raise InvalidInput(f"column {when} holds {transactions.schema[when]}, not dates; parse it first")
    value = pl.col(amount).cast(pl.Float64) if amount else pl.lit(0.0)
    rows = transactions.select(
        pl.col(customer).alias("customer_id"), pl.col(when).cast(pl.Date).alias("on"), value.alias("value")
    )
    bad = rows.select(
        pl.col("customer_id", "on").null_count(),
        (~pl.col("value").is_finite()).fill_null(True).sum().alias("value"),
    ).row(0)
    if any(bad):
        raise InvalidInput(
            f"{bad[0]} rows without {customer}, {bad[1]} without {when}, {bad[2]} without a finite "
            f"{amount or 'value'}; drop or repair them"
        )
    return (
        rows.group_by("customer_id", "on")
        .agg(
            (pl.col("value") >= 0).any().alias("bought"),
            pl.col("value").clip(lower_bound=0).sum().alias("gross"),
            (pl.col("value") < 0).sum().cast(pl.Int64).alias("refunds"),
            pl.col("value").clip(upper_bound=0).sum().abs().alias("refund_value"),
        )
        .sort("customer_id", "on")
    )
