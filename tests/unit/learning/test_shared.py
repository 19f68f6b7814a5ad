import numpy as np
import pytest

from cvo.core.errors import InvalidInput
from cvo.learning import Predictor, SharedPredictor, fold, new_model, new_shared, with_actions


def world(n, *, actions=40, width=30, attributes=4, seed=0):
    """Many actions of few kinds: what a kind is worth, and to whom, is all that tells them apart."""
    rng = np.random.default_rng(seed)
    q = np.eye(attributes)[rng.integers(attributes, size=actions)]
    x = np.column_stack([np.ones(n), rng.normal(size=(n, width - 1))])
    f = (x @ rng.normal(0, 0.1, width))[:, None] - 2 + q @ rng.normal(0, 0.7, attributes)
    f = f + x @ rng.normal(0, 0.1, (width, attributes)) @ q.T
    which = rng.integers(actions, size=n)
    y = rng.random(n) < 1 / (1 + np.exp(-f[np.arange(n), which]))
    return q, x, f, which, y


def prior(width):
    return np.array([-2.0, *[0.0] * (width - 1)])


def test_with_many_actions_and_features_far_more_is_known_than_by_each_alone():
    q, x, f, which, y = world(8_000)
    one = SharedPredictor(fold(new_shared(q, prior(30), 0.2), x, which, y))(x[:500])[0]
    each = Predictor(fold(new_model(40, prior(30), 0.2), x, which, y))(x[:500])[0]
    assert np.square(one - f[:500]).mean() < 0.4 * np.square(each - f[:500]).mean()


def test_a_new_action_starts_from_what_its_attributes_are_worth_to_whom():
    q, x, f, which, y = world(20_000)
    first = q[:, 0] == 1
    model = fold(new_shared(q, prior(30), 0.2), x, which, y)
    new = SharedPredictor(with_actions(model, np.vstack([q, np.eye(4)[0]])))
    mean, variance = new(x[:500])
    kind = f[:500][:, first][:, 0]
    assert np.corrcoef(mean[:, -1], kind)[0, 1] > 0.9
    assert abs(mean[:, -1].mean() - kind.mean()) < 0.3
    assert (variance[:, -1] > variance[:, :-1].min(axis=1)).all()


def test_an_attribute_that_nobody_had_says_nothing():
    q, x, _, which, y = world(2_000)
    model = fold(new_shared(q, prior(30), 0.2), x, which, y)
    unlike = SharedPredictor(with_actions(model, np.vstack([q, np.zeros(4)])))(x[:50])[0][:, -1]
    np.testing.assert_allclose(unlike, x[:50] @ model.mean.read()[:30], atol=1e-12)


def test_the_noise_of_the_identity_link_is_learned():
    q, x, f, which, _ = world(5_000)
    rng = np.random.default_rng(1)
    y = f[np.arange(5_000), which] + rng.normal(0, 3, 5_000)
    model = fold(new_shared(q, prior(30), 0.2, link="identity"), x, which, y)
    assert model.noise == pytest.approx(9.0, rel=0.06)


@pytest.mark.parametrize(
    ("attributes", "mean", "sd", "message"),
    [
        ([[0.0]], [0.0], 0.0, "must be positive"),
        ([0.0], [0.0], 1.0, r"must be \(k, e\) and \(d,\)"),
        ([[np.inf]], [0.0], 1.0, r"attributes\[0, 0\] is inf"),
    ],
)
def test_impossible_models_are_refused(attributes, mean, sd, message):
    with pytest.raises(InvalidInput, match=message):
        new_shared(attributes, mean, sd)


def test_an_action_can_t_be_taken_away():
    with pytest.raises(InvalidInput, match="have 1 rows; the model knows 2 actions"):
        with_actions(new_shared(np.zeros((2, 1)), [0.0], 1.0), np.zeros((1, 1)))
