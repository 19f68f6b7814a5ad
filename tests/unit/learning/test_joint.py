import numpy as np
import pytest

from cvo.learning import Predictor, effect_features, effect_rows, fold, new_model
from cvo.learning.joint import Centred, solved


def drawn(seed=0, n=3_000, k=4, d=3, nothing=0.02):
    """Draws among k actions of which nearly always one is delivered, and what came of them."""
    rng = np.random.default_rng(seed)
    chances = np.tile([(1 - nothing) / k] * k + [nothing], (n, 1))
    delivered = (rng.random(n)[:, None] >= np.cumsum(chances, axis=1)).sum(axis=1)
    features = np.column_stack([np.ones(n), rng.normal(size=(n, d - 1))])
    attributed = rng.gamma(2, 0.5, size=(n, k))
    tau = attributed * rng.normal(0.5, 0.3, k) + features @ rng.normal(0, 0.5, (d, k))
    outcomes = 1.0 + np.column_stack([tau, np.zeros(n)])[np.arange(n), delivered] + rng.normal(0, 1.0, n)
    return attributed, features, delivered, chances, outcomes, rng.uniform(0.5, 1.5, n), tau


def alone(given):
    """What each action's own rows say when nothing is known of the others."""
    attributed, features, delivered, chances, outcomes, weights, _ = given
    k, d = attributed.shape[1], features.shape[1]
    empty = new_model(k, [0.5, *[0.0] * d], [0.5, *[1.0] * d], link="identity")
    rows = effect_rows(
        effect_features(attributed, features),
        delivered,
        chances,
        outcomes=outcomes,
        baseline=np.full(len(outcomes), 1.0),
        expected=np.zeros_like(attributed),
    )
    return fold(empty, rows.features, rows.actions, rows.outcomes, weights[rows.decisions])


def by_hand(model, given, surprise):
    """Solve the same normal equations with the matrix written out."""
    attributed, features, delivered, chances, _, weights, _ = given
    n, k = attributed.shape
    centred = np.eye(k + 1)[delivered] - chances
    z = np.stack([np.column_stack([attributed[:, a], features]) for a in range(k)], axis=1)
    rows = (centred[:, :k, None] * z).reshape(n, -1)
    prior = np.linalg.inv(model.prior_covariance.read())
    size = rows.shape[1]
    precision = rows.T @ (weights[:, None] * rows)
    for a in range(k):
        block = slice(a * size // k, (a + 1) * size // k)
        precision[block, block] += prior[a]
    target = rows.T @ (weights * surprise) + np.einsum("kij,kj->ki", prior, model.prior_mean.read()).reshape(
        -1
    )
    return np.linalg.solve(precision, target).reshape(k, -1)


def test_it_solves_the_normal_equations_of_all_actions():
    given = drawn()
    attributed, features, delivered, chances, outcomes, weights, _ = given
    model, surprise = alone(given), outcomes - 1.0
    found = solved(model, Centred(attributed, features, delivered, chances, weights), surprise)
    expected = by_hand(model, given, surprise)
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_where_nothing_is_rarely_drawn_actions_alone_are_misled_and_together_are_not():
    given = drawn(n=20_000)
    attributed, features, delivered, chances, outcomes, weights, truth = given
    model = alone(given)
    together = Centred(attributed, features, delivered, chances, weights)
    found = together.effects(solved(model, together, outcomes - 1.0))
    each = np.column_stack(
        [Predictor(model)(effect_features(attributed, features)[:, a])[0][:, a] for a in range(4)]
    )
    assert np.abs(found - truth).mean() < 0.25
    assert np.abs(each - truth).mean() > 2 * np.abs(found - truth).mean()


def test_without_rows_it_is_the_prior():
    model = new_model(2, [0.5, 0.0], [0.5, 1.0], link="identity")
    nothing = Centred(
        np.zeros((0, 2)), np.zeros((0, 1)), np.zeros(0, dtype=np.int64), np.zeros((0, 3)), np.zeros(0)
    )
    np.testing.assert_array_equal(solved(model, nothing, np.zeros(0)), model.prior_mean.read())


def test_a_map_and_its_transpose_agree():
    attributed, features, delivered, chances, outcomes, _, _ = drawn(n=50)
    draws = Centred(attributed, features, delivered, chances, np.ones(50))
    some = np.random.default_rng(1).normal(size=(4, 4))
    assert draws.explained(some) @ outcomes == pytest.approx((draws.seen(outcomes) * some).sum())
