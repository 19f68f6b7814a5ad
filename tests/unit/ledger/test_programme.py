import numpy as np
import polars as pl
import pytest

from cvo.core.clock import DAY, Instant
from cvo.core.evidence import Estimate, NotEstimable
from cvo.inference import look_level
from cvo.ledger.programme import programme_effect
from cvo.ledger.reconcile import programme_total

START = Instant(20_000 * DAY)


def customers(count=20_000, control=0.2, seed=0, rate=0.2):
    rng = np.random.default_rng(seed)
    arm = np.where(rng.random(count) < control, "control", "treated")
    orders = rng.random(count) < rate + 0.1 * (arm == "treated")
    return pl.DataFrame(
        {"arm": arm, "orders": orders.astype(int), "value_minor": orders * rng.integers(500, 1_500, count)}
    )


def effect(frame=None, *, control=0.2, started=START, days=7):
    given = customers(control=control) if frame is None else frame
    return programme_effect(given, control, started, Instant(START + days * DAY), "EUR")


def test_it_is_the_difference_of_the_arms_a_customer():
    frame = customers()
    found = effect(frame)
    means = dict(frame.group_by("arm").agg(pl.col("value_minor").mean()).iter_rows())
    assert isinstance(found, Estimate)
    assert found.value == pytest.approx((means["treated"] - means["control"]) / 100)
    assert found.unit == "EUR a customer"
    assert found.sample_size == 20_000


@pytest.mark.parametrize(("days", "look"), [(7, 1), (14, 2), (70, 10)])
def test_every_week_is_another_look_with_a_wider_interval(days, look):
    assert effect(days=days).interval.level == look_level(look)


def test_without_a_programme_or_without_control_there_is_a_reason():
    assert effect(started=None).reason == "no live decisions"
    assert effect(customers(control=0.0), control=0.0).reason == "no control group"
    assert effect(days=0).reason == "first week"


def test_arms_that_did_not_fall_as_planned_are_refused():
    found = effect(customers(control=0.2), control=0.25)
    assert isinstance(found, NotEstimable)
    assert found.reason == "sample ratio"


def test_too_few_buyers_in_either_arm_are_refused_and_counted():
    found = effect(customers(count=2_000, rate=0.1))
    assert found.reason == "too few buyers"
    assert "in control" in found.detail


def two_cohorts(seed=0, count=40_000):
    """Return customers met while a twentieth was left alone, who buy more, and others met while half was."""
    rng = np.random.default_rng(seed)
    rate = np.where(np.arange(count) < count // 2, 0.05, 0.5)
    arm = np.where(rng.random(count) < rate, "control", "treated")
    orders = rng.random(count) < np.where(rate == 0.05, 0.5, 0.2)
    person_id = [b"%d" % number for number in range(count)]
    frame = {"person_id": person_id, "arm": arm, "control_rate": rate, "orders": orders.astype(int)}
    return pl.DataFrame(frame).with_columns(value_minor=pl.col("orders") * 1_000.0)


def test_another_rate_for_later_customers_is_no_broken_split_and_no_effect():
    frame = two_cohorts()
    assert effect(frame.drop("control_rate"), control=0.5).reason == "sample ratio"
    naive = effect(frame.drop("control_rate"), control=0.275)
    assert naive.interval.low > 0.5
    found = effect(frame, control=0.5)
    assert found.interval.low < 0 < found.interval.high
    covered = [effect(two_cohorts(seed)).interval for seed in range(40)]
    assert sum(interval.low < 0 < interval.high for interval in covered) >= 36
    total = programme_total(frame, "EUR").value
    assert total == pytest.approx(found.value * (frame["arm"] == "treated").sum())


def test_a_split_that_is_not_what_each_customer_was_assigned_with_is_refused():
    frame = two_cohorts().with_columns(control_rate=0.2)
    assert effect(frame, control=0.275).reason == "sample ratio"
