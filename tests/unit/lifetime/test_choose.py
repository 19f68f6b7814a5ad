from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cvo.core.evidence import NotEstimable
from cvo.lifetime import cdnow_sample, choose, score, with_holdout

DATA = Path(__file__).parents[2] / "data" / "lifetime"


@pytest.fixture(scope="module")
def retail():
    return pl.read_parquet(DATA / "online_retail_ii_net.parquet")


@pytest.fixture(scope="module")
def retail_choice(retail):
    return choose(retail, horizon_days=182, until=date(2011, 5, 30))


def test_the_candidate_of_the_lowest_error_is_taken(retail_choice):
    backtest = retail_choice.backtest
    assert retail_choice.name == backtest.chosen
    assert backtest.candidates[backtest.chosen].mae == min(each.mae for each in backtest.candidates.values())
    assert len(backtest.candidates) == 6
    assert backtest.naive.customers == backtest.candidates[backtest.chosen].customers


def test_a_seasonal_business_is_calibrated_on_the_same_season(retail_choice, retail):
    assert retail_choice.backtest.a_year_back
    assert retail_choice.backtest.origin == date(2011, 5, 30) - timedelta(days=364)
    held = with_holdout(retail_choice.table, retail, since=date(2011, 5, 30), until=date(2011, 11, 28))
    scores = score(held["holdout_purchases"], retail_choice.recalibrated)
    assert abs(scores.aggregate_error) < 0.1
    assert retail_choice.recalibrated == pytest.approx(retail_choice.expected * retail_choice.correction)


def test_nothing_after_the_cut_off_is_read(retail, retail_choice):
    known = retail.filter(pl.col("date") <= date(2011, 5, 30))
    again = choose(known, horizon_days=182, until=date(2011, 5, 30))
    assert again.name == retail_choice.name
    assert (again.expected == retail_choice.expected).all()


def test_errors_of_the_past_are_shown(retail_choice):
    assert len(retail_choice.past_errors) >= 3
    # The window over Christmas was far off.
    assert min(retail_choice.past_errors) < -0.4
    assert not retail_choice.trusted
    assert any("closed windows the total was off by +61" in reason for reason in retail_choice.reasons)


def test_a_season_never_seen_is_no_trust(retail):
    # A year of history ends before Christmas: the calm half before it says nothing about the one to come.
    choice = choose(retail, horizon_days=182, until=date(2010, 11, 29))
    assert abs(choice.backtest.candidates[choice.name].aggregate_error) < 0.1
    assert not choice.trusted
    assert any("same season" in reason for reason in choice.reasons)


def steady_shop(customers, days):
    """Return purchases of customers who join all the time, buy at their own rate and leave after 1 in 15."""
    rng = np.random.default_rng(0)
    rows = []
    for who in range(customers):
        day, rate = rng.uniform(0, days), rng.gamma(2.0, 1 / 60)
        while day < days:
            rows.append((who, int(day)))
            if rng.random() < 1 / 15:
                break
            day += rng.exponential(1 / rate)
    frame = pl.DataFrame(rows, schema=["customer_id", "day"], orient="row")
    return frame.with_columns((pl.lit(date(2023, 1, 1)) + pl.duration(days="day")).alias("date"), amount=10.0)


def test_a_steady_business_with_years_of_history_is_trusted():
    choice = choose(steady_shop(6000, 1000), horizon_days=90)
    assert choice.trusted, choice.reasons
    assert choice.correction == pytest.approx(1.0, abs=0.1)


def test_no_window_of_this_length_is_no_trust():
    cdnow = cdnow_sample()
    choice = choose(cdnow, horizon_days=273, until=date(1997, 9, 30))
    assert not choice.trusted
    assert isinstance(choice.correction, NotEstimable)
    assert choice.correction.reason == "no_window_of_this_length"
    assert (choice.recalibrated == choice.expected).all()
    assert any("136 days only" in reason for reason in choice.reasons)
    assert choice.past_errors == ()


def test_bias_in_the_backtest_is_no_trust():
    cdnow = cdnow_sample()
    choice = choose(cdnow, horizon_days=182, until=date(1997, 12, 30))
    assert abs(choice.backtest.candidates[choice.name].aggregate_error) > 0.1
    assert not choice.trusted
    assert any("bound 10%" in reason for reason in choice.reasons)


def test_a_history_of_weeks_is_fitted_but_not_trusted():
    cdnow = cdnow_sample().filter(pl.col("date") <= date(1997, 4, 1))
    choice = choose(cdnow, horizon_days=90)
    assert isinstance(choice.backtest, NotEstimable)
    assert choice.name == "mbg-nbd"
    assert not choice.trusted


def test_no_repeat_purchases():
    once = pl.DataFrame(
        {"customer_id": np.arange(50), "date": [date(2026, 1, 1)] * 49 + [date(2026, 6, 1)], "amount": 1.0}
    )
    assert isinstance(choose(once, horizon_days=30), NotEstimable)
