import numpy as np
import pytest

from cvo.core.errors import InvalidInput
from cvo.learning import Predictor, effect_features, effect_rows, fold, new_model


def trial(seed, n, baseline):
    """Two actions drawn with chances that follow x, so that a wrong baseline would be taken for an effect."""
    rng = np.random.default_rng(seed)
    x = np.column_stack([np.ones(n), rng.normal(size=n)])
    push = 1 / (1 + np.exp(-2 * x[:, 1]))
    chance = np.column_stack([0.6 * push, 0.3 * (1 - push), 1 - 0.3 - 0.3 * push])
    delivered = (rng.random((n, 1)) > np.cumsum(chance, axis=1)).sum(axis=1)
    tau = x @ np.array([[0.5, 0.3], [-0.2, 0.0]]).T
    effect = np.column_stack([tau, np.zeros(n)])[np.arange(n), delivered]
    return x, chance, delivered, baseline(x[:, 1]) + effect + rng.normal(size=n)


def learned(world, baseline, passes=2):
    x, chance, delivered, outcomes = world
    features = np.repeat(x[:, None, :], 2, axis=1)
    expected = np.zeros((len(x), 2))
    for _ in range(passes):
        model = new_model(2, np.zeros(2), np.ones(2), link="identity")
        rows = effect_rows(
            features, delivered, chance, outcomes=outcomes, baseline=baseline, expected=expected
        )
        model = fold(model, rows.features, rows.actions, rows.outcomes)
        expected = Predictor(model)(features)[0]
    return model


def test_a_wrong_baseline_costs_precision_and_not_truth():
    x, chance, delivered, outcomes = trial(1, 40_000, lambda z: 2 * np.maximum(z, 0) + z**2)
    model = learned((x, chance, delivered, outcomes), np.zeros(len(x)), passes=4)
    np.testing.assert_allclose(model.mean.read(), [[0.5, 0.3], [-0.2, 0.0]], atol=0.12)
    # The same rows without centring take the baseline's shape for an effect.
    own = delivered < 2
    naive = fold(
        new_model(2, np.zeros(2), np.ones(2), link="identity"), x[own], delivered[own], outcomes[own]
    )
    assert np.abs(naive.mean.read() - [[0.5, 0.3], [-0.2, 0.0]]).max() > 0.5


def test_a_good_baseline_buys_precision():
    world = trial(2, 20_000, lambda z: 3 * z)
    good, poor = (learned(world, baseline) for baseline in (3 * world[0][:, 1], np.zeros(20_000)))
    assert good.noise.max() < 1.1
    assert poor.noise.min() > 5
    assert np.abs(good.mean.read() - [[0.5, 0.3], [-0.2, 0.0]]).max() < 0.06


def test_kappa_is_the_weight_of_the_attributed_margin():
    rng = np.random.default_rng(3)
    n = 20_000
    attributed = rng.gamma(2.0, 1.0, size=(n, 1))
    delivered = (rng.random(n) < 0.2).astype(int)  # 0: delivered, 1: withheld
    outcomes = np.where(delivered == 0, 0.55 * attributed[:, 0], 0.0) + rng.normal(size=n)
    features = effect_features(attributed, np.ones((n, 1)))
    model = new_model(1, [1.0, 0.0], [0.5, 0.2], link="identity")
    before, _ = Predictor(model)(features)
    np.testing.assert_allclose(before, attributed)
    chances = np.tile([0.8, 0.2], (n, 1))
    rows = effect_rows(features, delivered, chances, outcomes=outcomes, baseline=np.zeros(n), expected=before)
    assert len(rows.outcomes) == n
    model = fold(model, rows.features, rows.actions, rows.outcomes)
    assert model.mean.read()[0, 0] == pytest.approx(0.55, abs=0.06)


def test_actions_without_a_real_chance_teach_nothing():
    x = np.ones((3, 2, 1))
    chance = [[0.5, 0.001, 0.499], [0.0, 0.0, 1.0], [0.3, 0.3, 0.4]]
    rows = effect_rows(
        x, [0, 2, 1], chance, outcomes=[1.0, 2.0, 3.0], baseline=[0.0] * 3, expected=np.zeros((3, 2))
    )
    np.testing.assert_array_equal(rows.decisions, [0, 2, 2])
    np.testing.assert_array_equal(rows.actions, [0, 0, 1])
    np.testing.assert_allclose(rows.features[:, 0], [0.5, -0.3, 0.7])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"delivered": [0]}, "had probability 0"),
        ({"probabilities": [[0.0, 0.5]]}, "sum to 0.5"),
        ({"probabilities": [[1.0]]}, "expected \\(1, 2\\)"),
        ({"features": [[1.0]]}, "must be"),
        ({"outcomes": [np.nan]}, r"outcomes\[0\] is nan"),
    ],
)
def test_what_was_not_drawn_from_its_log_is_refused(change, message):
    good = {
        "features": [[[1.0]]],
        "delivered": [1],
        "probabilities": [[0.0, 1.0]],
        "outcomes": [1.0],
        "baseline": [0.0],
        "expected": [[0.0]],
    }
    with pytest.raises(InvalidInput, match=message):
        effect_rows(**(good | change))
