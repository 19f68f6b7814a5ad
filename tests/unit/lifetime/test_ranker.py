import sys
from datetime import date

import numpy as np
import polars as pl
import pytest

from cvo.core.evidence import NotEstimable
from cvo.lifetime import MbgNbd, Ranker, Unit, dealt_in_order, purchase_days, train_ranker


def test_dealing_keeps_the_values_and_follows_both_orders():
    expected = np.array([0.1, 2.0, 0.5, 1.0])
    dealt = dealt_in_order(expected, np.array([9.0, 1.0, 1.0, 1.0]))
    assert sorted(dealt) == sorted(expected)
    # Geometric means: 0.95, 1.41, 0.71, 1.0
    assert dealt.tolist() == [0.5, 2.0, 0.1, 1.0]


def test_equal_scores_change_nothing():
    expected = np.array([0.3, 0.0, 0.2])
    assert dealt_in_order(expected, np.ones(3)).tolist() == expected.tolist()


@pytest.fixture(scope="module")
def purchases():
    rng = np.random.default_rng(0)
    seen = MbgNbd(0.6, 40.0, 0.8, 2.0).simulate(np.full(1500, 300.0), rng)
    rows = []
    for who, (x, t_x) in enumerate(zip(seen.frequency, seen.recency, strict=True)):
        days = np.unique(np.round(np.append(rng.uniform(0, t_x, max(0, int(x) - 1)), [0, t_x])))
        rows += [(who, int(day)) for day in days]
    frame = pl.DataFrame(rows, schema=["customer_id", "day"], orient="row")
    return purchase_days(
        frame.with_columns((pl.lit(date(2025, 1, 1)) + pl.duration(days="day")).alias("date"), amount=10.0)
    )


def test_the_same_seed_gives_the_same_scores(purchases):
    until = date(2025, 10, 1)
    one, other = (
        train_ranker(purchases, until=until, horizon_days=60, unit=Unit.WEEK, seed=3) for _ in range(2)
    )
    assert isinstance(one, Ranker)
    assert one.windows > 1
    assert (one.scores(purchases, until) == other.scores(purchases, until)).all()


def test_learns_only_from_windows_that_have_closed(purchases):
    until = date(2025, 8, 1)
    known = purchases.filter(pl.col("on") <= until)
    one = train_ranker(purchases, until=until, horizon_days=60, unit=Unit.WEEK)
    other = train_ranker(known, until=until, horizon_days=60, unit=Unit.WEEK)
    assert (one.scores(known, until) == other.scores(known, until)).all()


def test_too_few_customers(purchases):
    few = purchases.filter(pl.col("customer_id") < 100)
    answer = train_ranker(few, until=date(2025, 10, 1), horizon_days=60, unit=Unit.WEEK)
    assert isinstance(answer, NotEstimable)
    assert answer.reason == "too_few_closed_windows"


def test_without_lightgbm_it_says_what_to_install(purchases, monkeypatch):
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    answer = train_ranker(purchases, until=date(2025, 10, 1), horizon_days=60, unit=Unit.WEEK)
    assert isinstance(answer, NotEstimable)
    assert "cvo[trees]" in answer.detail
