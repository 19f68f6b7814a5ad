from datetime import date, timedelta
from itertools import pairwise

import polars as pl
import pytest

from cvo.lifetime import Unit, Window, purchase_days, same_as_before
from cvo.lifetime.windows import backtest_origin, rolling_origins

START = date(2024, 1, 1)


def after(days):
    return START + timedelta(days=days)


def test_the_same_season_a_year_ago_if_the_history_reaches():
    assert backtest_origin(START, after(560), 182) == (after(560 - 364), 182, True)


def test_else_the_last_window_of_this_length():
    assert backtest_origin(START, after(363), 182) == (after(181), 182, False)


def test_else_the_second_half():
    assert backtest_origin(START, after(272), 273) == (after(136), 136, False)


def test_else_nothing():
    assert backtest_origin(START, after(100), 273) is None


def test_rolling_windows_have_all_closed():
    origins = rolling_origins(START, after(300), 90)
    assert origins[0] == after(210)
    assert all(origin >= after(56) for origin in origins)
    assert [(a - b).days for a, b in pairwise(origins)] == [30] * (len(origins) - 1)


@pytest.fixture
def purchases():
    rows = [("old", d) for d in (0, 30, 95, 99)] + [("new", d) for d in (90, 98, 105)]
    return purchase_days(
        pl.DataFrame(
            {
                "customer_id": [who for who, _ in rows],
                "date": [after(d) for _, d in rows],
                "amount": [5.0] * len(rows),
            }
        )
    )


def test_a_window_knows_nothing_of_what_follows(purchases):
    window = Window.at(purchases, after(100), 10, Unit.DAY)
    assert window.table["customer_id"].to_list() == ["new", "old"]
    assert window.table["frequency"].to_list() == [1, 3]
    assert window.bought.tolist() == [1.0, 0.0]
    assert window.values.tolist() == [5.0, 0.0]


def test_naive_forecast(purchases):
    # "old" bought on two of the last ten days; "new", ten days old, bought again once since the first purchase.
    assert same_as_before(purchases, Window.at(purchases, after(100), 10, Unit.DAY)).tolist() == [1.0, 2.0]
    # Over 40 days "new" has been seen for ten, a quarter: its repeat counts four times.
    assert same_as_before(purchases, Window.at(purchases, after(100), 40, Unit.DAY)).tolist() == [4.0, 2.0]
