from datetime import date

import polars as pl
import pytest

from cvo.app.clv_read import read_transactions
from cvo.core.errors import InvalidInput, NotFound

ROWS = {
    "Customer ID": ["a", "b", None],
    "InvoiceDate": ["2026-01-02", "2026-01-03", "2026-01-04"],
    "Revenue": [1.5, -2.0, 3.0],
}


def csv(tmp_path, columns=ROWS):
    path = tmp_path / "sales.csv"
    pl.DataFrame(columns).write_csv(path)
    return path


def test_columns_are_recognised_and_said(tmp_path):
    given = read_transactions(csv(tmp_path))
    assert given.columns == {"customer": "Customer ID", "date": "InvoiceDate", "amount": "Revenue"}
    assert given.guessed == ("customer", "date", "amount")
    assert given.dropped == 1
    assert given.frame.rows() == [("a", date(2026, 1, 2), 1.5), ("b", date(2026, 1, 3), -2.0)]


def test_named_columns_are_not_guessed(tmp_path):
    path = tmp_path / "sales.parquet"
    pl.DataFrame({"who": [1], "day": [date(2026, 1, 2)], "paid": [4], "date": ["x"]}).write_parquet(path)
    given = read_transactions(path, customer="who", when="day", amount="paid")
    assert given.guessed == ()
    assert given.frame.rows() == [(1, date(2026, 1, 2), 4.0)]


@pytest.mark.parametrize(
    "text", ["2026-01-31", "20260131", "2026/01/31", "2026-01-31 14:05:00", "2026-01-31T14:05:00"]
)
def test_ways_to_write_a_day(tmp_path, text):
    given = read_transactions(csv(tmp_path, {"customer_id": [1], "date": [text], "amount": [2.0]}))
    assert given.frame["date"].to_list() == [date(2026, 1, 31)]


def test_an_ambiguous_day_is_asked_about(tmp_path):
    path = csv(tmp_path, {"customer_id": [1], "date": ["03/04/2026"], "amount": [2.0]})
    with pytest.raises(InvalidInput, match="--date-format"):
        read_transactions(path)
    assert read_transactions(path, date_format="%d/%m/%Y").frame["date"].to_list() == [date(2026, 4, 3)]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"x": [1], "date": ["2026-01-01"], "amount": [1.0]},
            "Name it with --customer; there are x, date, amount",
        ),
        ({"customer_id": [1], "date": [1.5], "amount": [1.0]}, "decimals, not dates"),
        ({"customer_id": [1], "date": ["2026-01-01"], "amount": ["much"]}, "does not hold numbers"),
        ({"customer_id": [None], "date": ["2026-01-01"], "amount": [1.0]}, "no row with customer"),
    ],
)
def test_what_can_not_be_told(tmp_path, columns, message):
    with pytest.raises(InvalidInput, match=message):
        read_transactions(csv(tmp_path, columns))


def test_no_such_file_or_column(tmp_path):
    with pytest.raises(NotFound):
        read_transactions(tmp_path / "none.csv")
    with pytest.raises(InvalidInput, match="no column who"):
        read_transactions(csv(tmp_path), customer="who")
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"not parquet at all")
    with pytest.raises(InvalidInput, match="can't be read"):
        read_transactions(broken)
