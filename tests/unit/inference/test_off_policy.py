from functools import partial
from itertools import product

import numpy as np
import pytest

from cvo.core.errors import InvalidInput
from cvo.inference import (
    direct_method,
    doubly_robust,
    doubly_robust_shrunk,
    ips,
    logged_data,
    logging_policy,
    snips,
    switch_doubly_robust,
)

# Two contexts, three options: expected rewards, how the log chose, what the target would do, some q̂.
REWARD = np.array([[1.0, 4.0, 2.0], [0.0, -1.0, 3.0]])
LOGGING = np.array([[0.2, 0.3, 0.5], [0.6, 0.1, 0.3]])
TARGET = np.array([[0.1, 0.7, 0.2], [0.3, 0.3, 0.4]])
WRONG_Q = np.array([[5.0, -2.0, 0.0], [1.0, 1.0, 7.0]])
TRUTH = float((TARGET * REWARD).sum() / 2)


def expectation(estimator):
    """Mean of an estimate over every log of the two contexts, each with its exact probability."""
    total = 0.0
    for drawn in product(range(3), repeat=2):
        actions = np.array(drawn)
        propensities = LOGGING[[0, 1], actions]
        log = logged_data(actions, REWARD[[0, 1], actions], propensities, action_count=3)
        total += float(propensities.prod()) * estimator(log).value
    return total


@pytest.mark.parametrize(
    "estimator",
    [
        partial(ips, target=TARGET),
        partial(doubly_robust, target=TARGET, predicted=WRONG_Q),
        partial(switch_doubly_robust, target=TARGET, predicted=WRONG_Q, threshold=np.inf),
        partial(doubly_robust_shrunk, target=TARGET, predicted=WRONG_Q, shrinkage=np.inf),
    ],
)
def test_unbiased_over_every_possible_log_whatever_the_model_says(estimator):
    assert expectation(estimator) == pytest.approx(TRUTH, abs=1e-12)


def test_the_direct_method_is_as_good_as_its_model():
    log = logged_data([0, 0], [1.0, 0.0], [0.2, 0.6], action_count=3)
    assert direct_method(log, TARGET, REWARD).value == pytest.approx(TRUTH)
    assert direct_method(log, TARGET, WRONG_Q).value == pytest.approx((TARGET * WRONG_Q).sum() / 2)


def test_a_perfect_model_leaves_doubly_robust_no_noise_but_the_contexts():
    log = logged_data([1, 2], [4.0, 3.0], [0.3, 0.3], action_count=3)
    assert doubly_robust(log, TARGET, REWARD).value == pytest.approx(TRUTH)


@pytest.fixture
def world():
    random = np.random.default_rng(7)
    rows = 6_000
    actions = random.integers(0, 3, rows)
    rewards = random.exponential(10, rows) * (random.random(rows) < 0.2 + 0.1 * actions)
    q = random.normal(3, 1, (rows, 3))
    return logged_data(actions, rewards, np.full(rows, 1 / 3), action_count=3), q


@pytest.mark.parametrize("option", range(3))
def test_snips_of_a_constant_policy_is_the_plain_mean_of_that_arm(world, option):
    log, _ = world
    arm = log.rewards[log.actions == option]
    assert abs(snips(log, np.eye(3)[option]).value - arm.mean()) < 1e-9


def test_switch_goes_from_model_to_doubly_robust(world):
    log, q = world
    target = [0.1, 0.2, 0.7]
    values = [switch_doubly_robust(log, target, q, threshold=t).value for t in (0.0, 1.0, 10.0)]
    assert values[0] == pytest.approx(direct_method(log, target, q).value)
    assert values[2] == pytest.approx(doubly_robust(log, target, q).value)
    weights = np.array([0.3, 0.6, 0.0])[log.actions]
    residuals = log.rewards - q[np.arange(len(log)), log.actions]
    assert values[1] == pytest.approx((q @ target + weights * residuals).mean())


def test_shrinkage_goes_from_model_to_doubly_robust(world):
    log, q = world
    target = [0.1, 0.2, 0.7]
    values = [doubly_robust_shrunk(log, target, q, shrinkage=s).value for s in (0.0, 2.0, np.inf)]
    assert values[0] == pytest.approx(direct_method(log, target, q).value)
    assert values[2] == pytest.approx(doubly_robust(log, target, q).value)
    weights = np.array([0.3, 0.6, 2.1])[log.actions]
    residuals = log.rewards - q[np.arange(len(log)), log.actions]
    assert values[1] == pytest.approx((q @ target + 2 * weights / (weights**2 + 2) * residuals).mean())


def test_the_logging_policy_is_worth_its_mean_reward(world):
    log, _ = world
    scores = logging_policy(log)
    assert scores.value == pytest.approx(log.rewards.mean())
    assert scores.value == pytest.approx(ips(log, np.full(3, 1 / 3)).value)


def test_influence_sums_to_zero(world):
    log, q = world
    target = [0.1, 0.2, 0.7]
    for scores in (ips(log, target), snips(log, target), doubly_robust(log, target, q)):
        assert abs(scores.influence.sum()) < 1e-6


@pytest.mark.parametrize(
    "call",
    [
        lambda log, q: doubly_robust(log, [1.0, 0.0, 0.0], q[:, :2]),
        lambda log, q: doubly_robust(log, [1.0, 0.0, 0.0], np.full_like(q, np.nan)),
        # Where the target never goes, and where the row did not go either.
        lambda log, q: doubly_robust(log, [1.0, 0.0, 0.0], np.where(np.arange(3) == 2, np.inf, q)),
        lambda log, q: direct_method(log, [1.0, 0.0, 0.0], np.where(np.arange(3) == 1, np.nan, q)),
        lambda log, q: switch_doubly_robust(log, [1.0, 0.0, 0.0], q, threshold=-1.0),
        lambda log, q: doubly_robust_shrunk(log, [1.0, 0.0, 0.0], q, shrinkage=-1.0),
        lambda log, q: doubly_robust_shrunk(log, [1.0, 0.0, 0.0], q, shrinkage=np.nan),
    ],
)
def test_bad_input_is_refused(world, call):
    with pytest.raises(InvalidInput):
        call(*world)
