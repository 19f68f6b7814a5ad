from datetime import date
from importlib.resources import files
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cvo.app.clv_fit import Question, clv_fit, customer_rows
from cvo.app.clv_plot import plot
from cvo.app.clv_read import read_transactions
from cvo.app.clv_result import Holdout
from cvo.core.errors import InvalidInput
from cvo.core.evidence import NotEstimable
from cvo.lifetime import Unit

DATA = Path(__file__).parents[2] / "data" / "lifetime"
SAMPLE = files("cvo.lifetime") / "data" / "cdnow_sample.parquet"
CUTOFF = date(1997, 9, 30)


@pytest.fixture(scope="module")
def cdnow():
    return read_transactions(SAMPLE)


def test_published_parameters_in_the_papers_order(cdnow):
    result = clv_fit(cdnow, Question(model="bg-nbd", until=CUTOFF)).result
    assert list(result.parameters) == ["r", "alpha", "a", "b"]
    assert [round(value, 3) for value in result.parameters.values()] == [0.243, 4.414, 0.793, 2.426]
    assert result.log_likelihood == pytest.approx(-9582.4, abs=0.05)
    assert isinstance(result.holdout, Holdout)
    assert result.holdout.days == 273
    assert result.holdout.actual == 1882
    assert result.holdout.mae < result.holdout.naive.mae
    assert [round(value, 2) for value in result.spend.parameters.values()] == [6.25, 3.74, 15.44]


@pytest.mark.parametrize(("unit", "days"), [("day", 1.0), ("week", 7.0), ("month", 365.25 / 12)])
def test_the_unit_only_rescales(cdnow, unit, days):
    result = clv_fit(cdnow, Question(model="pareto-nbd", until=CUTOFF, unit=Unit(unit))).result
    weeks = clv_fit(cdnow, Question(model="pareto-nbd", until=CUTOFF)).result
    assert result.parameters["alpha"] * days == pytest.approx(weeks.parameters["alpha"] * 7, rel=1e-4)
    assert result.parameters["r"] == pytest.approx(weeks.parameters["r"], rel=1e-4)
    assert result.holdout.mae == pytest.approx(weeks.holdout.mae, rel=1e-5)


def test_spend_alone(cdnow):
    result = clv_fit(cdnow, Question(model="gamma-gamma", until=CUTOFF)).result
    assert list(result.parameters) == ["p", "q", "v"]
    assert result.log_likelihood == pytest.approx(-4055.92, abs=0.01)
    assert result.holdout.mae < result.holdout.naive.mae


def test_periods(cdnow):
    fitted = clv_fit(cdnow, Question(model="bg-bb", until=CUTOFF, unit=Unit.MONTH))
    assert list(fitted.result.parameters) == ["alpha", "beta", "gamma", "delta"]
    assert fitted.result.holdout.mae < fitted.result.holdout.naive.mae
    assert "probability_alive" in customer_rows(fitted, Question()).columns


def test_auto_says_what_it_tried(cdnow):
    result = clv_fit(cdnow, Question(until=date(1997, 12, 30))).result
    assert result.model in result.selection.candidates
    assert result.selection.naive.mae > 0
    assert result.selection.backtest_origin == date(1997, 7, 1)
    assert result.holdout.recalibrated is not None
    assert result.selection.trusted is False
    assert result.selection.reasons


def test_without_a_hold_out_there_is_a_reason(cdnow):
    result = clv_fit(cdnow, Question(model="mbg-nbd")).result
    assert isinstance(result.holdout, NotEstimable)
    assert "--until earlier" in result.holdout.detail


def test_a_row_per_customer(cdnow):
    question = Question(model="mbg-nbd", until=CUTOFF, margin_rate=0.4, draws=40)
    fitted = clv_fit(cdnow, question)
    rows = customer_rows(fitted, question)
    assert rows.height == fitted.result.customers == 2357
    numbers = rows.select(pl.selectors.numeric()).to_numpy()
    assert np.isfinite(numbers).all()
    assert (numbers >= 0).all()
    assert (rows["clv_90d"] <= rows["clv_365d"]).all()
    assert (rows["clv_365d_p10"] <= rows["clv_365d_p90"]).all()
    whole = customer_rows(fitted, Question(model="mbg-nbd", until=CUTOFF, draws=40))
    assert rows["clv_365d"].to_numpy() == pytest.approx(0.4 * whole["clv_365d"].to_numpy())


def test_refunds_lower_value_and_never_count_as_purchases():
    retail = read_transactions(DATA / "online_retail_ii_net.parquet")
    question = Question(model="mbg-nbd", until=date(2011, 5, 30), draws=20)
    fitted = clv_fit(retail, question)
    refunds, table = fitted.result.refunds, fitted.table
    assert table["refund_value"].sum() > 0
    assert refunds.rate * refunds.size == pytest.approx(
        table["refund_value"].sum() / table["gross_value"].sum()
    )
    rows = customer_rows(fitted, question)
    gross = fitted.spend.model.expected_value(rows["frequency"], rows["monetary_value"])
    without = rows["expected_purchases_90d"].to_numpy() * gross
    assert (rows["clv_90d"].to_numpy() < without).all()


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_pictures_are_the_same_each_time(cdnow, tmp_path, suffix):
    fitted = clv_fit(cdnow, Question(model="mbg-nbd", until=CUTOFF))
    one, other = tmp_path / f"one{suffix}", tmp_path / f"other{suffix}"
    plot(fitted, one)
    plot(fitted, other)
    assert one.stat().st_size > 20_000
    assert one.read_bytes() == other.read_bytes()


def test_pictures_need_a_process_in_time(cdnow, tmp_path):
    with pytest.raises(InvalidInput, match="must end in"):
        plot(clv_fit(cdnow, Question(model="mbg-nbd", until=CUTOFF)), tmp_path / "x.txt")
    with pytest.raises(InvalidInput, match="bg-nbd, mbg-nbd"):
        plot(clv_fit(cdnow, Question(model="gamma-gamma", until=CUTOFF)), tmp_path / "x.png")


@pytest.mark.parametrize("until", [date(1996, 1, 1), date(1997, 1, 1), date(1999, 1, 1)])
def test_a_cut_off_outside_the_data(cdnow, until):
    with pytest.raises(InvalidInput, match="where the data end"):
        clv_fit(cdnow, Question(until=until))


def test_an_unknown_model(cdnow):
    with pytest.raises(InvalidInput, match="there are bg-nbd"):
        clv_fit(cdnow, Question(model="nbd"))
