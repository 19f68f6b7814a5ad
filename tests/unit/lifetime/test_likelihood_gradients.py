import numpy as np
import pytest

from cvo.lifetime import BgBb, BgNbd, GammaGamma, MbgNbd, ParetoNbd, ShiftedBetaGeometric, histories
from cvo.lifetime.gamma_gamma import log_likelihood_of

THETA = np.log([0.4, 5.0, 0.7, 1.8])


def numeric(score, theta, step=1e-6):
    return [
        (score(theta + shift)[0] - score(theta - shift)[0]) / (2 * step)
        for shift in np.eye(len(theta)) * step
    ]


@pytest.mark.parametrize("model", [BgNbd, MbgNbd, ParetoNbd])
def test_purchase_models(model):
    seen = model(0.5, 4.0, 0.8, 2.0).simulate(np.linspace(5, 40, 300), np.random.default_rng(0))
    score = model.score_of(histories(seen.frequency, seen.recency, seen.T))
    assert score(THETA)[1] == pytest.approx(numeric(score, THETA), rel=1e-5)
    assert score(THETA)[0] == pytest.approx(
        model(*np.exp(THETA)).log_likelihood(seen.frequency, seen.recency, seen.T).sum(), rel=1e-12
    )


def test_bg_bb():
    seen = BgBb(1.2, 0.75, 0.66, 2.8).simulate(np.tile([3.0, 8.0], 100), np.random.default_rng(0))
    rows = histories(seen.frequency, seen.recency, seen.T)

    def score(theta):
        return BgBb.of(np.exp(theta)).score(rows)

    assert score(THETA)[1] == pytest.approx(numeric(score, THETA), rel=1e-5)


def test_shifted_beta_geometric():
    t, gone, size = (
        np.array([1.0, 2.0, 3.0, 3.0]),
        np.array([1.0, 1.0, 1.0, 0.0]),
        np.array([40.0, 20.0, 9.0, 31.0]),
    )

    def score(theta):
        return ShiftedBetaGeometric.of(np.exp(theta)).score(t, gone, size)

    assert score(THETA[:2])[1] == pytest.approx(numeric(score, THETA[:2]), rel=1e-5)


def test_gamma_gamma():
    rng = np.random.default_rng(0)
    x = rng.integers(1, 9, 200).astype(float)
    mean = GammaGamma(4.0, 3.0, 20.0).simulate(x, rng)
    score = log_likelihood_of(x, mean)
    theta = np.log([5.0, 1.4, 18.0])
    assert score(theta)[1] == pytest.approx(numeric(score, theta), rel=1e-5)
    assert score(theta)[0] == pytest.approx(
        GammaGamma(5.0, 2.4, 18.0).log_likelihood(x, mean).sum(), rel=1e-12
    )
