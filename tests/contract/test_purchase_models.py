"""One suite over every model of repeat purchases."""

import numpy as np
import pytest

from cvo.core.errors import InvalidInput
from cvo.core.evidence import NotEstimable
from cvo.lifetime import BgBb, BgNbd, Fit, MbgNbd, ParetoNbd

CASES = {
    "bg-nbd": (BgNbd(0.5, 4.0, 0.8, 2.4), 40.0),
    "mbg-nbd": (MbgNbd(0.6, 5.0, 0.9, 1.8), 40.0),
    "pareto-nbd": (ParetoNbd(0.6, 6.0, 0.7, 12.0), 40.0),
    "bg-bb": (BgBb(1.2, 0.75, 0.66, 2.8), 12.0),
}


@pytest.fixture(params=CASES, ids=list(CASES))
def case(request):
    return CASES[request.param]


def histories_for(model, age):
    """Return ordinary, extreme and degenerate histories of one age or more."""
    most = age if isinstance(model, BgBb) else 10_000.0
    x = np.array([0, 0, 1, 1, 3, age / 2, most, most])
    t_x = np.array([0, 0, 1, age, age / 2, age, age, age / 2])
    if isinstance(model, BgBb):
        x, t_x = np.round(x), np.round(t_x)
        x[-1] = t_x[-1]
    return x, t_x, np.array([0, age, age, age, age, age, age, age])


def test_predictions_are_finite_and_in_range(case):
    model, age = case
    columns = histories_for(model, age)
    alive = model.probability_alive(*columns)
    assert ((alive >= 0) & (alive <= 1)).all()
    for horizon in (0, 1, 13, 400):
        expected = model.expected_purchases(horizon, *columns)
        assert np.isfinite(expected).all()
        assert (expected >= 0).all()


def test_longer_horizons_never_bring_less(case):
    model, age = case
    columns = histories_for(model, age)
    expected = np.array([model.expected_purchases(horizon, *columns) for horizon in range(0, 60, 4)])
    assert (expected[0] == 0).all()
    assert (np.diff(expected, axis=0) >= -1e-12).all()


def test_a_longer_silence_is_never_a_better_sign(case):
    model, age = case
    last = np.arange(3.0, age + 1)
    alive = model.probability_alive(np.full(last.shape, 3.0), last, np.full(last.shape, age))
    assert (np.diff(alive) > 0).all()


def test_shapes_follow_the_columns(case):
    model, age = case
    assert model.expected_purchases(2, 1, 1, age).shape == ()
    assert model.expected_purchases(2, [1, 1], 1, age).shape == (2,)
    grid = model.expected_purchases(np.array([[1], [2], [3]]), [1, 2], [1, 2], age)
    assert grid.shape == (3, 2)
    assert grid[1, 1] == pytest.approx(float(model.expected_purchases(2, 2, 2, age)), rel=1e-12)


def test_rows_are_independent_of_their_neighbours(case):
    model, age = case
    columns = histories_for(model, age)
    together = model.expected_purchases(13, *columns)
    alone = [float(model.expected_purchases(13, *row)) for row in zip(*columns, strict=True)]
    assert together == pytest.approx(alone, rel=1e-10)


def test_simulated_repeats_have_the_stated_mean(case):
    model, age = case
    seen = model.simulate(np.full(40_000, age), np.random.default_rng(1))
    error = seen.frequency.std() / np.sqrt(len(seen.frequency))
    assert seen.frequency.mean() == pytest.approx(float(model.expected_repeats(age)), abs=4 * error)


def test_alive_customers_are_as_many_as_predicted(case):
    model, age = case
    seen = model.simulate(np.full(40_000, age), np.random.default_rng(2))
    predicted = model.probability_alive(seen.frequency, seen.recency, seen.T)
    error = np.sqrt((predicted * (1 - predicted)).sum())
    assert seen.alive.sum() == pytest.approx(predicted.sum(), abs=4 * error)


def test_sampled_futures_have_the_expected_mean(case):
    model, age = case
    x, t_x = np.full(40_000, 4.0), np.full(40_000, round(0.8 * age))
    drawn = model.sample_purchases([3, 9], x, t_x, np.full(40_000, age), np.random.default_rng(3))
    assert drawn.shape == (2, 40_000)
    assert (drawn[1] >= drawn[0]).all()
    for futures, horizon in zip(drawn, (3, 9), strict=True):
        expected = float(model.expected_purchases(horizon, 4, round(0.8 * age), age))
        assert futures.mean() == pytest.approx(expected, abs=4 * futures.std() / 200)


def test_a_fit_finds_parameters_within_its_intervals(case):
    model, age = case
    seen = model.simulate(np.full(20_000, age), np.random.default_rng(4))
    fit = type(model).fit(seen.frequency, seen.recency, seen.T)
    assert isinstance(fit, Fit)
    truth = dict(zip(model.names(), model.values, strict=True))
    for name, interval in fit.intervals(0.9999).items():
        assert interval.low <= truth[name] <= interval.high
    at_truth = model.log_likelihood(seen.frequency, seen.recency, seen.T).sum()
    assert at_truth <= fit.log_likelihood <= at_truth + 15
    assert fit.log_likelihood == pytest.approx(
        fit.model.log_likelihood(seen.frequency, seen.recency, seen.T).sum(), rel=1e-10
    )


def test_fitting_twice_gives_the_same_bytes(case):
    model, age = case
    seen = model.simulate(np.full(3_000, age), np.random.default_rng(5))
    one, other = (type(model).fit(seen.frequency, seen.recency, seen.T) for _ in range(2))
    assert one.parameters == other.parameters
    assert one.covariance == other.covariance


def test_nobody_came_back(case):
    model, age = case
    fit = type(model).fit(np.zeros(500), np.zeros(500), np.full(500, age))
    assert isinstance(fit, NotEstimable)
    assert fit.reason == "too_few_repeat_customers"
    assert "0 of 500" in fit.detail


def test_one_customer(case):
    model, age = case
    assert isinstance(type(model).fit([2], [3], [age]), NotEstimable)
    assert float(model.expected_purchases(5, 2, 3, age)) > 0


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ((1.5, 1, 5), "whole number"),
        ((-1, 1, 5), "whole number"),
        ((1, 6, 5), "recency <= T"),
        ((0, 2, 5), "without a repeat"),
        ((1, float("nan"), 5), "not finite"),
    ],
)
def test_impossible_histories_are_refused_by_row(case, row, reason):
    model, _ = case
    x, t_x, age = ([0, value] for value in row)
    t_x[0], age[0] = 0, 5
    with pytest.raises(InvalidInput, match=rf"row 1 .*{reason}"):
        model.probability_alive(x, t_x, age)


def test_negative_horizons_are_refused(case):
    model, age = case
    with pytest.raises(InvalidInput, match="at least 0"):
        model.expected_purchases(-1, 1, 1, age)
