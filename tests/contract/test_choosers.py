"""What every chooser promises, Vowpal Wabbit like our own."""

import sys

import numpy as np
import pytest

from cvo.core.errors import InvalidInput
from cvo.learning import draw
from cvo.learning.challenger import LinearChooser, VowpalWabbit

ACTIONS, FEATURES = 4, 3


def own(seed=0):
    return LinearChooser(ACTIONS, FEATURES, reward_sd=2.0)


def wabbit(seed=0):
    return VowpalWabbit(ACTIONS, reward_sd=2.0, seed=seed)


@pytest.fixture(params=[own, wabbit], ids=["own", "vw"])
def make(request):
    made = []

    def new(seed=0):
        made.append(request.param(seed))
        return made[-1]

    yield new
    for each in made:
        if isinstance(each, VowpalWabbit):
            each.close()


def played(chooser, rounds, seed=1):
    """Play a world in which the best action is the one whose number the first feature tells; 3 never qualifies."""
    random = np.random.default_rng(seed)
    earned, told = [], []
    for _ in range(rounds):
        best = int(random.integers(3))
        row = np.array([1.0, best == 0, best == 1], dtype=np.float64)
        qualified = np.array([True, True, True, False])
        probabilities = chooser.probabilities(row, qualified)
        option = int(draw(probabilities, random.random()))
        reward = (4.0 if option == best else 0.0 if option == ACTIONS else -1.0) + random.normal()
        chooser.learn(row, qualified, option, float(probabilities[option]), reward)
        earned.append(reward)
        told.append(probabilities)
    return np.array(earned), np.array(told)


def test_probabilities_are_over_what_qualifies_and_nothing(make):
    _, told = played(make(), 200)
    assert told.shape == (200, ACTIONS + 1)
    np.testing.assert_allclose(told.sum(axis=1), 1.0, atol=1e-12)
    assert (told[:, 3] == 0).all()
    assert told[:, [0, 1, 2, 4]].min() >= 0.02 / 4 * (1 - 1e-9)


def test_it_learns_who_needs_what(make):
    earned, _ = played(make(), 1_500)
    assert earned[-300:].mean() > 2.5 > earned[:50].mean()


def test_the_same_draws_teach_the_same(make):
    first, second = played(make(seed=3), 150), played(make(seed=3), 150)
    np.testing.assert_array_equal(first[1], second[1])


def test_where_nothing_qualifies_nothing_is_certain(make):
    np.testing.assert_allclose(
        make().probabilities(np.ones(FEATURES), np.zeros(ACTIONS, dtype=bool)), [0, 0, 0, 0, 1]
    )


@pytest.mark.parametrize(
    ("option", "propensity", "reward"), [(3, 0.5, 1.0), (9, 0.5, 1.0), (0, 0.0, 1.0), (0, 0.5, float("nan"))]
)
def test_what_is_no_draw_is_refused(make, option, propensity, reward):
    with pytest.raises(InvalidInput):
        make().learn(np.ones(FEATURES), np.array([True, True, True, False]), option, propensity, reward)


@pytest.mark.parametrize("build", [LinearChooser, VowpalWabbit])
def test_a_spread_that_is_none_is_refused(build):
    more = (FEATURES,) if build is LinearChooser else ()
    with pytest.raises(InvalidInput, match="reward_sd is 0"):
        build(ACTIONS, *more, reward_sd=0.0)


def test_without_the_extra_one_is_told_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "vowpalwabbit", None)
    with pytest.raises(InvalidInput, match=r"pip install 'cvo\[vw\]'"):
        VowpalWabbit(ACTIONS, reward_sd=1.0)
