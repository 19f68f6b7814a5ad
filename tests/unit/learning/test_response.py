import msgspec
import numpy as np
import pytest

from cvo.core.digest import digest
from cvo.core.errors import InvalidInput
from cvo.learning import (
    Predictor,
    ResponseModel,
    fold,
    forget,
    new_model,
    pooled,
    with_new_actions,
)


def rows_of(seed: int, n: int, actions: int, width: int):
    rng = np.random.default_rng(seed)
    features = np.column_stack([np.ones(n), rng.normal(size=(n, width - 1))])
    return rng, features, rng.integers(actions, size=n)


def test_the_identity_link_is_exact_bayesian_regression():
    rng, features, actions = rows_of(1, 400, 3, 5)
    outcomes = features @ rng.normal(size=5) + rng.normal(size=400)
    weights = rng.uniform(0.5, 2.0, size=400)
    model = new_model(3, np.full(5, 0.3), np.full(5, 2.0), link="identity", noise_variance=0.7)
    learned = fold(model, features, actions, outcomes, weights)
    for a in range(3):
        x, y, w = features[actions == a], outcomes[actions == a], weights[actions == a]
        precision = np.eye(5) / 4 + (x.T * w) @ x / 0.7
        mean = np.linalg.solve(precision, np.full(5, 0.3) / 4 + (x.T * w) @ y / 0.7)
        np.testing.assert_allclose(learned.mean.read()[a], mean, rtol=1e-9)
        np.testing.assert_allclose(0.7 * learned.covariance.read()[a], np.linalg.inv(precision), rtol=1e-9)
        assert learned.weight.read()[a] == pytest.approx(w.sum())


@pytest.mark.parametrize("base", [-4.0, -1.0])
def test_one_logistic_pass_lands_within_the_posterior_of_all_rows_at_once(base):
    rng, features, _ = rows_of(2, 20_000, 1, 6)
    truth = np.array([base, 0.8, -0.5, 0.0, 0.3, -1.0])
    outcomes = (rng.random(20_000) < 1 / (1 + np.exp(-features @ truth))).astype(float)
    model = new_model(1, np.r_[-2.0, np.zeros(5)], np.r_[2.0, np.ones(5)])
    learned = fold(model, features, np.zeros(20_000, dtype=int), outcomes)
    mode, precision = np.zeros(6), np.diag([0.25, 1, 1, 1, 1, 1.0])
    for _ in range(50):  # Newton's method on the joint posterior
        p = 1 / (1 + np.exp(-features @ mode))
        hessian = precision + (features.T * (p * (1 - p))) @ features
        gradient = features.T @ (outcomes - p) - precision @ (mode - np.r_[-2.0, np.zeros(5)])
        mode = mode + np.linalg.solve(hessian, gradient)
    sd = np.sqrt(np.diag(np.linalg.inv(hessian)))
    assert np.all(np.abs(learned.mean.read()[0] - mode) < 0.75 * sd)
    np.testing.assert_allclose(np.sqrt(np.diag(learned.covariance.read()[0])), sd, rtol=0.05)


def test_the_first_logistic_row_is_the_mode_of_its_posterior():
    model = fold(new_model(1, [-3.0], [2.0]), [[1.5]], [0], [1.0])
    grid = np.linspace(-3, 12, 3_000_001)
    log_posterior = -((grid + 3) ** 2) / 8 - np.log1p(np.exp(-1.5 * grid))
    assert model.mean.read()[0, 0] == pytest.approx(grid[log_posterior.argmax()], abs=1e-5)


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


def test_the_noise_is_learned_with_the_weights():
    rng, features, actions = rows_of(9, 20_000, 2, 3)
    truth = np.array([0.5, 7.0])
    outcomes = features @ [1.0, -1.0, 2.0] + rng.normal(size=20_000) * truth[actions]
    model = fold(
        new_model(2, np.zeros(3), np.ones(3), link="identity", noise_variance=4.0),
        features,
        actions,
        outcomes,
    )
    np.testing.assert_allclose(np.sqrt(model.noise), truth, rtol=0.1)
    # Normal-inverse-gamma: the scatter left after the fit, prior included, whatever the order of the rows.
    for a in range(2):
        x, y, mean = features[actions == a], outcomes[actions == a], model.mean.read()[a]
        scatter = ((y - x @ mean) ** 2).sum() + 4.0 * (mean**2).sum()
        assert model.squares.read()[a] == pytest.approx(scatter, rel=1e-9)
    taught = pooled(with_new_actions(model, 1)).noise
    assert taught[2] == pytest.approx((50 * 4 + model.squares.read().sum()) / 20_050, rel=1e-9)


def test_a_model_survives_storage_byte_for_byte():
    _, features, actions = rows_of(6, 50, 2, 3)
    model = fold(new_model(2, np.zeros(3), np.ones(3)), features, actions, features[:, 1] > 0)
    raw = msgspec.msgpack.encode(model)
    again = msgspec.msgpack.decode(raw, type=ResponseModel)
    assert again == model
    assert digest(again) == digest(model)
    with pytest.raises(ValueError, match="read-only"):
        again.mean.read()[0, 0] = 1.0


def test_covariance_stays_a_covariance_after_many_rows():
    rng = np.random.default_rng(7)
    features = np.column_stack([np.ones(30_000), rng.normal(size=(30_000, 4)) * [1, 10, 0.1, 3]])
    features[:, 4] = features[:, 1] + 1e-3 * features[:, 4]  # nearly collinear
    model = fold(
        new_model(1, np.zeros(5), np.full(5, 3.0), link="identity"),
        features,
        np.zeros(30_000, dtype=int),
        features[:, 2],
    )
    exact = np.linalg.inv(np.eye(5) / 9 + features.T @ features)
    np.testing.assert_allclose(model.covariance.read()[0], exact, rtol=1e-5, atol=1e-12)
    assert np.linalg.eigvalsh(model.covariance.read()[0]).min() > 0


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


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"outcomes": [2.0]}, "logit link needs 0 to 1"),
        ({"features": [[np.nan, 1.0]]}, r"features\[0, 0\] is nan"),
        ({"features": [[1.0]]}, r"made for \(n, 2\)"),
        ({"actions": [5]}, "actions runs from 5 to 5"),
        ({"actions": [0.5]}, "whole numbers"),
        ({"weights": [0.0]}, r"weights\[0\] is 0.0"),
        ({"outcomes": [1.0, 0.0]}, "lengths differ"),
    ],
)
def test_bad_rows_are_refused_by_name(change, message):
    good = {"features": [[1.0, 2.0]], "actions": [0], "outcomes": [1.0], "weights": [1.0]}
    with pytest.raises(InvalidInput, match=message):
        fold(new_model(2, np.zeros(2), np.ones(2)), **(good | change))


def test_a_flat_prior_is_not_offered():
    with pytest.raises(InvalidInput, match="must be positive"):
        new_model(1, [0.0], [0.0])
    with pytest.raises(InvalidInput, match=r"assumed_sd\[0\] is inf"):
        new_model(1, [0.0], [np.inf])
    with pytest.raises(InvalidInput, match=r"keep is 1\.5"):
        forget(new_model(1, [0.0], [1.0]), 1.5)
