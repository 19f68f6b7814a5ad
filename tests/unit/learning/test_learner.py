import numpy as np
import pytest

from cvo.core.errors import InvalidInput
from cvo.learning import (
    Predictor,
    correct,
    fold,
    new_model,
    pooled,
    response_probability,
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


def test_the_first_logistic_row_moves_to_about_the_mean_of_its_posterior():
    model = fold(new_model(1, [-1.0], [1.0]), [[1.5]], [0], [1.0])
    grid = np.linspace(-9, 9, 200_001)
    posterior = np.exp(-((grid + 1) ** 2) / 2) / (1 + np.exp(-1.5 * grid))
    posterior /= posterior.sum()
    exact = (grid * posterior).sum()
    assert model.mean.read()[0, 0] == pytest.approx(exact, abs=0.05)
    spread = np.sqrt((grid**2 * posterior).sum() - exact**2)
    assert np.sqrt(model.covariance.read()[0, 0, 0]) == pytest.approx(spread, rel=0.05)


@pytest.mark.parametrize("base", [-6.0, -5.0, -3.0])
def test_rare_responses_are_not_overstated(base):
    learned, happened = 0.0, 0.0
    for seed in range(4):
        rng, features, actions = rows_of(100 + seed, 15_000, 1, 6)
        chance = 1 / (1 + np.exp(-features @ np.r_[base, rng.normal(size=5) * 0.3]))
        outcomes = (rng.random(15_000) < chance).astype(float)
        model = fold(
            new_model(1, np.r_[-3.0, np.zeros(5)], np.r_[1.5, np.full(5, 0.5)]), features, actions, outcomes
        )
        learned += response_probability(*Predictor(model)(features))[0].sum()
        happened += outcomes.sum()
    assert learned / happened == pytest.approx(1.0, abs=0.05)


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


def test_a_correction_is_exact_for_the_identity_link():
    rng, features, actions = rows_of(10, 200, 2, 4)
    outcomes, weights = rng.normal(size=200), rng.uniform(0.5, 2.0, size=200)
    late = outcomes + np.where(rng.random(200) < 0.1, 3.0, 0.0)
    model = new_model(2, np.full(4, 0.2), np.ones(4), link="identity")
    moved = late != outcomes
    corrected = correct(
        fold(model, features, actions, outcomes, weights),
        features[moved],
        actions[moved],
        before=outcomes[moved],
        after=late[moved],
        weights=weights[moved],
    )
    known = fold(model, features, actions, late, weights)
    np.testing.assert_allclose(corrected.mean.read(), known.mean.read(), rtol=1e-9)
    np.testing.assert_allclose(corrected.squares.read(), known.squares.read(), rtol=1e-9)
    np.testing.assert_array_equal(corrected.weight.read(), known.weight.read())


def test_late_responses_move_a_logistic_model_to_where_it_would_have_been():
    rng, features, actions = rows_of(11, 5000, 1, 3)
    outcomes = (rng.random(5000) < 1 / (1 + np.exp(-features @ [-2.0, 0.7, 0.0]))).astype(float)
    seen = np.where((outcomes == 1) & (rng.random(5000) < 0.2), 0.0, outcomes)
    moved = seen != outcomes
    model = fold(new_model(1, np.zeros(3), np.full(3, 2.0)), features, actions, seen)
    known = fold(new_model(1, np.zeros(3), np.full(3, 2.0)), features, actions, outcomes)
    late = correct(model, features[moved], actions[moved], before=seen[moved], after=outcomes[moved])
    sd = np.sqrt(np.diag(known.covariance.read()[0]))
    assert np.abs(model.mean.read() - known.mean.read()).max() > 2 * sd.max()
    assert np.all(np.abs(late.mean.read() - known.mean.read()) < sd)
