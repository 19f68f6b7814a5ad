import numpy as np
import pytest

from cvo.core.errors import InvalidInput
from cvo.decisions.batch.engine import Customers, Engine, Resources
from cvo.learning import Thompson, draw

NOTHING_SCARCE = np.empty(0)


def frozen(mean, sd):
    """Scores that are known: the design of a customer is the number of their row."""
    return lambda design: (mean[design[:, 0].astype(int)], sd[design[:, 0].astype(int)])


def a_batch(n, k, seed, qualifying=0.7):
    rng = np.random.default_rng(seed)
    mean, sd = rng.normal(0.5, 1.0, size=(n, k)), rng.gamma(2.0, 0.4, size=(n, k))
    customers = Customers(
        keys=rng.permutation(10 * n)[:n],
        design=np.arange(n, dtype=np.float32)[:, None],
        qualified=rng.random((n, k)) < qualifying,
    )
    return mean, sd, customers


def plenty(k):
    return Resources(np.empty((k, 0)), np.empty(0))


@pytest.mark.parametrize(
    "choice", [Thompson(), Thompson(0.4, floor=0.05), Thompson(optimistic=True, floor=0.01)]
)
def test_propensities_and_draws_are_those_of_one_decision_at_a_time(choice):
    mean, sd, customers = a_batch(300, 9, 0)
    made = Engine(frozen(mean, sd), choice, seed=5).decide(customers, plenty(9), NOTHING_SCARCE)
    uniforms = dict(zip(customers.keys.tolist(), _uniforms(customers.keys, 5), strict=True))
    for row, key in enumerate(customers.keys.tolist()):
        probabilities = choice.probabilities(mean[row], sd[row], among=customers.qualified[row])
        picked = int(draw(probabilities, uniforms[key]))
        assert made.chosen[row] == (picked if picked < mean.shape[1] else -1)
        assert made.propensity[row] == probabilities[picked]


def _uniforms(keys, seed):
    from cvo.decisions.batch.engine import _DRAW, _uniform

    return _uniform(keys, seed, _DRAW)


def test_uniforms_are_uniform_and_differ_by_seed():
    keys = np.arange(100_000)
    one, other = _uniforms(keys, 1), _uniforms(keys, 2)
    assert abs(one.mean() - 0.5) < 0.004
    assert abs(np.quantile(one, 0.9) - 0.9) < 0.004
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.015
    assert abs(np.corrcoef(one[1:], one[:-1])[0, 1]) < 0.015


def test_a_forecast_draws_with_the_same_probabilities():
    rng = np.random.default_rng(3)
    k, n = 5, 40_000
    mean, sd = np.tile(rng.normal(0.3, 0.5, size=k), (n, 1)), np.tile(rng.gamma(2.0, 0.4, size=k), (n, 1))
    qualified = np.tile([True, True, False, True, True], (n, 1))
    customers = Customers(np.arange(n), np.arange(n, dtype=np.float32)[:, None], qualified)
    choice = Thompson(floor=0.1)
    made = Engine(frozen(mean, sd), choice, seed=8).decide(customers, plenty(k), NOTHING_SCARCE, exact=False)
    expected = choice.probabilities(mean[0, qualified[0]], sd[0, qualified[0]])
    counts = np.bincount(made.chosen + 1, minlength=k + 1)
    got = np.array([*counts[1:][qualified[0]], counts[0]]) / n
    np.testing.assert_allclose(got, expected, atol=4 * np.sqrt(0.25 / n))
    assert counts[3] == 0
    assert made.propensity.size == 0


def test_what_is_exhausted_is_refused_to_who_comes_later_and_propensities_know():
    n, k = 3_000, 3
    mean, sd = np.full((n, k), 2.0), np.full((n, k), 0.5)
    customers = Customers(np.arange(n), np.arange(n, dtype=np.float32)[:, None], np.ones((n, k), bool))
    resources = Resources(np.array([[1.0], [2.0], [0.0]]), np.array([200.0]))
    made = Engine(frozen(mean, sd), Thompson(), seed=1).decide(customers, resources, np.zeros(1))
    assert 199.0 <= made.used[0] <= 200.0
    late = made.propensity[(made.chosen == 2) & (made.propensity > 0.9)]
    assert len(late) > 2_000  # with two of three refused, the third is what there is
    assert made.refused[2] == 0
    assert made.refused[1] >= made.refused[0] > 2_000


def test_prices_make_expected_use_fit_however_much_is_explored():
    n, k = 30_000, 6
    mean, sd, customers = a_batch(n, k, 4)
    use = np.zeros((k, 2))
    use[:3, 0], use[3:5, 1] = 1.0, [5.0, 10.0]
    resources = Resources(use, np.array([3_000.0, 12_000.0]))
    engine = Engine(frozen(mean, 1.5 * sd), Thompson(floor=0.01), seed=2)
    made = engine.decide(customers, resources, engine.price(customers, resources).price)
    assert (made.used <= resources.capacity).all()
    assert (made.used >= 0.93 * resources.capacity).all()
    assert made.refused.sum() <= 0.1 * customers.qualified.sum()


def test_shapes_that_do_not_agree_are_refused():
    mean, sd, customers = a_batch(10, 3, 5)
    engine = Engine(frozen(mean, sd), Thompson(), seed=1)
    with pytest.raises(InvalidInput, match="agree"):
        engine.decide(customers, plenty(4), NOTHING_SCARCE)
    with pytest.raises(InvalidInput, match="agree"):
        engine.decide(customers, plenty(3), np.zeros(1))


def test_propensities_are_those_of_deciding_one_by_one():
    n, k = 60, 3
    mean, sd, customers = a_batch(n, k, 6)
    resources = Resources(np.array([[1.0, 0.0], [3.0, 1.0], [0.0, 2.0]]), np.array([20.0, 9.0]))
    engine = Engine(frozen(mean, sd), Thompson(floor=0.05), seed=9)
    made = engine.decide(customers, resources, np.zeros(2))
    left = resources.capacity.copy()
    for row in engine._order(customers):
        one = engine.decide(customers.some(np.array([row])), Resources(resources.use, left), np.zeros(2))
        assert (one.chosen[0], one.propensity[0]) == (made.chosen[row], made.propensity[row])
        left = left - one.used
    assert (made.refused > 0).all()
