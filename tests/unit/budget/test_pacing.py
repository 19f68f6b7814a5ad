import pytest

from cvo.budget import EVENLY, SpendPlan, begin, paced, plan_from
from cvo.core.errors import InvalidInput


def test_the_price_rises_with_overspending_and_falls_with_underspending():
    start = begin(1_000.0, 5.0)
    as_planned, more, less = (paced(start, used, 0.1).price for used in (100.0, 110.0, 90.0))
    assert as_planned == pytest.approx(5.0, rel=1e-12)
    assert less < 5.0 < more


def test_no_surprise_moves_a_price_by_more_than_a_factor_of_e():
    start = begin(10_000.0, 1.0)
    assert paced(start, 10_000.0, 0.0).price == pytest.approx(2.718281828)
    assert paced(start, 0.0, 1.0).price == pytest.approx(1 / 2.718281828)


def test_a_price_comes_back_from_near_nothing():
    pace = begin(10_000.0, 1.0)
    for step in range(1, 51):
        pace = paced(pace, 0.0, step / 100)
    low = pace.price
    for step in range(51, 80):
        pace = paced(pace, min(400.0, pace.left), step / 100)
    assert low == pytest.approx(1e-4)
    assert pace.price > 100 * low


def test_what_is_planned_is_a_share_of_what_is_left():
    ahead = paced(begin(1_000.0, 1.0), 500.0, 0.1)
    # 500 are left for nine tenths of the period.
    assert paced(ahead, 500.0 / 9, 0.2).price == pytest.approx(ahead.price, rel=1e-9)


def test_a_unit_of_measure_changes_nothing():
    calls, minutes = begin(1_000.0, 12.0), begin(12_000.0, 1.0, grain=12.0)
    assert paced(calls, 130.0, 0.1).price == pytest.approx(12 * paced(minutes, 12 * 130.0, 0.1).price)


def test_a_plan_is_kept():
    plan = SpendPlan((0.0, 0.1, 1.0))
    pace = paced(begin(1_000.0, 2.0), 100.0, 0.5, plan)
    assert pace.price == pytest.approx(2.0)
    assert paced(pace, 900.0, 1.0, plan).price == pytest.approx(2.0)


def test_nothing_is_overrun_and_time_does_not_run_backwards():
    pace = paced(begin(10.0, 1.0), 4.0, 0.5)
    assert pace.left == 6.0
    with pytest.raises(InvalidInput, match=r"6\.0 were left"):
        paced(pace, 7.0, 0.6)
    with pytest.raises(InvalidInput, match="elapsed"):
        paced(pace, 1.0, 0.4)
    with pytest.raises(InvalidInput, match="elapsed"):
        paced(pace, 1.0, 1.1)


def test_after_its_period_a_resource_is_planned_to_be_gone():
    assert paced(paced(begin(100.0, 1.0), 50.0, 1.0), 0.0, 1.0).price < 1.0


def test_nothing_of_a_resource_keeps_its_price():
    assert paced(begin(0.0, 3.0), 0.0, 0.5).price == 3.0


@pytest.mark.parametrize("price", [0.0, -1.0, float("nan"), float("inf")])
def test_a_first_price_is_positive(price):
    with pytest.raises(InvalidInput, match="price"):
        begin(1.0, price)


def test_a_capacity_is_a_number():
    with pytest.raises(InvalidInput, match="capacity"):
        begin(float("inf"), 1.0)


@pytest.mark.parametrize("reached", [(1.0,), (0.0, 0.5), (0.1, 1.0), (0.0, 0.7, 0.6, 1.0)])
def test_what_is_no_plan_is_refused(reached):
    with pytest.raises(InvalidInput, match="plan"):
        SpendPlan(reached)


def test_a_plan_is_learned_from_a_period_that_is_over():
    plan = plan_from([0.1, 0.6, 0.9, 1.0], [1.0, 2.0, 1.0, 0.0], parts=2)
    assert plan.reached == (0.0, 0.25, 1.0)
    assert EVENLY.share(0.3) == pytest.approx(0.3)
    with pytest.raises(InvalidInput, match="EVENLY"):
        plan_from([0.5], [0.0])
