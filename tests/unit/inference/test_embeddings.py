from itertools import product

import numpy as np
import pytest

from cvo.core.errors import InvalidInput
from cvo.core.evidence import NotEstimable
from cvo.inference import EmbeddingWeights, category_weights, ips, logged_data, mips, policy_value

CATEGORIES = [0, 0, 1]
LOGGING = np.array([[0.2, 0.3, 0.5], [0.6, 0.1, 0.3]])
TARGET = np.array([[0.1, 0.7, 0.2], [0.3, 0.3, 0.4]])
# The reward depends on the option through its category alone.
REWARD = np.array([[2.0, 2.0, 5.0], [-1.0, -1.0, 3.0]])


def test_unbiased_over_every_possible_log_when_only_the_category_matters():
    total = 0.0
    for drawn in product(range(3), repeat=2):
        actions = np.array(drawn)
        propensities = LOGGING[[0, 1], actions]
        log = logged_data(actions, REWARD[[0, 1], actions], propensities, action_count=3)
        total += propensities.prod() * mips(log, category_weights(log, TARGET, LOGGING, CATEGORIES)).value
    assert total == pytest.approx((TARGET * REWARD).sum() / 2)


def test_categories_of_one_option_each_give_the_plain_weights():
    log = logged_data([0, 2], [1.0, 3.0], [0.2, 0.3], action_count=3)
    weights = category_weights(log, TARGET, LOGGING, [0, 1, 2])
    assert mips(log, weights).value == pytest.approx(ips(log, TARGET).value)


def test_an_option_never_drawn_is_carried_by_its_category_but_a_category_is_not():
    log = logged_data([0, 0] * 1_000, [1.0] * 2_000, [0.5] * 2_000, action_count=3)
    uniform = np.full(3, 1 / 3)
    assert category_weights(log, [0.0, 1.0, 0.0], uniform, CATEGORIES).unlogged_rate == 0
    missing = category_weights(log, [0.0, 0.5, 0.5], uniform, CATEGORIES)
    assert missing.unlogged_rate == pytest.approx(0.5)
    answer = policy_value(mips(log, missing), unit="EUR")
    assert isinstance(answer, NotEstimable)
    assert answer.reason == "unlogged options"


def test_probabilities_of_another_log_are_refused():
    log = logged_data([2], [1.0], [0.5], action_count=3)
    with pytest.raises(InvalidInput, match="not this log's"):
        category_weights(log, [0.5, 0.5, 0.0], [0.5, 0.5, 0.0], CATEGORIES)


def test_one_weight_a_row():
    log = logged_data([0, 1], [1.0, 1.0], [0.5, 0.5], action_count=2)
    with pytest.raises(InvalidInput, match="one a row"):
        mips(log, EmbeddingWeights(weights=np.ones(3), unlogged_rate=0.0))
