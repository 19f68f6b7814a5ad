import numpy as np
import pytest

from cvo.core.errors import InvalidInput
from cvo.core.evidence import NotEstimable
from cvo.experiments import interaction, self_check

RANDOM = np.random.default_rng(3)


def test_a_sound_metric_passes_its_self_check():
    spend = np.where(RANDOM.random(5_000) < 0.2, RANDOM.lognormal(3, 0.8, 5_000), 0.0)
    checked = self_check(spend, seed="s")
    assert checked.sound
    assert 0.02 < checked.rejected.value < 0.09
    assert checked.p_values == self_check(spend, seed="s").p_values


def test_a_metric_of_one_giant_fails():
    """One order a thousand times all others: the split decides the effect, and a normal test never rejects."""
    spend = RANDOM.exponential(1.0, 500)
    spend[0] = 1e6
    checked = self_check(spend, seed="s")
    assert not checked.sound
    assert checked.rejected.value < 0.01


def test_orders_taken_for_customers_fail_where_totals_pass():
    who = np.repeat(np.arange(400), 10)
    habit = RANDOM.gamma(0.5, 10.0, 400)
    totals = np.bincount(who, habit[who] + RANDOM.normal(0, 1, 4_000))
    orders = np.full(400, 10.0)
    assert self_check(totals, orders, seed="s").sound


def test_what_cannot_be_checked_says_why():
    assert self_check(np.arange(50.0), seed="s").reason == "too few customers"
    assert self_check(np.ones(500), seed="s").reason == "constant metric"
    with pytest.raises(InvalidInput, match="splits"):
        self_check(np.arange(500.0), seed="s", splits=3)


def two_experiments(joint):
    first, second = RANDOM.integers(0, 2, 20_000), RANDOM.integers(0, 3, 20_000)
    y = RANDOM.normal(0, 1, 20_000) + 0.3 * first + 0.2 * (second == 2) + joint * first * (second == 1)
    return first, second, y


def test_effects_that_add_up_show_no_interaction():
    found = interaction(*two_experiments(0.0))
    assert found.effects_p > 0.01
    assert found.independence_p > 0.001


def test_an_interaction_is_found():
    assert interaction(*two_experiments(0.3)).effects_p < 1e-6


def test_assignment_that_follows_another_experiment_is_found():
    first, _, y = two_experiments(0.0)
    follows = np.where(RANDOM.random(len(first)) < 0.1, first, RANDOM.integers(0, 2, len(first)))
    assert interaction(first, follows, y).independence_p < 1e-6


def test_pairs_of_arms_with_nobody_are_named():
    refused = interaction(["a", "b"] * 20, ["x", "y"] * 20, np.arange(40.0))
    assert isinstance(refused, NotEstimable)
    assert refused.reason == "thin pair"
