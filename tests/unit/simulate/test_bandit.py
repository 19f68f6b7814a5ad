import numpy as np
import pytest

from cvo.core.errors import InvalidInput
from cvo.simulate import linear_world, logging_policy, logistic_world, play, repeated_visits, thrown_coins


def test_effects_have_the_asked_for_spread_and_null_actions_none():
    world = linear_world(20_000, 6, 4, seed=1, effect_sd=0.1, mean_effect=0.05, null_actions=2, cost=0.02)
    assert world.effect[:, :2].std(axis=0) == pytest.approx([0.1, 0.1], rel=0.03)
    assert world.effect[:, :2].mean(axis=0) == pytest.approx([0.03, 0.03], abs=0.005)
    assert world.effect[:, 2:] == pytest.approx(-0.02)


def test_linear_effects_are_linear_in_the_features():
    world = linear_world(500, 4, 3, seed=2)
    fitted, *_ = np.linalg.lstsq(world.features, world.effect, rcond=None)
    assert world.features @ fitted == pytest.approx(world.effect, abs=1e-12)
    assert (world.features[:, 0] == 1).all()


def test_a_customer_has_one_luck_under_all_options():
    world = linear_world(500, 4, 3, seed=2, noise_sd=2.0)
    noise = world.reward - world.mean
    assert noise == pytest.approx(np.repeat(noise[:, :1], 4, axis=1))
    assert noise[:, 0].std() == pytest.approx(2, rel=0.1)
    clicks = logistic_world(5_000, 4, 3, seed=2, base_rate=0.2)
    better = clicks.effect > 0
    assert (clicks.reward[:, :-1] >= clicks.reward[:, -1:])[better].all()
    assert clicks.reward.mean(axis=0) == pytest.approx(clicks.mean.mean(axis=0), abs=0.025)


def test_no_policy_beats_the_best():
    world = linear_world(3_000, 5, 3, seed=3)
    best = world.value(world.best())
    logged = logging_policy(world, seed=3)
    assert best == pytest.approx(world.mean.max(axis=1).mean())
    assert best > world.value(logged)
    nothing = np.eye(4)[np.full(3_000, 3)]
    assert world.value(nothing) == pytest.approx(world.mean[:, 3].mean())


def test_a_log_tells_its_own_probabilities():
    world = logistic_world(20_000, 5, 3, seed=4)
    probabilities = logging_policy(world, seed=4, sharpness=2.0, floor=0.05)
    assert probabilities.min() >= 0.05
    log = play(world, probabilities, seed=4)
    row = np.arange(20_000)
    assert np.array_equal(log.propensity, probabilities[row, log.option])
    assert np.array_equal(log.reward, world.reward[row, log.option])
    counts = np.bincount(log.option, minlength=4)
    sd = np.sqrt((probabilities * (1 - probabilities)).sum(axis=0))
    assert (np.abs(counts - probabilities.sum(axis=0)) < 4 * sd).all()
    other = play(world, probabilities, seed=5)
    assert not np.array_equal(log.option, other.option)


def test_options_of_probability_zero_are_never_drawn():
    world = linear_world(5_000, 3, 3, seed=5)
    probabilities = np.tile([0.5, 0.0, 0.5, 0.0], (5_000, 1))
    assert set(play(world, probabilities, seed=5).option) == {0, 2}


def test_coins_per_window_agree_within_a_window():
    per_window = thrown_coins(1_000, 8, seed=1, per="window", rate=0.3)
    per_visit = thrown_coins(1_000, 8, seed=1, per="visit", rate=0.3)
    assert (per_window == per_window[:, :1]).all()
    assert per_visit.mean() == pytest.approx(0.3, abs=0.02)
    assert per_window.mean() == pytest.approx(0.3, abs=0.05)
    assert not (per_visit == per_visit[:, :1]).all()
    visits = repeated_visits(per_window, seed=1)
    assert len(visits.outcome) == 8_000
    assert np.array_equal(np.unique(visits.window, return_counts=True)[1], np.full(1_000, 8))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: linear_world(10, 1, 2, seed=1), "2 features"),
        (lambda: linear_world(0, 3, 2, seed=1), "make no world"),
        (lambda: linear_world(10, 3, 2, seed=1, null_actions=3), "3 of 2 actions"),
        (lambda: logistic_world(10, 3, 2, seed=1, base_rate=1.0), "between 0 and 1"),
        (lambda: logging_policy(linear_world(10, 3, 2, seed=1), seed=1, floor=0.5), "lower it"),
        (lambda: play(linear_world(10, 3, 2, seed=1), np.full((10, 3), 0.3), seed=1), "sum to 1"),
        (lambda: play(linear_world(10, 3, 2, seed=1), np.full((10, 2), 0.5), seed=1), r"must be \(10, 3\)"),
    ],
)
def test_impossible_worlds_are_refused(make, says):
    with pytest.raises(InvalidInput, match=says):
        make()
