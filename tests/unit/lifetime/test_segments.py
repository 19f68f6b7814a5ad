import numpy as np
import pytest

from cvo.core.errors import InvalidInput
from cvo.core.evidence import NotEstimable
from cvo.lifetime import MbgNbd, fit_segments

ALPHAS = np.array([3.0, 4.0, 5.0, 6.0, 8.0, 12.0])


@pytest.fixture(scope="module")
def world():
    rng = np.random.default_rng(1)
    segment = np.repeat(np.arange(6), [900, 900, 900, 900, 900, 25])
    seen = MbgNbd(0.5, ALPHAS[segment], 0.8, 1.6).simulate(np.full(segment.shape, 40.0), rng)
    return seen, segment, fit_segments(MbgNbd, seen.frequency, seen.recency, seen.T, segment)


def test_what_differs_is_told_from_what_does_not(world):
    _, _, fits = world
    assert fits.spread["alpha"] > 2 * max(fits.spread[name] for name in ("r", "a", "b"))
    rates = [fits.segments[str(k)].model.r / fits.segments[str(k)].model.alpha for k in range(5)]
    assert rates == sorted(rates, reverse=True)


def test_small_segments_are_drawn_to_the_whole_and_stay_less_sure(world):
    _, _, fits = world
    small, large = fits.segments["5"], fits.segments["4"]
    assert small.covariance[1][1] > large.covariance[1][1]
    assert small.model.alpha < 14


def test_a_model_for_each_customer(world):
    seen, segment, fits = world
    model = fits.model_for(segment)
    expected = model.expected_purchases(13, seen.frequency, seen.recency, seen.T)
    one = fits.segments["2"].model
    rows = segment == 2
    assert expected[rows] == pytest.approx(
        one.expected_purchases(13, seen.frequency[rows], seen.recency[rows], seen.T[rows]), rel=1e-10
    )
    assert fits.model_for(["unheard of"]).alpha[0] == fits.whole.model.alpha


def test_predicts_better_than_one_model_for_all(world):
    seen, segment, fits = world
    truth = MbgNbd(0.5, ALPHAS[segment], 0.8, 1.6).expected_purchases(
        26, seen.frequency, seen.recency, seen.T
    )
    ours = fits.model_for(segment).expected_purchases(26, seen.frequency, seen.recency, seen.T)
    whole = fits.whole.model.expected_purchases(26, seen.frequency, seen.recency, seen.T)
    assert ((ours - truth) ** 2).mean() < 0.6 * ((whole - truth) ** 2).mean()


def test_two_segments_show_no_spread():
    with pytest.raises(InvalidInput, match="2 segments"):
        fit_segments(MbgNbd, [1, 2], [3, 4], [5, 6], ["a", "b"])


def test_no_repeats():
    assert isinstance(fit_segments(MbgNbd, [0, 0, 0], [0, 0, 0], [5, 6, 7], ["a", "b", "c"]), NotEstimable)
