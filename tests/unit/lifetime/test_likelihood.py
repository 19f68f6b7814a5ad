import numpy as np
import pytest

from cvo.lifetime import BgNbd, Fit
from cvo.lifetime.likelihood import maximise

CURVATURE = np.array([[4.0, 1.0], [1.0, 2.0]]) * 1000
TOP = np.array([0.3, -1.2])


def hill(theta):
    away = theta - TOP
    return -7.0 - 0.5 * float(away @ CURVATURE @ away), -CURVATURE @ away


def test_finds_the_top_and_its_curvature():
    best = maximise(hill, np.zeros(2))
    assert best.theta == pytest.approx(TOP, abs=1e-7)
    assert best.log_likelihood == pytest.approx(-7.0, abs=1e-9)
    assert best.covariance == pytest.approx(np.linalg.inv(CURVATURE), rel=1e-4)
    assert not best.at_bound.any()


def test_a_sample_only_shortens_the_way():
    def rough(theta):
        value, gradient = hill(theta - 0.05)
        return value / 10, gradient * 0.11

    best = maximise(hill, np.zeros(2), coarse=rough, coarse_share=0.1)
    assert best.theta == pytest.approx(TOP, abs=1e-7)
    assert best.covariance == pytest.approx(np.linalg.inv(CURVATURE), rel=1e-4)


def test_names_what_the_data_do_not_limit():
    def slope(theta):
        return float(theta[0] - 50 * (theta[1] - 1) ** 2), np.array([1.0, -100 * (theta[1] - 1)])

    best = maximise(slope, np.zeros(2))
    assert best.at_bound.tolist() == [True, False]
    assert best.covariance[0].tolist() == [0.0, 0.0]
    assert best.theta[1] == pytest.approx(1.0, abs=1e-6)


FIT = Fit(
    model=BgNbd(0.25, 4.0, 0.8, 2.4),
    log_likelihood=-1.0,
    customers=100,
    covariance=tuple(map(tuple, np.diag([0.01, 0.04, 0.0, 0.09]))),
)


def test_intervals_are_on_the_log_scale():
    interval = FIT.intervals(0.95)["alpha"]
    assert interval.low == pytest.approx(4 * np.exp(-1.959964 * 0.2), rel=1e-6)
    assert interval.high == pytest.approx(4 * np.exp(1.959964 * 0.2), rel=1e-6)
    assert FIT.standard_errors["alpha"] == pytest.approx(0.8)


def test_draws_have_the_stated_spread_and_repeat():
    drawn = np.log([model.values for model in FIT.draws(4000, np.random.default_rng(0))])
    assert drawn.std(axis=0) == pytest.approx([0.1, 0.2, 0.0, 0.3], rel=0.05, abs=1e-9)
    again = np.log([model.values for model in FIT.draws(4000, np.random.default_rng(0))])
    assert (drawn == again).all()
