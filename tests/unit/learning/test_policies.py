import numpy as np
import pytest
from scipy.special import ndtr

from cvo.core.errors import InvalidInput
from cvo.learning import Constant, Greedy, InverseGap, Thompson, Uniform, draw, winning, with_floor


def test_thompson_picks_the_best_draw_and_asks_again_whether_to_act():
    rng = np.random.default_rng(1)
    mean, sd = np.array([0.3, -0.2, 0.1]), np.array([0.5, 1.0, 0.2])
    n = 400_000
    best = (mean + sd * rng.normal(size=(n, 3))).argmax(axis=1)
    second = mean[best] + sd[best] * rng.normal(size=n)
    played = np.bincount(np.where(second > 0, best, 3), minlength=4) / n
    np.testing.assert_allclose(Thompson().probabilities(mean, sd), played, atol=4e-3)


def test_one_draw_against_nothing_would_always_act_among_thirty_null_actions():
    mean, sd = np.zeros(30), np.ones(30)
    one_draw = 0.5**30
    assert Thompson().probabilities(mean, sd)[-1] == pytest.approx(0.5)
    assert winning(np.append(mean, 0.0), np.append(sd, 0.0))[-1] == pytest.approx(one_draw, rel=1e-6)


def test_one_action_alone_acts_as_probably_as_its_score_is_above_zero():
    mean, sd = np.array([0.0, 1e-300, 5.0, -2.0, 1e300]), np.array([0.0, 0.0, 1.0, 2.0, 1e-300])
    act = Thompson().probabilities(mean[:, None], sd[:, None])[:, 0]
    np.testing.assert_allclose(act, [0.5, 1.0, ndtr(5.0), ndtr(-1.0), 1.0])
    z = np.linspace(-8.5, 8.5, 2_001)
    act = Thompson().probabilities(z[:, None], np.ones((len(z), 1)))[:, 0]
    np.testing.assert_allclose(act, ndtr(z), rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("mean", [np.nan, np.inf, 1e200])
def test_what_cannot_be_a_score_is_refused_unless_it_takes_no_part(mean):
    means, sd = np.array([1.0, mean]), np.array([1.0, 1e300])
    with pytest.raises(InvalidInput, match="finite"):
        Thompson(scale=1e10).probabilities(means, sd)
    alone = Thompson(scale=1e10).probabilities(means[:1], sd[:1])
    among = Thompson(scale=1e10).probabilities(means, sd, among=np.array([True, False]))
    assert among.tolist() == [alone[0], 0.0, alone[1]]


def test_optimism_chooses_between_actions_and_not_against_nothing():
    mean, sd = np.array([-1.0]), np.array([1.0])
    np.testing.assert_allclose(Thompson(optimistic=True).probabilities(mean, sd), [ndtr(-1.0), ndtr(1.0)])
    mean, sd = np.array([1.0, 1.2]), np.array([2.0, 0.1])
    assert Thompson(optimistic=True).probabilities(mean, sd)[0] > Thompson().probabilities(mean, sd)[0]


def test_inverse_gap_weights_are_those_of_the_paper():
    # Foster and Rakhlin 2020, algorithm 1: 1/(K + γ·gap) off the best, the rest on the best.
    result = InverseGap(gamma=10.0).probabilities(np.array([0.5, 0.2]), np.ones(2))
    np.testing.assert_allclose(result, [1 - 1 / 6 - 1 / 8, 1 / 6, 1 / 8])
    np.testing.assert_allclose(InverseGap(gamma=10.0).probabilities(np.zeros(1), np.ones(1)), [0.5, 0.5])


def test_greedy_acts_only_for_something_better_than_nothing():
    np.testing.assert_array_equal(Greedy().probabilities(np.array([-0.1, -0.2]), np.ones(2)), [0, 0, 1])
    np.testing.assert_array_equal(Greedy().probabilities(np.array([0.3, 0.3]), np.ones(2)), [0.5, 0.5, 0])


def test_constant_and_uniform():
    np.testing.assert_array_equal(Constant(1).probabilities(np.zeros(2), np.ones(2)), [0, 1, 0])
    np.testing.assert_array_equal(Constant().probabilities(np.zeros(2), np.ones(2)), [0, 0, 1])
    np.testing.assert_array_equal(Constant(5).probabilities(np.zeros(2), np.ones(2)), [0, 0, 1])
    np.testing.assert_allclose(Uniform().probabilities(np.zeros(3), np.ones(3)), np.full(4, 0.25))


def test_the_floor_is_a_share_of_every_row():
    np.testing.assert_allclose(with_floor(np.array([1.0, 0.0, 0.0, 0.0]), 0.04), [0.97, 0.01, 0.01, 0.01])


def test_a_draw_never_leaves_the_options_that_can_be_drawn():
    almost = np.array([0.1] * 9 + [0.1 - 1e-12, 0.0])
    assert draw(almost, np.nextafter(1.0, 0.0)) == 9
    assert draw(np.array([0.0, 1.0]), 0.0) == 1
    assert draw(np.array([0.5, 0.5]), 0.5) == 1
    np.testing.assert_array_equal(draw(np.array([[0.5, 0.5], [1.0, 0.0]]), np.array([0.7, 0.7])), [1, 0])


@pytest.mark.parametrize(
    "make",
    [
        lambda: Thompson(scale=-1.0),
        lambda: Thompson(floor=1.5),
        lambda: InverseGap(gamma=-1.0),
        lambda: Greedy(floor=-0.1),
        lambda: Constant(-1),
    ],
)
def test_settings_out_of_range_are_refused(make):
    with pytest.raises(InvalidInput, match="must be"):
        make()


def test_candidates_that_are_not_among_have_no_share_and_change_nothing():
    rng = np.random.default_rng(4)
    mean, sd = rng.normal(size=(6, 9)), np.exp(rng.normal(size=(6, 9)))
    among = rng.random((6, 9)) < 0.6
    among[2] = False
    mean[~among], sd[~among] = np.nan, np.nan
    for policy in (Thompson(floor=0.1), Thompson(optimistic=True, floor=0.02)):
        together = policy.probabilities(mean, sd, among=among)
        for row, here in enumerate(among):
            alone = policy.probabilities(mean[row][here], sd[row][here])
            np.testing.assert_allclose(together[row][np.append(here, True)], alone, rtol=1e-14)
            np.testing.assert_array_equal(together[row][:-1][~here], 0.0)
        np.testing.assert_array_equal(together[2], np.eye(10)[9])
