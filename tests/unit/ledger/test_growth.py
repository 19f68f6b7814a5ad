from math import log

import numpy as np
import pytest

from cvo.core.errors import InvalidInput
from cvo.core.evidence import Estimate, NotEstimable
from cvo.ledger.growth import FACTORS, Volume, caused_growth, growth


def test_it_is_the_log_mean_of_margin_times_the_log_of_each_ratio():
    before, after = Volume(100, 250, 5_000.0), Volume(120, 240, 6_000.0)
    mean = 1_000 / log(6 / 5)
    found = growth(before, after)
    assert found.customers == pytest.approx(mean * log(1.2))
    assert found.orders_per_customer == pytest.approx(mean * log(2.0 / 2.5))
    assert found.value_per_order == pytest.approx(mean * log(25 / 20))


def test_factors_that_offset_each_other_are_seen_although_margin_stood_still():
    found = growth(Volume(100, 100, 1_000.0), Volume(200, 200, 1_000.0))
    assert found.customers == pytest.approx(1_000 * log(2))
    assert found.value_per_order == -found.customers
    assert found.total == 0


def test_fewer_than_none_is_refused():
    with pytest.raises(InvalidInput, match="fewer than no"):
        Volume(-1, 0, 0)


def customers(rng, count, buys, orders):
    """Customers who buy at a rate, one order and then more of them, of 10.00 on average."""
    bought = rng.random(count) < buys
    number = np.where(bought, 1 + rng.poisson(orders, count), 0)
    return np.column_stack([bought, number, number * rng.gamma(4, 2.5, count)]).astype(float)


def test_what_was_caused_is_split_with_errors_that_cover():
    truth = growth(
        Volume(2_000 * 0.3, 2_000 * 0.3 * 1.5, 2_000 * 0.3 * 15), Volume(600 * 4 / 3, 1_200, 18_000 * 2 / 3)
    )
    covered = dict.fromkeys(FACTORS, 0)
    worlds = 200
    for seed in range(worlds):
        rng = np.random.default_rng(seed)
        found = caused_growth(customers(rng, 2_000, 0.4, 0.5), customers(rng, 1_000, 0.3, 0.5), "EUR")
        parts = [getattr(found, name) for name in FACTORS]
        assert sum(each.value for each in parts) == pytest.approx(found.total.value)
        for name in FACTORS:
            covered[name] += not getattr(found, name).interval.excludes(getattr(truth, name))
    assert min(covered.values()) >= 179


def test_the_total_is_the_difference_of_means_times_the_treated():
    rng = np.random.default_rng(1)
    treated, control = customers(rng, 3_000, 0.4, 0.5), customers(rng, 500, 0.3, 0.4)
    found = caused_growth(treated, control, "EUR")
    assert isinstance(found.total, Estimate)
    assert found.total.value == pytest.approx(3_000 * (treated[:, 2].mean() - control[:, 2].mean()))
    error = 3_000 * np.sqrt(treated[:, 2].var(ddof=1) / 3_000 + control[:, 2].var(ddof=1) / 500)
    assert found.total.standard_error == pytest.approx(error, rel=1e-5)


def test_without_buyers_in_an_arm_there_is_nothing_to_split():
    rng = np.random.default_rng(2)
    assert isinstance(caused_growth(customers(rng, 100, 0.4, 1), np.zeros((100, 3)), "EUR"), NotEstimable)


def test_what_an_earlier_period_caused_is_taken_off_and_the_same_customers_make_the_error_smaller():
    rng = np.random.default_rng(3)
    loyal = rng.gamma(2, 1, 4_000)

    def period(buys):
        bought = rng.random(4_000) < buys
        return np.column_stack([bought, bought, bought * loyal * 10]).astype(float)

    treated, control = np.hstack([period(0.5), period(0.5)]), np.hstack([period(0.3), period(0.3)])
    both = caused_growth(treated, control, "EUR")
    one, other = (caused_growth(treated[:, at : at + 3], control[:, at : at + 3], "EUR") for at in (0, 3))
    assert both.total.value == pytest.approx(one.total.value - other.total.value)
    assert not both.total.interval.excludes(0.0)
    assert both.value_per_order.standard_error < 0.9 * np.hypot(
        one.value_per_order.standard_error, other.value_per_order.standard_error
    )


def test_weights_are_those_of_customers():
    rng = np.random.default_rng(4)
    treated, control = customers(rng, 500, 0.4, 0.5), customers(rng, 300, 0.3, 0.5)
    weighted = caused_growth(treated, control, "EUR", weights=(np.ones(500), np.full(300, 2.0)))
    plain = caused_growth(treated, control, "EUR")
    assert weighted.total.value == pytest.approx(plain.total.value)
    assert weighted.total.standard_error == pytest.approx(plain.total.standard_error)
    heavy = caused_growth(
        treated, control, "EUR", weights=(np.ones(500), np.r_[np.full(150, 3.0), np.ones(150)])
    )
    means = np.average(control[:, 2], weights=np.r_[np.full(150, 3.0), np.ones(150)])
    assert heavy.total.value == pytest.approx(500 * (treated[:, 2].mean() - means))


def test_an_arm_of_unequal_shares_is_weighted_the_same_in_headline_and_total():
    import polars as pl

    from cvo.core.clock import DAY, Instant
    from cvo.ledger.programme import programme_effect
    from cvo.ledger.reconcile import programme_total

    rng = np.random.default_rng(5)
    rate = np.repeat([0.1, 0.5], 4_000)
    frame = pl.DataFrame(
        {
            "person_id": [n.to_bytes(16, "big") for n in range(8_000)],
            "arm": np.where(rng.random(8_000) < rate, "control", "treated"),
            "orders": np.ones(8_000, dtype=int),
            # Those met later, when half were left alone, bring three times as much whatever is done.
            "value_minor": rng.integers(500, 1_500, 8_000) * np.repeat([1, 3], 4_000),
            "control_rate": rate,
        }
    )
    headline = programme_effect(frame, 0.5, Instant(0), Instant(14 * DAY), "EUR")
    total = programme_total(frame, "EUR")
    treated = (frame["arm"] == "treated").sum()
    assert total.value == pytest.approx(headline.value * treated)
    assert total.estimate("EUR").standard_error == pytest.approx(headline.standard_error * treated, rel=1e-3)
    assert abs(headline.value) < 4 * headline.standard_error
    assert abs(programme_total(frame.drop("control_rate"), "EUR").value / treated) > 3
