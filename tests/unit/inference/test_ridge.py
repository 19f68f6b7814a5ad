import numpy as np
import pytest
from scipy.linalg import lstsq

from cvo.core.errors import InvalidInput
from cvo.inference import ridge_per_action


@pytest.fixture
def rows():
    random = np.random.default_rng(5)
    x = random.normal([10.0, -3.0], [4.0, 0.1], size=(3_000, 2))
    actions = random.integers(0, 3, 3_000)
    slopes = np.array([[0.5, 0.0], [0.5, 20.0], [-1.0, 0.0]])
    rewards = actions * 2.0 + np.einsum("np,np->n", x, slopes[actions]) + random.normal(0, 0.1, 3_000)
    return x, actions, rewards, slopes


def test_it_finds_a_slope_per_action(rows):
    x, actions, rewards, slopes = rows
    predicted = ridge_per_action(3, penalty=1.0)(x, actions, rewards)(x)
    truth = np.arange(3) * 2.0 + x @ slopes.T
    assert predicted.shape == (3_000, 3)
    assert np.abs(predicted - truth).max() < 0.2


def test_the_first_stage_is_the_ridge_of_the_augmented_least_squares(rows):
    x, actions, rewards, _ = rows
    z = np.column_stack((np.ones(len(x)), (x - x.mean(axis=0)) / x.std(axis=0)))
    centred = rewards - rewards.mean()
    solution = lstsq(np.vstack((z, np.sqrt(7.0) * np.eye(3))), np.append(centred, np.zeros(3)))[0]
    # An action without rows is predicted by what all share.
    unseen = ridge_per_action(4, penalty=7.0)(x, actions, rewards)(x)[:, 3]
    assert np.allclose(unseen, rewards.mean() + z @ solution)


def test_one_surprising_row_moves_a_thin_action_little(rows):
    x, actions, rewards, _ = rows
    surprise = ridge_per_action(4, penalty=10.0)(x[:1], np.array([3]), np.array([0.0]))
    assert surprise(x[:1])[0] == pytest.approx([0.0] * 4)
    predict = ridge_per_action(5, penalty=10.0)(
        np.vstack((x, x[:1])), np.append(actions, 3), np.append(rewards, 1_000.0)
    )
    shared, moved = predict(x[:1])[0, 4], predict(x[:1])[0, 3]
    assert shared < moved < shared + 0.3 * (1_000.0 - shared)


def test_a_constant_feature_is_harmless():
    x = np.column_stack((np.full(50, 0.1), np.arange(50.0)))
    predicted = ridge_per_action(1, penalty=1e-9)(x, np.zeros(50, dtype=int), np.arange(50.0))(x)
    assert np.allclose(predicted[:, 0], np.arange(50.0), atol=1e-6)


def test_same_rows_same_bytes(rows):
    x, actions, rewards, _ = rows
    first, second = (ridge_per_action(3)(x, actions, rewards)(x).tobytes() for _ in range(2))
    assert first == second


@pytest.mark.parametrize("penalty", [0.0, -1.0, float("nan")])
def test_a_penalty_is_positive(penalty):
    with pytest.raises(InvalidInput):
        ridge_per_action(2, penalty=penalty)
