import numpy as np
import pytest

from cvo.core.errors import InvalidInput
from cvo.lifetime import shrunk_rates


def world(between, rows=40, groups=200, seed=0):
    rng = np.random.default_rng(seed)
    label = np.repeat(np.arange(groups), rows)
    true = rng.normal(0.3, between, groups)
    sales = rng.uniform(5, 50, label.size)
    margin = sales * true[label] + rng.normal(0, np.sqrt(sales) * 0.5)
    return margin, sales, label, true


def test_shrunk_rates_are_closer_to_the_truth_than_observed_ones():
    margin, sales, label, true = world(between=0.02, rows=4)
    rates = shrunk_rates(margin, sales, label)
    assert ((rates.rate - true) ** 2).mean() < 0.7 * ((rates.observed - true) ** 2).mean()
    assert ((rates.credibility > 0) & (rates.credibility < 1)).all()


def test_groups_that_do_not_differ_get_the_overall_rate():
    margin, sales, label, _ = world(between=0.0, seed=3)
    rates = shrunk_rates(margin, sales, label)
    assert np.ptp(rates.rate) < 0.25 * np.ptp(rates.observed)


def test_groups_that_differ_a_lot_keep_their_own():
    margin, sales, label, true = world(between=0.2)
    rates = shrunk_rates(margin, sales, label)
    assert rates.credibility.min() > 0.95
    assert rates.rate == pytest.approx(true, abs=0.15)


def test_a_new_group_gets_the_overall_rate():
    rates = shrunk_rates([4, 6, 1, 2], [10, 10, 10, 10], ["tea", "tea", "cups", "cups"])
    assert rates.of(["cups", "pots"]).tolist() == [rates.rate[0], rates.overall]


def test_rows_without_sales_are_refused():
    with pytest.raises(InvalidInput, match="positive whole"):
        shrunk_rates([1.0], [0.0], ["tea"])
