from math import sqrt

import numpy as np
import pytest

from cvo.core.errors import InvalidInput
from cvo.core.evidence import Estimate, Grade, NotEstimable
from cvo.inference import (
    NO_CLUSTERS,
    cluster_moments,
    clustered_mean,
    difference,
    ratio_estimate,
    ratio_of_means,
)

EUR = {"unit": "EUR", "grade": Grade.MEASURED}


def test_mean_of_independent_rows_has_the_textbook_standard_error():
    values = np.array([1.0, 4.0, 2.0, 9.0])
    estimate = clustered_mean(values, **EUR)
    assert estimate.value == 4.0
    assert estimate.standard_error == pytest.approx(values.std(ddof=1) / 2)
    assert estimate.interval.high - 4.0 == pytest.approx(1.959963984540054 * estimate.standard_error)
    assert estimate.sample_size == 4


def test_rows_repeated_within_a_customer_add_no_information():
    values = np.array([1.0, 4.0, 2.0, 9.0])
    once = clustered_mean(values, **EUR)
    thrice = clustered_mean(np.repeat(values, 3), clusters=np.repeat(["a", "b", "c", "d"], 3), **EUR)
    assert thrice.value == once.value
    assert thrice.standard_error == pytest.approx(once.standard_error)
    assert thrice.sample_size == 4


def test_ratio_is_the_linearised_mean_of_cluster_residuals():
    revenue, orders = np.array([10.0, 0.0, 30.0, 5.0]), np.array([1.0, 0.0, 2.0, 1.0])
    estimate = ratio_of_means(revenue, orders, **EUR)
    ratio = 45 / 4
    residuals = revenue - ratio * orders
    assert estimate.value == pytest.approx(ratio)
    assert estimate.standard_error == pytest.approx(sqrt(4 / 3 * (residuals @ residuals)) / 4)


def test_weighted_mean_is_the_ratio_of_weighted_sums():
    estimate = clustered_mean([1.0, 5.0, 3.0], weights=[1.0, 2.0, 1.0], **EUR)
    assert estimate.value == pytest.approx(3.5)


def test_moments_survive_a_large_common_level():
    values = np.array([1.0, 2.0, 4.0, 8.0])
    shifted = cluster_moments(values + 1e9)
    assert shifted.standard_error == pytest.approx(cluster_moments(values).standard_error, rel=1e-6)


def test_adding_nothing_changes_nothing():
    moments = cluster_moments([1.0, 2.0])
    assert NO_CLUSTERS + moments == moments == moments + NO_CLUSTERS


def test_difference_of_two_arms_adds_variances_and_takes_the_weaker_grade():
    first = clustered_mean([1.0, 3.0, 2.0], unit="EUR", grade=Grade.MEASURED)
    second = clustered_mean([0.0, 1.0], unit="EUR", grade=Grade.ASSUMED)
    found = difference(first, second)
    assert found.value == 1.5
    assert found.standard_error == pytest.approx(sqrt(1 / 3 + 1 / 4))
    assert found.grade is Grade.ASSUMED
    assert found.sample_size == 5


def test_difference_hands_a_missing_side_through():
    missing = NotEstimable("too few clusters", "1 independent units")
    estimate = clustered_mean([1.0, 3.0], **EUR)
    assert difference(missing, estimate) is missing
    assert difference(estimate, missing) is missing


def test_difference_refuses_two_units():
    first = clustered_mean([1.0, 3.0], **EUR)
    second = clustered_mean([1.0, 3.0], unit="orders", grade=Grade.MEASURED)
    with pytest.raises(InvalidInput, match="in one unit"):
        difference(first, second)


@pytest.mark.parametrize(
    ("values", "clusters", "reason"),
    [([], None, "too few clusters"), ([1.0, 2.0], ["a", "a"], "too few clusters")],
)
def test_one_unit_gives_no_estimate(values, clusters, reason):
    answer = clustered_mean(values, clusters=clusters, **EUR)
    assert isinstance(answer, NotEstimable)
    assert answer.reason == reason


def test_a_ratio_to_nothing_gives_no_estimate():
    answer = ratio_of_means([1.0, 2.0], [0.0, 0.0], **EUR)
    assert isinstance(answer, NotEstimable)
    assert answer.reason == "empty denominator"


def test_overflow_gives_no_estimate():
    with np.errstate(over="ignore", invalid="ignore"):
        answer = clustered_mean([1e308, -1e308, 1e308], **EUR)
    assert isinstance(answer, NotEstimable)


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ([1.0, np.nan], {}, r"values\[1\] is nan"),
        ([[1.0], [2.0]], {}, "vector"),
        ([1.0, 2.0], {"clusters": ["a"]}, "one id a row"),
        ([1.0, 2.0], {"clusters": [1.0, np.nan]}, "unknown cluster"),
        ([1.0, 2.0], {"clusters": np.array(["a", None], dtype=object)}, "mixed types"),
        ([1.0, 2.0], {"weights": [1.0]}, "one weight a row"),
        ([1.0, 2.0], {"level": 95.0}, "between 0 and 1"),
    ],
)
def test_bad_input_is_named(values, options, message):
    with pytest.raises(InvalidInput, match=message):
        clustered_mean(values, **options, **EUR)


def test_numerators_need_denominators():
    with pytest.raises(InvalidInput, match="one of each a row"):
        cluster_moments([1.0, 2.0], [1.0])


def test_an_interval_at_a_very_high_level_is_finite():
    estimate = ratio_estimate(cluster_moments([1.0, 2.0, 3.0]), level=1 - 1e-12, **EUR)
    assert isinstance(estimate, Estimate)
    assert np.isfinite(estimate.interval.high)
