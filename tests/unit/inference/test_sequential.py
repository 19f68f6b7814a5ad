from math import log, sqrt

import numpy as np
import pytest

from cvo.core.errors import InvalidInput
from cvo.core.evidence import Interval, NotEstimable
from cvo.inference import ConfidenceSequence, cluster_moments, look_level, planned_sequence


def test_the_errors_of_all_looks_sum_to_alpha():
    spent = [1 - look_level(look, alpha=0.05) for look in range(1, 2_001)]
    assert sum(spent) == pytest.approx(0.05, rel=1e-3)
    assert sum(spent) < 0.05


def test_radius_is_the_papers_formula():
    sequence = ConfidenceSequence(rho_squared=0.01, alpha=0.05, first_look=1)
    grown = 250.0 * 0.01 + 1
    expected = sqrt(2 * grown / (100.0**2 * 0.01) * log(sqrt(grown) / 0.05))
    assert sequence.radius(np.float64(250.0), np.float64(100.0)) == pytest.approx(expected)


def test_the_plan_is_the_narrowest_at_its_own_variance():
    best = planned_sequence(planned_count=5_000, planned_variance=3.0)
    at_plan = np.float64(15_000.0), np.float64(5_000.0)
    for factor in (0.5, 0.9, 1.1, 2.0):
        other = ConfidenceSequence(rho_squared=best.rho_squared * factor)
        assert best.radius(*at_plan) < other.radius(*at_plan)


def test_path_agrees_with_looking_at_moments():
    scores = np.random.default_rng(1).normal(1e6, 2.0, 300)
    sequence = planned_sequence(planned_count=300, planned_variance=4.0)
    means, radii = sequence.path(scores)
    for count in (100, 217, 300):
        interval = sequence.interval(cluster_moments(scores[:count]))
        assert isinstance(interval, Interval)
        assert interval.level == 0.95
        assert interval.low == pytest.approx(means[count - 1] - radii[count - 1], rel=1e-12)
        assert interval.high == pytest.approx(means[count - 1] + radii[count - 1], rel=1e-12)


def test_before_the_first_look_there_is_no_interval():
    sequence = planned_sequence(planned_count=300, planned_variance=4.0)
    answer = sequence.interval(cluster_moments(np.ones(99)))
    assert isinstance(answer, NotEstimable)
    assert answer.reason == "too early"
    _, radii = sequence.path(np.arange(120.0))
    assert np.isinf(radii[:99]).all()
    assert np.isfinite(radii[99:]).all()


def test_an_empty_path_is_empty():
    means, radii = planned_sequence(planned_count=10, planned_variance=1.0).path([])
    assert len(means) == len(radii) == 0


@pytest.mark.parametrize(
    "call",
    [
        lambda: look_level(0),
        lambda: look_level(1, alpha=1.0),
        lambda: planned_sequence(planned_count=0, planned_variance=1.0),
        lambda: planned_sequence(planned_count=10, planned_variance=float("inf")),
        lambda: planned_sequence(planned_count=10, planned_variance=1.0, alpha=0.0),
    ],
)
def test_an_impossible_plan_is_refused(call):
    with pytest.raises(InvalidInput):
        call()
