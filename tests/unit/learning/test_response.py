import msgspec
import numpy as np
import pytest

from cvo.core.digest import digest
from cvo.core.errors import InvalidInput
from cvo.learning import Predictor, ResponseModel, fold, forget, new_model


def rows_of(seed: int, n: int, actions: int, width: int):
    rng = np.random.default_rng(seed)
    features = np.column_stack([np.ones(n), rng.normal(size=(n, width - 1))])
    return rng, features, rng.integers(actions, size=n)


def test_a_model_survives_storage_byte_for_byte():
    _, features, actions = rows_of(6, 50, 2, 3)
    model = fold(new_model(2, np.zeros(3), np.ones(3)), features, actions, features[:, 1] > 0)
    raw = msgspec.msgpack.encode(model)
    again = msgspec.msgpack.decode(raw, type=ResponseModel)
    assert again == model
    assert digest(again) == digest(model)
    with pytest.raises(ValueError, match="read-only"):
        again.mean.read()[0, 0] = 1.0


def test_prediction_is_the_linear_predictors_moments_and_can_pick_actions():
    rng, features, actions = rows_of(8, 300, 4, 5)
    model = fold(new_model(4, np.zeros(5), np.ones(5)), features, actions, rng.random(300) < 0.3)
    mean, variance = Predictor(model)(features[:7])
    np.testing.assert_allclose(mean, features[:7] @ model.mean.read().T, rtol=1e-12, atol=1e-14)
    expected = np.einsum("nd,kde,ne->nk", features[:7], model.covariance.read(), features[:7]) * model.noise
    np.testing.assert_allclose(variance, expected, rtol=1e-10)
    some_mean, some_variance = Predictor(model)(features[:7], np.array([3, 1]))
    np.testing.assert_array_equal(some_mean, mean[:, [3, 1]])
    np.testing.assert_array_equal(some_variance, variance[:, [3, 1]])


def test_a_flat_prior_is_not_offered():
    with pytest.raises(InvalidInput, match="must be positive"):
        new_model(1, [0.0], [0.0])
    with pytest.raises(InvalidInput, match=r"assumed_sd\[0\] is inf"):
        new_model(1, [0.0], [np.inf])
    with pytest.raises(InvalidInput, match=r"keep is 1\.5"):
        forget(new_model(1, [0.0], [1.0]), 1.5)
