import numpy as np
import pytest

from cvo.core.errors import InvalidInput
from cvo.core.evidence import NotEstimable
from cvo.experiments import (
    adjusted_effect,
    covariate_correlation,
    effect,
    quantile_effect,
    quantile_estimate,
    relative_effect,
    stratified_effect,
)
from cvo.inference import NO_CLUSTERS, cluster_moments

RANDOM = np.random.default_rng(1)
BEFORE = RANDOM.gamma(2.0, 5.0, 4_000)
OUTCOME = 0.8 * BEFORE + RANDOM.normal(0, 3, 4_000) + np.r_[np.full(2_000, 1.0), np.zeros(2_000)]
ARMS = (slice(None, 2_000), slice(2_000, None))


def test_a_covariate_cuts_the_variance_by_its_squared_correlation():
    with_before = [cluster_moments(OUTCOME[arm], BEFORE[arm]) for arm in ARMS]
    plain = effect(*(cluster_moments(OUTCOME[arm]) for arm in ARMS), unit="EUR")
    adjusted = adjusted_effect(*with_before, unit="EUR")
    correlation = covariate_correlation(with_before[0])
    saved = (adjusted.standard_error / plain.standard_error) ** 2
    assert saved == pytest.approx(1 - correlation**2, rel=0.05)
    assert not adjusted.interval.excludes(1.0)


def test_days_of_moments_add_up_to_the_same_effect():
    whole = [cluster_moments(OUTCOME[arm], BEFORE[arm]) for arm in ARMS]
    days = [NO_CLUSTERS, NO_CLUSTERS]
    for day in range(8):
        days = [
            sofar + cluster_moments(OUTCOME[arm][day::8], BEFORE[arm][day::8])
            for sofar, arm in zip(days, ARMS, strict=True)
        ]
    for estimate in (effect, adjusted_effect):
        one, other = estimate(*whole, unit="EUR"), estimate(*days, unit="EUR")
        assert one.value == pytest.approx(other.value, rel=1e-12)
        assert one.standard_error == pytest.approx(other.standard_error, rel=1e-9)


def test_a_constant_covariate_changes_nothing():
    ones = [cluster_moments(OUTCOME[arm]) for arm in ARMS]
    assert adjusted_effect(*ones, unit="EUR").value == pytest.approx(effect(*ones, unit="EUR").value)


def test_change_relative_to_nearly_nothing_is_refused():
    nothing = cluster_moments(RANDOM.normal(0, 1, 500))
    refused = relative_effect(cluster_moments(OUTCOME[:100]), nothing)
    assert isinstance(refused, NotEstimable)
    assert refused.reason == "control near zero"


def test_strata_of_equal_effect_give_that_effect_with_less_noise():
    strata = RANDOM.integers(0, 2, 4_000)
    y = OUTCOME + 50 * strata
    parts = [{str(s): cluster_moments(y[arm][strata[arm] == s]) for s in (0, 1)} for arm in ARMS]
    stratified = stratified_effect(*parts, unit="EUR")
    plain = effect(*(cluster_moments(y[arm]) for arm in ARMS), unit="EUR")
    assert stratified.standard_error < 0.6 * plain.standard_error
    assert not stratified.interval.excludes(1.0)


def test_strata_that_one_arm_lacks_or_that_are_thin_are_named():
    one, two = cluster_moments([1.0]), cluster_moments([1.0, 2.0])
    with pytest.raises(InvalidInput, match="strata b"):
        stratified_effect({"a": two, "b": two}, {"a": two}, unit="EUR")
    thin = stratified_effect({"a": two, "b": one}, {"a": two, "b": two}, unit="EUR")
    assert isinstance(thin, NotEstimable)
    assert "'b'" in thin.detail


def test_a_quantile_has_the_standard_error_of_theory():
    y = RANDOM.normal(0, 1, 20_000)
    median = quantile_estimate(y, 0.5, unit="EUR")
    assert median.standard_error == pytest.approx(np.sqrt(np.pi / 2 / 20_000), rel=0.1)


def test_rows_of_one_customer_widen_the_interval_of_a_quantile():
    y, who = np.repeat(RANDOM.normal(0, 1, 2_000), 9), np.repeat(np.arange(2_000), 9)
    naive, clustered = (quantile_estimate(y, 0.9, clusters=c, unit="EUR") for c in (None, who))
    assert clustered.standard_error == pytest.approx(3 * naive.standard_error, rel=0.2)
    assert clustered.sample_size == 2_000


def test_a_median_of_mostly_zeros_is_refused():
    spend = np.where(RANDOM.random(5_000) < 0.1, 20.0, 0.0)
    refused = quantile_effect(spend, spend, 0.5, unit="EUR")
    assert isinstance(refused, NotEstimable)
    assert refused.reason == "tied values"


def test_a_quantile_too_far_out_is_refused():
    refused = quantile_estimate(RANDOM.normal(0, 1, 50), 0.999, unit="EUR")
    assert isinstance(refused, NotEstimable)
    assert refused.reason == "too few clusters"
