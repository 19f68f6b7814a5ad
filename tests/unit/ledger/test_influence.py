import numpy as np
import polars as pl
import pytest

from cvo.core.evidence import Grade, NotEstimable
from cvo.inference import clustered_mean
from cvo.ledger.influence import Total, add_up, influences
from tests.data.log import person


def total(values, people):
    values = np.asarray(values, dtype=float)
    ids = pl.Series([person(each) for each in people], dtype=pl.Binary)
    return Total(float(values.sum()), influences(ids, values - values.mean()))


def test_a_total_has_the_error_of_its_mean_times_its_rows_by_customer():
    rng = np.random.default_rng(0)
    values, people = rng.normal(3, 2, 60), rng.integers(0, 20, 60)
    mean = clustered_mean(values, clusters=people, unit="EUR", grade=Grade.MEASURED)
    found = total(values, people).estimate("EUR")
    assert found.value == pytest.approx(60 * mean.value)
    assert found.standard_error == pytest.approx(60 * mean.standard_error)
    assert found.interval.high == pytest.approx(60 * mean.interval.high)


def test_what_two_totals_share_cancels_in_their_difference():
    rng = np.random.default_rng(1)
    values, people = rng.normal(0, 1, 200), np.arange(200)
    one = total(values, people)
    same = one.minus([one]).estimate("EUR")
    assert (same.value, same.standard_error) == (0.0, 0.0)
    twice = add_up([one, one]).estimate("EUR")
    assert twice.standard_error == pytest.approx(2 * one.estimate("EUR").standard_error)
    apart = add_up([one, total(values, people + 1_000)]).estimate("EUR")
    assert apart.standard_error == pytest.approx(2**0.5 * one.estimate("EUR").standard_error, rel=1e-2)


def test_one_customer_has_no_standard_error():
    assert isinstance(total([1.0, 2.0], [1, 1]).estimate("EUR"), NotEstimable)
    assert isinstance(add_up([]).estimate("EUR"), NotEstimable)
