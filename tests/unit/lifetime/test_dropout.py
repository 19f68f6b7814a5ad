import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import beta as beta_distribution

from cvo.lifetime.dropout import purchases_until_dropout


def by_quadrature(a, b, shape, rate, horizon):
    def inner(p):
        return (1 - (rate / (rate + p * horizon)) ** shape) / p * beta_distribution.pdf(p, a, b)

    return (
        quad(inner, 0, 0.5, epsabs=1e-13, epsrel=1e-11)[0]
        + quad(inner, 0.5, 1, epsabs=1e-13, epsrel=1e-11)[0]
    )


@pytest.mark.parametrize("a", [0.8, 0.99999, 1.0, 1.000001, 1.7, 4.0])
@pytest.mark.parametrize(("b", "shape"), [(1.2, 0.3), (3.4, 2.3), (60.0, 57.5)])
@pytest.mark.parametrize("horizon", [0.5, 10.0, 90.0, 4000.0])
def test_agrees_with_the_integral_it_stands_for(a, b, shape, horizon):
    value = purchases_until_dropout(
        a, np.array([b]), a + b - 1 - shape, np.array([10.0]), np.array([horizon])
    )
    assert value[0] == pytest.approx(by_quadrature(a, b, shape, 10.0, horizon), rel=2e-7)


def test_is_continuous_where_the_textbook_form_is_zero_by_zero():
    near = np.array([1 - 1e-9, 1.0, 1 + 1e-9])
    for horizon in (5.0, 5000.0):
        values = [
            purchases_until_dropout(a, np.array([2.0]), a + 0.5, np.array([3.0]), np.array([horizon]))[0]
            for a in near
        ]
        assert values[0] == pytest.approx(values[1], rel=1e-7)
        assert values[2] == pytest.approx(values[1], rel=1e-7)


def test_very_frequent_buyers_keep_all_digits():
    # With 10,000 purchases in 1,000 weeks the rate is known: about ten a week until dropout.
    x, a, b, r = 10_000.0, 0.8, 2.4, 0.24
    value = purchases_until_dropout(a, np.array([b + x]), a + b - 1 - r, np.array([1004.4]), np.array([1.0]))
    assert value[0] == pytest.approx((r + x) / 1004.4, rel=1e-3)
