from datetime import date

import polars as pl
import pytest

from cvo.core.errors import InvalidInput
from cvo.lifetime import periods_bought_after, purchase_days, rfm, rfm_periods, with_holdout


def sales(*rows):
    return pl.DataFrame(rows, schema=["customer_id", "date", "amount"], orient="row")


JANUARY = sales(
    ("a", date(2026, 1, 1), 10.0),
    ("a", date(2026, 1, 1), 5.0),
    ("a", date(2026, 1, 11), 20.0),
    ("a", date(2026, 1, 21), 40.0),
    ("a", date(2026, 1, 22), -7.0),
    ("b", date(2026, 1, 6), 30.0),
    ("c", date(2026, 1, 8), -3.0),
    ("d", date(2026, 1, 30), 9.0),
)


def row_of(table, customer):
    return table.row(by_predicate=pl.col("customer_id") == customer, named=True)


def test_one_row_per_buyer():
    table = rfm(JANUARY, until=date(2026, 1, 25))
    assert table["customer_id"].to_list() == ["a", "b"]
    assert row_of(table, "a") == {
        "customer_id": "a",
        "frequency": 2,
        "recency": 20.0,
        "T": 24.0,
        "monetary_value": 30.0,
        "first_on": date(2026, 1, 1),
        "last_on": date(2026, 1, 21),
        "gross_value": 75.0,
        "refunds": 1,
        "refund_value": 7.0,
    }
    assert row_of(table, "b")["monetary_value"] == 0.0


@pytest.mark.parametrize(("unit", "days"), [("day", 1.0), ("week", 7.0), ("month", 365.25 / 12)])
def test_units_change_times_and_nothing_else(unit, days):
    table = rfm(JANUARY, until=date(2026, 1, 25), unit=unit)
    assert row_of(table, "a")["recency"] == pytest.approx(20 / days)
    assert row_of(table, "a")["T"] == pytest.approx(24 / days)
    assert row_of(table, "a")["frequency"] == 2


def test_order_of_rows_does_not_matter():
    assert rfm(JANUARY.reverse()).equals(rfm(JANUARY))


def test_a_day_with_a_sale_and_a_refund_is_a_purchase():
    table = rfm(sales((1, date(2026, 1, 1), 10.0), (1, date(2026, 1, 3), 8.0), (1, date(2026, 1, 3), -2.0)))
    assert table["frequency"].to_list() == [1]
    assert table["monetary_value"].to_list() == [8.0]
    assert table["refund_value"].to_list() == [2.0]


def test_nothing_but_refunds_is_no_customer():
    assert rfm(sales((1, date(2026, 1, 1), -10.0))).height == 0


def test_other_names_and_no_amounts():
    table = rfm(
        JANUARY.filter(pl.col("amount") > 0).rename({"customer_id": "who", "date": "day"}).drop("amount"),
        customer="who",
        when="day",
        amount=None,
    )
    assert table["who"].to_list() == ["a", "b", "d"]
    assert table["frequency"].to_list() == [2, 0, 0]


def test_what_followed():
    table = with_holdout(rfm(JANUARY, until=date(2026, 1, 10)), JANUARY, since=date(2026, 1, 10))
    columns = ("customer_id", "holdout_purchases", "holdout_value", "holdout_refund_value")
    assert table.select(columns).rows() == [("a", 2, 60.0, 7.0), ("b", 0, 0.0, 0.0)]


def test_periods_run_from_each_customers_first_purchase():
    weeks = sales(
        *((1, date(2026, 1, day), 1.0) for day in (1, 2, 8, 9, 22, 30)),
        (2, date(2026, 1, 10), 1.0),
        (2, date(2026, 1, 24), 1.0),
    )
    table = rfm_periods(weeks, until=date(2026, 1, 28), unit="week")
    # Customer 1: days 8 and 9 lie in week 1, day 22 in week 3, which ends on the 28th; day 30 is in week 4.
    assert table.select("customer_id", "frequency", "recency", "T").rows() == [(1, 2, 3, 3), (2, 0, 0, 1)]
    later = periods_bought_after(table, weeks, periods=1, unit="week")
    assert later.to_list() == [1, 1]


def test_missing_things_are_named():
    with pytest.raises(InvalidInput, match="no column amount; there are customer_id, date"):
        rfm(JANUARY.drop("amount"))
    with pytest.raises(
        InvalidInput, match="1 rows without customer_id, 0 without date, 1 without a finite amount"
    ):
        purchase_days(
            sales(
                (None, date(2026, 1, 1), 1.0),
                ("a", date(2026, 1, 1), float("nan")),
                ("b", date(2026, 1, 1), 2.0),
            )
        )
    with pytest.raises(InvalidInput, match="String, not dates"):
        rfm(JANUARY.with_columns(pl.col("date").cast(pl.String)))
    with pytest.raises(InvalidInput, match="no transaction"):
        rfm(JANUARY.clear())
