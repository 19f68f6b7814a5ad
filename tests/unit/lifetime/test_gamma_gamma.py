import numpy as np
import pytest
from scipy.integrate import quad

from cvo.core.errors import InvalidInput
from cvo.core.evidence import NotEstimable
from cvo.lifetime import Fit, GammaGamma

MODEL = GammaGamma(6.25, 3.74, 15.44)


def test_density_of_the_mean_integrates_to_one():
    for x in (1, 4):
        total = quad(lambda m, x=x: float(np.exp(MODEL.log_likelihood(x, m))), 0, np.inf, epsabs=1e-12)[0]
        assert total == pytest.approx(1.0, abs=1e-8)


def test_expected_value_is_the_posterior_mean_of_simulated_customers():
    rng = np.random.default_rng(0)
    level = rng.gamma(MODEL.q, 1 / MODEL.v, 400_000)
    mean = rng.gamma(MODEL.p * 3, 1 / (level * 3))
    near = np.abs(mean - 40) < 1
    assert (MODEL.p / level[near]).mean() == pytest.approx(float(MODEL.expected_value(3, 40.0)), rel=0.01)


def test_parameters_come_back_within_their_intervals():
    rng = np.random.default_rng(1)
    x = rng.integers(0, 6, 30_000)
    fit = GammaGamma.fit(x, MODEL.simulate(x, rng))
    assert isinstance(fit, Fit)
    assert fit.customers == (x > 0).sum()
    for truth, interval in zip(MODEL.values, fit.intervals(0.9999).values(), strict=True):
        assert interval.low <= truth <= interval.high


def test_q_stays_above_one_so_that_a_mean_exists():
    rng = np.random.default_rng(2)
    x = rng.integers(1, 6, 5_000)
    level = rng.gamma(0.5, 1.0, x.shape)
    fit = GammaGamma.fit(x, rng.gamma(2.0 * x) / (level * x))
    assert fit.model.q > 1
    assert np.isfinite(fit.model.expected_value(0, 0.0))


def test_sampled_values_have_the_expected_mean_and_share_a_level():
    steps = np.tile([[1], [2]], (1, 200_000))
    drawn = MODEL.sample_value(steps, 5, 30.0, np.random.default_rng(3))
    expected = float(MODEL.expected_value(5, 30.0))
    assert drawn.mean(axis=1) == pytest.approx([expected, 2 * expected], rel=0.01)
    assert np.corrcoef(drawn)[0, 1] > 0.1
    assert (MODEL.sample_value(np.zeros(5), 5, 30.0, np.random.default_rng(3)) == 0).all()


@pytest.mark.parametrize("values", [[20.0] * 50, [0.0] * 50, [20.0, 30.0]])
def test_too_little_to_tell(values):
    fit = GammaGamma.fit(np.ones(len(values)), values)
    assert isinstance(fit, NotEstimable)
    assert "plain mean" in fit.detail


def test_negative_values_are_refused():
    with pytest.raises(InvalidInput, match="refunds apart"):
        GammaGamma.fit([1, 2], [10.0, -5.0])
