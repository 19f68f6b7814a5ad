import numpy as np
import pytest

from cvo.core.digest import digest
from cvo.learning import fold, forget, new_model, pooled, with_new_actions


def rows_of(seed: int, n: int, actions: int, width: int):
    rng = np.random.default_rng(seed)
    features = np.column_stack([np.ones(n), rng.normal(size=(n, width - 1))])
    return rng, features, rng.integers(actions, size=n)


def test_forgetting_is_a_discount_on_the_data_alone():
    _, features, actions = rows_of(3, 300, 2, 4)
    outcomes = features[:, 1]
    model = new_model(2, np.zeros(4), np.ones(4), link="identity")
    half = forget(fold(model, features, actions, outcomes), 0.5)
    same = fold(model, features, actions, outcomes, np.full(300, 0.5))
    np.testing.assert_allclose(half.mean.read(), same.mean.read(), rtol=1e-9)
    np.testing.assert_allclose(half.covariance.read(), same.covariance.read(), rtol=1e-9)
    gone = forget(half, 0.0)
    np.testing.assert_array_equal(gone.mean.read(), model.mean.read())
    np.testing.assert_array_equal(gone.covariance.read(), model.covariance.read())


def test_a_new_action_takes_after_its_team_and_stays_uncertain():
    rng = np.random.default_rng(4)
    team = np.repeat([0, 1], 6)
    base = np.where(team == 0, -3.0, -1.0)
    n = 6000
    actions = rng.integers(11, size=n)
    outcomes = (rng.random(n) < 1 / (1 + np.exp(-base[actions]))).astype(float)
    model = with_new_actions(fold(new_model(11, [-2.0], [1.5]), np.ones((n, 1)), actions, outcomes), 1)
    learned = pooled(model, [team])
    mean, sd = learned.mean.read()[:, 0], np.sqrt(learned.covariance.read()[:, 0, 0])
    assert mean[11] == pytest.approx(-1.0, abs=0.4)
    assert 1.5 > sd[11] > 2 * sd[:11].max()
    assert digest(pooled(model, [team])) == digest(learned)


def test_pooling_twice_does_not_count_the_data_twice():
    _, features, actions = rows_of(5, 500, 4, 3)
    model = fold(new_model(4, np.zeros(3), np.ones(3), link="identity"), features, actions, features[:, 1])
    once = pooled(model)
    twice = pooled(once)
    np.testing.assert_allclose(once.mean.read(), twice.mean.read(), atol=1e-6)
    np.testing.assert_allclose(once.covariance.read(), twice.covariance.read(), atol=1e-8)


def test_a_company_without_actions_has_a_model_without_actions():
    empty = new_model(0, np.zeros(2), np.ones(2))
    assert pooled(empty, [np.zeros(0, dtype=int)]) == empty
    assert pooled(with_new_actions(empty, 1)).actions == 1
