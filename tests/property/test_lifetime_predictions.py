"""Whatever the parameters and the history: finite, in range, and consistent with each other."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cvo.lifetime import BgNbd, GammaGamma, MbgNbd, ParetoNbd, overdue

positive = st.floats(1e-3, 1e3)
models = st.builds(
    lambda kind, *values: kind(*values),
    st.sampled_from([BgNbd, MbgNbd, ParetoNbd]),
    positive,
    positive,
    positive,
    positive,
)


@st.composite
def customers(draw):
    x = draw(st.one_of(st.integers(0, 30), st.integers(0, 10_000)))
    age = draw(st.floats(0, 5_000))
    t_x = draw(st.floats(0, 1)) * age if x else 0.0
    return x, t_x, age


@settings(max_examples=300, deadline=None)
@given(models, customers(), st.floats(0, 5_000), st.floats(1, 3))
def test_predictions(model, customer, horizon, further):
    alive = float(model.probability_alive(*customer))
    soon = float(model.expected_purchases(horizon, *customer))
    later = float(model.expected_purchases(horizon * further, *customer))
    assert 0 <= alive <= 1
    assert 0 <= soon < np.inf
    assert later >= soon * (1 - 1e-6) - 1e-9
    assert 0 <= float(overdue(model, *customer)) <= 1
    assert np.isfinite(model.log_likelihood(*customer))


@settings(max_examples=200, deadline=None)
@given(models, customers(), st.floats(1e-3, 5_000))
def test_nobody_buys_more_than_without_dropout(model, customer, horizon):
    x, _, age = customer
    ceiling = (model.r + x) / (model.alpha + age) * horizon
    assert float(model.expected_purchases(horizon, *customer)) <= ceiling * (1 + 1e-6)


@settings(max_examples=200, deadline=None)
@given(
    positive, st.floats(1.001, 100), positive, st.integers(0, 10_000), st.floats(0, 1e6), st.floats(0.01, 100)
)
def test_expected_value_scales_with_the_currency(p, q, v, x, mean, rate):  # noqa: PLR0917
    mean = mean if x else 0.0
    value = float(GammaGamma(p, q, v).expected_value(x, mean))
    converted = float(GammaGamma(p, q, v * rate).expected_value(x, mean * rate))
    assert value > 0
    assert np.isclose(converted, value * rate, rtol=1e-9)
