import numpy as np
import pytest
from scipy.integrate import quad

from cvo.learning import product, response_probability


@pytest.mark.parametrize("sd", [0.0, 0.3, 1.0, 2.0])
@pytest.mark.parametrize("mean", [-7.0, -4.6, 0.0, 3.0])
def test_response_probability_has_the_moments_of_a_logistic_normal(mean, sd):
    def moment(power):
        def density(z):
            return (1 / (1 + np.exp(-(mean + sd * z)))) ** power * np.exp(-z * z / 2) / np.sqrt(2 * np.pi)

        return quad(density, -12, 12, epsabs=1e-14, epsrel=1e-12)[0]

    expected, variance = response_probability(np.array(mean), np.array(sd**2))
    assert float(expected) == pytest.approx(moment(1), rel=2e-5)
    assert float(variance) == pytest.approx(moment(2) - moment(1) ** 2, rel=2e-4, abs=1e-12)


def test_extreme_predictors_stay_probabilities():
    expected, variance = response_probability(np.array([-1e6, 1e6, 0.0]), np.array([0.0, 1.0, 1e12]))
    np.testing.assert_allclose(expected, [0.0, 1.0, 0.5], atol=1e-9)
    assert np.all(variance >= 0)


def test_the_product_of_independent_numbers():
    rng = np.random.default_rng(1)
    draws = [3 + rng.normal(size=10**6), -1 + 2 * rng.normal(size=10**6), 0.5 * rng.normal(size=10**6) + 1]
    mean, variance = product(*((np.array(m), np.array(v)) for m, v in ((3, 1), (-1, 4), (1, 0.25))))
    together = draws[0] * draws[1] * draws[2]
    assert float(mean) == pytest.approx(together.mean(), abs=0.05)
    assert float(variance) == pytest.approx(together.var(), rel=0.02)
