import itertools

import pytest

from cvo.core.evidence import Estimate, Grade, Interval, NotEstimable, weakest


def estimate(value=2.0):
    return Estimate(
        value=value,
        standard_error=0.5,
        interval=Interval(value - 1, value + 1),
        grade=Grade.MEASURED,
        unit="EUR",
        sample_size=10,
    )


def test_a_figure_is_no_better_than_its_worst_ingredient():
    order = list(Grade)
    for first, second in itertools.product(order, order):
        assert weakest(first, second) is order[max(order.index(first), order.index(second))]


@pytest.mark.parametrize("factor", [3.0, -3.0])
def test_a_scaled_estimate_keeps_its_ends_in_order(factor):
    scaled = estimate().scaled(factor, "USD")
    assert (scaled.value, scaled.standard_error, scaled.unit) == (2 * factor, 1.5, "USD")
    assert (scaled.interval.low, scaled.interval.high) == tuple(sorted((factor, 3 * factor)))


def test_a_shift_moves_value_and_interval_and_no_uncertainty():
    shifted = estimate().shifted(-5)
    assert (shifted.value, shifted.interval, shifted.standard_error) == (-3, Interval(-4, -2), 0.5)


def test_an_interval_excludes_only_what_lies_outside():
    interval = Interval(0, 1)
    assert [interval.excludes(value) for value in (-0.1, 0, 0.5, 1, 1.1)] == [True, False, False, False, True]


def test_a_reason_is_kept_by_the_first_refusal_of_several():
    reason = NotEstimable("too few buyers", "12 in control")
    assert (reason or NotEstimable("later", "")) is reason
    assert (None or reason) is reason
