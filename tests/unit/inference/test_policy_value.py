import numpy as np
import pytest

from cvo.core.errors import InvalidInput
from cvo.core.evidence import Estimate, Grade, NotEstimable
from cvo.inference import (
    GuardRails,
    cluster_moments,
    direct_method,
    doubly_robust,
    ips,
    logged_data,
    logging_policy,
    planned_sequence,
    policy_difference,
    policy_value,
    snips,
)

EUR = {"unit": "EUR per decision"}


def world(rows=6_000, clusters=None):
    random = np.random.default_rng(3)
    actions = random.integers(0, 2, rows)
    rewards = random.normal(5, 2, rows) + actions
    return logged_data(actions, rewards, np.full(rows, 0.5), action_count=2, clusters=clusters)


def test_snips_of_an_arm_has_the_arms_standard_error():
    log = world()
    estimate = policy_value(snips(log, [0.0, 1.0]), **EUR)
    arm = log.rewards[log.actions == 1]
    assert estimate.standard_error == pytest.approx(arm.std() / np.sqrt(len(arm)), rel=1e-3)
    assert estimate.effective_sample_size == len(arm)
    assert estimate.sample_size == 6_000
    assert estimate.grade is Grade.MEASURED


def test_ips_has_the_standard_error_of_a_mean_of_scores():
    log = world()
    estimate = policy_value(ips(log, [0.0, 1.0]), **EUR)
    scores = 2.0 * log.actions * log.rewards
    assert estimate.standard_error == pytest.approx(scores.std(ddof=1) / np.sqrt(6_000))


def test_customers_not_rows_are_independent():
    log = world(2_000)
    again = logged_data(
        np.repeat(log.actions, 4),
        np.repeat(log.rewards, 4),
        np.repeat(log.propensities, 4),
        action_count=2,
        clusters=np.repeat(np.arange(2_000), 4),
    )
    once, fourfold = (policy_value(snips(some, [0.3, 0.7]), **EUR) for some in (log, again))
    assert fourfold.value == pytest.approx(once.value)
    assert fourfold.standard_error == pytest.approx(once.standard_error)
    assert fourfold.effective_sample_size == pytest.approx(once.effective_sample_size)


def test_a_difference_of_similar_policies_is_narrower_than_either():
    log = world()
    new, old = snips(log, [0.45, 0.55]), snips(log, [0.5, 0.5])
    estimate = policy_difference(new, old, **EUR)
    assert estimate.value == pytest.approx(new.value - old.value)
    assert estimate.standard_error < 0.3 * policy_value(old, **EUR).standard_error
    assert not estimate.interval.excludes(0.05)


def test_a_policy_does_not_differ_from_itself():
    scores = ips(world(), [0.4, 0.6])
    estimate = policy_difference(scores, scores, **EUR)
    assert (estimate.value, estimate.standard_error) == (0.0, 0.0)


def test_the_logging_policy_differs_from_its_own_weights_by_nothing():
    log = world()
    estimate = policy_difference(snips(log, [0.5, 0.5]), logging_policy(log), **EUR)
    assert estimate.value == pytest.approx(0.0, abs=1e-12)


def test_an_estimate_without_weights_is_observational():
    log = world()
    q = np.tile([5.0, 6.0], (len(log), 1))
    estimate = policy_value(direct_method(log, [0.0, 1.0], q), **EUR)
    assert estimate.grade is Grade.OBSERVATIONAL
    assert estimate.effective_sample_size is None
    mixed = policy_difference(doubly_robust(log, [0.0, 1.0], q), direct_method(log, [1.0, 0.0], q), **EUR)
    assert mixed.grade is Grade.OBSERVATIONAL


def test_the_grade_of_the_log_is_kept():
    assert policy_value(snips(world(), [0.5, 0.5]), grade=Grade.POOLED, **EUR).grade is Grade.POOLED


@pytest.mark.parametrize("rows", [0, 20, 900])
def test_a_short_log_is_refused(rows):
    answer = policy_value(snips(world(rows), [0.5, 0.5]), **EUR)
    assert isinstance(answer, NotEstimable)
    assert answer.reason == "effective sample size"


def test_wrong_propensities_are_refused():
    log = logged_data([0, 1] * 2_000, [1.0] * 4_000, [0.3] * 4_000, action_count=2)
    answer = policy_value(snips(log, [0.5, 0.5]), **EUR)
    assert isinstance(answer, NotEstimable)
    assert answer.reason == "mean weight"


def test_a_target_on_options_never_logged_is_refused_also_without_weights():
    log = logged_data([0] * 4_000, [1.0] * 4_000, [1.0] * 4_000, action_count=2)
    scores = [ips(log, [0.9, 0.1]), direct_method(log, [0.9, 0.1], np.ones((4_000, 2)))]
    for some in scores:
        answer = policy_value(some, **EUR)
        assert isinstance(answer, NotEstimable)
        assert answer.reason == "unlogged options"
    assert isinstance(policy_difference(logging_policy(log), scores[0], **EUR), NotEstimable)


def test_rails_can_be_moved_by_name():
    rails = GuardRails(min_effective_sample_size=100)
    assert isinstance(policy_value(snips(world(900), [0.5, 0.5]), rails=rails, **EUR), Estimate)


def test_without_any_rail_an_empty_or_unweighted_log_still_gives_no_number():
    rails = GuardRails(min_effective_sample_size=0, max_mean_weight_gap=2, max_unlogged_rate=1)
    assert isinstance(policy_value(ips(world(0), [0.5, 0.5]), rails=rails, **EUR), NotEstimable)
    only_first = logged_data([0, 0], [1.0, 1.0], [0.5, 0.5], action_count=2)
    assert isinstance(policy_value(snips(only_first, [0.0, 1.0]), rails=rails, **EUR), NotEstimable)


def test_two_logs_cannot_be_compared_row_by_row():
    with pytest.raises(InvalidInput, match="same LoggedData"):
        policy_difference(ips(world(), [0.5, 0.5]), ips(world(), [0.5, 0.5]), **EUR)


def test_scores_by_row_feed_a_confidence_sequence():
    log = world()
    scores = ips(log, [0.2, 0.8])
    assert scores.by_row == pytest.approx(np.array([0.4, 1.6])[log.actions] * log.rewards)
    interval = planned_sequence(planned_count=6_000, planned_variance=30.0).interval(
        cluster_moments(scores.by_row)
    )
    fixed = policy_value(scores, **EUR).interval
    assert interval.low < fixed.low < scores.value < fixed.high < interval.high
