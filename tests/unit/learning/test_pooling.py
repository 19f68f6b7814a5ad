import numpy as np
import pytest

from cvo.core.errors import InvalidInput
from cvo.learning import pool

FIXED = 1e12  # assumed variances worth this many groups are as good as known


def data_of(seed: int, actions: int, width: int):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(actions, 8, width)) * rng.uniform(0.2, 3.0, size=(actions, 1, 1))
    information = rows.transpose(0, 2, 1) @ rows
    potential = np.einsum("kij,kj->ki", information, rng.normal(size=(actions, width)))
    return information, potential


def test_with_known_variances_the_prior_is_conditioning_on_all_other_actions():
    information, potential = data_of(1, 5, 2)
    levels = [np.array([0, 0, 1, 1, 2]), np.array([7, 7, 7, 4, 4])]
    mean, variance = np.array([0.5, -1.0]), np.array([1.0, 4.0])
    prior = pool(information, potential, levels, mean, variance, prior_strength=FIXED)
    # The same model written out: the weights of all actions are jointly normal.
    alike = 0.5 * np.ones((5, 5)) + sum((level[:, None] == level) / 6 for level in levels) + np.eye(5) / 6
    joint = np.kron(alike, np.diag(variance))
    for a in range(5):
        others = information.copy()
        others[a] = 0.0
        precision = np.linalg.inv(joint)
        target = precision @ np.tile(mean, 5)
        for b in range(5):
            block = slice(2 * b, 2 * b + 2)
            precision[block, block] += others[b]
            target[block] += potential[b] if b != a else 0.0
        posterior = np.linalg.inv(precision)
        own = slice(2 * a, 2 * a + 2)
        np.testing.assert_allclose(prior.mean[a], (posterior @ target)[own], rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(prior.covariance[a], posterior[own, own], rtol=1e-6, atol=1e-8)


def test_the_spread_between_groups_and_between_actions_is_learned():
    rng = np.random.default_rng(2)
    team = np.repeat(np.arange(40), 10)
    weights = 1.0 + 0.5 * rng.normal(size=40)[team] + 0.1 * rng.normal(size=400)
    information = np.full((400, 1, 1), 1e4)
    prior = pool(information, 1e4 * weights[:, None], [team], np.zeros(1), np.ones(1))
    assert np.sqrt(prior.spread[1:, 0]) == pytest.approx([0.5, 0.1], rel=0.3)
    assert np.abs(prior.mean[:, 0] - weights).std() < 0.15


def test_without_any_data_the_prior_is_what_was_assumed():
    prior = pool(
        np.zeros((3, 2, 2)),
        np.zeros((3, 2)),
        [np.array([0, 0, 1])],
        np.array([1.0, 2.0]),
        np.array([4.0, 9.0]),
    )
    np.testing.assert_allclose(prior.mean, [[1.0, 2.0]] * 3)
    np.testing.assert_allclose(prior.covariance, [np.diag([4.0, 9.0])] * 3)


def test_one_action_alone_learns_nothing_from_itself_but_the_scale():
    prior = pool(np.full((1, 1, 1), 50.0), np.full((1, 1), 50.0 * 0.7), [], np.zeros(1), np.ones(1))
    assert prior.mean[0, 0] == pytest.approx(0.0, abs=1e-9)


def test_impossible_arguments_are_refused():
    one = np.ones((1, 1, 1)), np.ones((1, 1))
    with pytest.raises(InvalidInput, match="flat prior is not offered"):
        pool(*one, [], np.zeros(1), np.zeros(1))
    with pytest.raises(InvalidInput, match="one number for each of the 1 actions"):
        pool(*one, [np.array([0, 1])], np.zeros(1), np.ones(1))
    with pytest.raises(InvalidInput, match=r"must be \(k, d, d\)"):
        pool(np.ones((2, 1, 1)), np.ones((1, 1)), [], np.zeros(1), np.ones(1))
