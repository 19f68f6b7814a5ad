import numpy as np
import pytest

from cvo.core.errors import InvalidInput
from cvo.decisions.batch.kernels import money, products
from cvo.decisions.batch.scores import SharedCovariance
from cvo.decisions.batch.tables import logistic_table
from cvo.learning import product, response_probability


def a_model(rng, d=12, k=7):
    weights = (rng.normal(size=(d, k)) * 0.3).astype(np.float32)
    weights[0] = -3.0
    return SharedCovariance(
        weights=weights,
        root=(np.linalg.cholesky(np.eye(d) * 0.02 + 0.001)).astype(np.float32),
        spread=rng.gamma(4.0, 0.25, size=k),
        incrementality=(rng.uniform(-0.2, 0.8, size=k), np.full(k, 0.02)),
        margin=(rng.lognormal(3.0, 0.4, size=k), np.full(k, 4.0)),
        cost=rng.uniform(0.0, 1.0, size=k),
    )


def test_scores_are_those_of_the_plain_formulas():
    rng = np.random.default_rng(0)
    model = a_model(rng)
    x = rng.normal(size=(50, 12)).astype(np.float32)
    mean, sd = model.scores(x)

    wide = x.astype(np.float64)
    covariance = model.root.astype(np.float64) @ model.root.T.astype(np.float64)
    variance = np.einsum("ni,ij,nj->n", wide, covariance, wide)[:, None] * model.spread
    p = response_probability(wide @ model.weights.astype(np.float64), variance)
    expected, expected_variance = product(p, model.incrementality, model.margin)
    np.testing.assert_allclose(mean, expected - model.cost, rtol=2e-5, atol=1e-6)
    np.testing.assert_allclose(sd, np.sqrt(expected_variance), rtol=2e-4)


@pytest.mark.parametrize("sd", [0.0, 0.02, 0.3, 1.0, 2.0])
def test_the_table_gives_the_integral(sd):
    logits = np.linspace(-9.0, 9.0, 3_001)
    one, variance = np.ones(1), np.full(len(logits), sd * sd)
    mean, spread = np.empty((3_001, 1)), np.empty((3_001, 1))
    money(
        logits[:, None].astype(np.float32),
        variance,
        one,
        logistic_table(),
        one,
        0 * one,
        0 * one,
        mean,
        spread,
    )
    exact, exact_variance = response_probability(logits.astype(np.float32).astype(np.float64), variance)
    np.testing.assert_allclose(mean[:, 0], exact, rtol=3e-5)
    np.testing.assert_allclose(spread[:, 0], np.sqrt(exact_variance), rtol=2e-3, atol=1e-4)


def test_beyond_the_table_is_its_edge():
    one, mean, sd = np.ones(1), np.empty((2, 1)), np.empty((2, 1))
    logits = np.array([[-500.0], [500.0]], np.float32)
    money(logits, np.array([0.0, 1e6]), one, logistic_table(), one, 0 * one, 0 * one, mean, sd)
    assert 0.0 < mean[0, 0] < 2e-7
    assert 0.99 < mean[1, 0] < 1.0


def test_a_row_has_the_same_bits_alone_and_in_any_batch():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(11, 12)).astype(np.float32)
    model = a_model(rng)
    every = model.scores(x)
    for row in range(11):
        for all_rows, one in zip(every, model.scores(x[row : row + 1]), strict=True):
            assert all_rows[row].tobytes() == one[0].tobytes()


def test_products_are_sums_in_the_order_of_features():
    rng = np.random.default_rng(2)
    x, w = rng.normal(size=(6, 5)).astype(np.float32), rng.normal(size=(5, 3)).astype(np.float32)
    out = np.empty((6, 3), np.float32)
    products(x, w, out)
    expected = np.zeros((6, 3), np.float32)
    for f in range(5):
        expected += x[:, f : f + 1] * w[f]
    assert out.tobytes() == expected.tobytes()


def test_rows_of_another_width_are_refused():
    with pytest.raises(InvalidInput, match="12 features"):
        a_model(np.random.default_rng(3)).scores(np.zeros((2, 11), np.float32))
