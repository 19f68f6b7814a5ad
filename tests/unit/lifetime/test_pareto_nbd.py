import numpy as np
import pytest
from scipy.integrate import quad

from cvo.lifetime import ParetoNbd


def by_quadrature(model, x, t_x, age):
    """Return ln L from its definition: stay to the end, or leave at τ between the last purchase and the end."""
    r, alpha, s, beta = model.values

    def leaving(tau):
        return s * beta**s * (beta + tau) ** -(s + 1) * (alpha + tau) ** -(r + x)

    stay = (beta / (beta + age)) ** s * (alpha + age) ** -(r + x)
    rising = np.prod(r + np.arange(x))
    return np.log(rising * alpha**r * (stay + quad(leaving, t_x, age, epsabs=0, epsrel=1e-12)[0]))


@pytest.mark.parametrize(
    "parameters",
    [(0.553, 10.578, 0.606, 11.669), (1.5, 10.0, 1.0, 3.0), (0.05, 0.3, 0.3, 50.0), (3.0, 20.0, 8.0, 0.5)],
)
@pytest.mark.parametrize(
    "row", [(0, 0.0, 39.0), (2, 30.43, 38.86), (7, 5.0, 38.0), (1, 38.0, 38.0), (0, 0.0, 0.0)]
)
def test_likelihood_is_its_integral(parameters, row):
    model = ParetoNbd(*parameters)
    assert float(model.log_likelihood(*row)) == pytest.approx(by_quadrature(model, *row), rel=1e-10)


def test_very_frequent_buyers():
    model = ParetoNbd(0.553, 10.578, 0.606, 11.669)
    r, alpha, s, beta = model.values
    age = 1000.0

    def odds_of_leaving_at(tau):
        lived = s / (beta + tau) * ((beta + age) / (beta + tau)) ** s
        return lived * np.exp((r + 10_000) * np.log((alpha + age) / (alpha + tau)))

    odds = quad(odds_of_leaving_at, 999.0, age, epsabs=0, epsrel=1e-12)[0]
    assert float(model.probability_alive(10_000, 999.0, age)) == pytest.approx(1 / (1 + odds), rel=1e-10)
    assert 0 <= float(model.probability_alive(10_000, 500.0, age)) < 1e-100


def test_extreme_parameters_do_not_underflow():
    model = ParetoNbd(0.7, 10.0, 14188.0, 5.8e6)
    assert np.isfinite(model.log_likelihood([0, 3, 50], [0, 10, 70], [80, 80, 80])).all()


def test_expected_purchases_at_s_equal_to_one():
    around = [
        float(ParetoNbd(0.5, 9.0, s, 12.0).expected_purchases(20, 3, 10, 15))
        for s in (1 - 1e-9, 1.0, 1 + 1e-9)
    ]
    assert around[0] == pytest.approx(around[1], rel=1e-8)
    assert around[2] == pytest.approx(around[1], rel=1e-8)
