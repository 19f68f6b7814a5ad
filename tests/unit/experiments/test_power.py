from math import sqrt
from statistics import NormalDist

import numpy as np
import pytest

from cvo.core.errors import InvalidInput
from cvo.core.evidence import Estimate, Grade, Interval, NotEstimable
from cvo.experiments import (
    Design,
    Looks,
    MixtureTest,
    crossing_probabilities,
    customers_needed,
    days_needed,
    detectable_effect,
    planned_test,
    power,
)
from cvo.inference import cluster_moments, planned_sequence


def test_one_look_is_the_textbook_formula():
    z = NormalDist().inv_cdf
    expected = 2 * 2 * (10 * (z(0.975) + z(0.8))) ** 2
    assert customers_needed(Design(standard_deviation=10.0), 1.0) == pytest.approx(expected, rel=1e-3)


def test_repeated_looks_at_five_percent_reject_as_published():
    """Armitage, McPherson, Rowe 1969, table 2: 1, 2, 5, 10, 20 looks."""
    for looks, rate in ((1, 0.05), (2, 0.083), (5, 0.142), (10, 0.193), (20, 0.248)):
        information = np.arange(1, looks + 1) / looks
        assert crossing_probabilities([1.96] * looks, information)[-1] == pytest.approx(rate, abs=6e-4)


@pytest.mark.parametrize("timetable", list(Looks))
def test_no_timetable_rejects_more_often_than_alpha(timetable):
    design = Design(standard_deviation=1.0, timetable=timetable, looks=20)
    assert power(design, 1e-12, 1_000) <= 0.05 + 1e-9


def test_needed_and_detectable_agree_and_looking_costs_customers():
    once = Design(standard_deviation=10.0, shares=(0.1, 0.9))
    needed = customers_needed(once, 1.0)
    assert detectable_effect(once, needed) == pytest.approx(1.0, rel=1e-3)
    assert power(once, 1.0, needed) == pytest.approx(0.8, abs=1e-3)
    weekly, always = (
        Design(standard_deviation=10.0, shares=(0.1, 0.9), timetable=t, looks=8)
        for t in (Looks.WEEKLY, Looks.ALWAYS)
    )
    assert needed < customers_needed(always, 1.0) < 2.5 * needed
    assert needed < customers_needed(weekly, 1.0) < 2.5 * needed
    assert customers_needed(once, 1.0) > customers_needed(Design(standard_deviation=10.0), 1.0)


def test_days_are_those_of_assignment_and_of_the_last_horizon():
    assert days_needed(3_140, 100, 28) == 32 + 28
    with pytest.raises(InvalidInput, match="a day"):
        days_needed(100, 0, 1)


@pytest.mark.parametrize(
    "change", [{"standard_deviation": 0.0}, {"shares": (0.9, 0.2)}, {"correlation": 1.0}, {"looks": 0}]
)
def test_designs_that_cannot_be_are_refused(change):
    with pytest.raises(InvalidInput):
        Design(**{"standard_deviation": 1.0, **change})


def test_an_effect_of_zero_cannot_be_planned_for():
    with pytest.raises(InvalidInput, match="smallest one worth having"):
        customers_needed(Design(standard_deviation=1.0), 0.0)


def seen(value, error, size=10_000):
    return Estimate(
        value=value,
        standard_error=error,
        interval=Interval(value - 1.96 * error, value + 1.96 * error),
        grade=Grade.MEASURED,
        unit="EUR",
        sample_size=size,
    )


def test_the_mixture_interval_is_where_its_p_is_alpha():
    test = MixtureTest(scale=0.3)
    interval = test.looked_at(seen(1.0, 0.2)).interval
    for end in (interval.low, interval.high):
        assert test.p(seen(1.0, 0.2), reference=end) == pytest.approx(0.05, rel=1e-9)
    assert test.limit(0.2) > 1.96


def test_the_mixture_is_the_confidence_sequence_of_one_mean():
    scores = np.random.default_rng(5).normal(1.0, 2.0, 5_000)
    sequence = planned_sequence(planned_count=5_000, planned_variance=4.0)
    moments = cluster_moments(scores)
    error = sqrt(moments.squares_yy) / 5_000
    # Vρ² of the sequence is (scale/error)² of the test.
    test = MixtureTest(scale=error * sqrt(moments.squares_yy * sequence.rho_squared))
    ours, theirs = test.looked_at(seen(moments.mean_y, error)).interval, sequence.interval(moments)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), rel=1e-9)


def test_a_planned_test_is_narrowest_where_planned():
    best = planned_test(standard_error=0.5).limit(0.5)
    assert all(planned_test(standard_error=0.5 * factor).limit(0.5) > best for factor in (0.5, 0.9, 1.1, 2.0))


def test_early_looks_are_refused_and_certainty_is_no_division_by_zero():
    test = MixtureTest(scale=1.0)
    assert isinstance(test.looked_at(seen(1.0, 0.1, size=50)), NotEstimable)
    assert test.p(seen(1.0, 0.1, size=50)) == 1.0
    assert test.p(seen(0.0, 0.0)) == 1.0
    assert test.p(seen(1.0, 0.0)) == 0.0
    assert test.p(seen(1.0, 0.001)) == 0.0
