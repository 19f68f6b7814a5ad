import numpy as np

from cvo.learning import effect_features, effect_rows, fold, new_model
from cvo.learning.joint import Centred
from cvo.learning.together import pool_together


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


def by_hand(given):
    """Return ((delivered a) − P(a))·(p·m, x), row by row and action by action."""
    attributed, features, delivered, chances, *_ = given
    k = attributed.shape[1]
    centred = np.eye(k + 1)[delivered] - chances
    z = np.stack([np.column_stack([attributed[:, a], features]) for a in range(k)], axis=1)
    return (centred[:, :k, None] * z).reshape(len(features), -1)


def test_evidence_is_the_normal_equations_of_all_actions(monkeypatch):
    given = drawn(n=500)
    attributed, features, delivered, chances, outcomes, weights, _ = given
    rows = by_hand(given)
    centred = Centred(attributed, features, delivered, chances)
    whole = centred.evidence(outcomes, weights)
    np.testing.assert_allclose(whole.information, rows.T @ (weights[:, None] * rows), atol=1e-9)
    np.testing.assert_allclose(whole.potential.ravel(), rows.T @ (weights * outcomes), atol=1e-9)
    monkeypatch.setattr("cvo.learning.joint._BLOCK", 1_000)
    np.testing.assert_allclose(centred.evidence(outcomes, weights).information, whole.information, atol=1e-9)


def test_where_nothing_is_rarely_drawn_actions_alone_are_too_sure_and_together_are_not():
    alone, together = [], []
    for seed in range(10):
        attributed, features, delivered, chances, outcomes, _weights, truth = drawn(seed)
        rows = effect_rows(
            effect_features(attributed, features),
            delivered,
            chances,
            outcomes=outcomes,
            baseline=np.full(len(outcomes), 1.0),
            expected=np.zeros_like(attributed),
        )
        model = fold(
            new_model(4, [0.5, *[0.0] * 3], [0.5, *[1.0] * 3], link="identity"),
            rows.features,
            rows.actions,
            rows.outcomes,
        )
        centred = Centred(attributed, features, delivered, chances)
        usual = (chances[:, :-1] * truth).sum(axis=1)
        found = pool_together(
            centred.evidence(outcomes - 1.0 - usual, np.ones(len(outcomes))),
            [],
            np.array([0.5, 0.0, 0.0, 0.0]),
            np.array([0.25, 1.0, 1.0, 1.0]),
        )
        exact = effect_features(attributed, features)[0]
        for told, mean, covariance, noise in (
            (alone, model.mean.read(), model.covariance.read(), model.noise),
            (together, found.mean, found.covariance, np.ones(4)),
        ):
            variance = np.einsum("ki,kij,kj->k", exact, covariance, exact) * noise
            told.append(((exact * mean).sum(axis=1) - truth[0]) ** 2 / variance)
    assert np.mean(alone) > 4
    assert np.mean(together) < 2


def test_effects_are_the_weights_times_what_they_are_of():
    attributed, features, delivered, chances, *_ = drawn(n=50)
    some = np.random.default_rng(1).normal(size=(4, 4))
    found = Centred(attributed, features, delivered, chances).effects(some)
    expected = [[np.r_[attributed[row, a], features[row]] @ some[a] for a in range(4)] for row in range(50)]
    np.testing.assert_allclose(found, expected)
