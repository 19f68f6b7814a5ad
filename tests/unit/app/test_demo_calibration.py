import numpy as np
import pytest

from cvo.app.demo.calibration import calibration


def answers(predicted, rng, *, factor=1.0):
    return rng.random(len(predicted)) < factor * predicted


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def test_bins_hold_everybody_once_in_rising_prediction(rng):
    predicted = rng.uniform(0.05, 0.4, 1_003)
    found = calibration("mail", predicted, answers(predicted, rng))
    sizes = [each.actual.sample_size for each in found.bins]
    assert sum(sizes) == found.overall.actual.sample_size == 1_003
    assert max(sizes) - min(sizes) <= 1
    rising = [each.predicted for each in found.bins]
    assert rising == sorted(rising)
    assert found.overall.predicted == pytest.approx(predicted.mean())


def test_right_predictions_are_rejected_as_often_as_the_level_says(rng):
    predicted = rng.uniform(0.05, 0.4, 2_000)
    p_values = [calibration("mail", predicted, answers(predicted, rng)).p_value for _ in range(400)]
    # 400 draws of 5 %: 0.05 ± 4 standard errors
    assert np.mean(np.array(p_values) < 0.05) == pytest.approx(0.05, abs=0.044)


@pytest.mark.parametrize("factor", [0.7, 1.3])
def test_predictions_too_high_or_too_low_are_found(rng, factor):
    predicted = rng.uniform(0.05, 0.4, 5_000)
    found = calibration("mail", predicted, answers(predicted, rng, factor=factor))
    assert found.p_value < 1e-6
    assert found.overall.actual.interval.excludes(found.overall.predicted)


def test_a_rate_without_a_single_response_still_has_an_interval():
    found = calibration("mail", np.full(200, 0.01), np.zeros(200, dtype=bool))
    interval = found.overall.actual.interval
    assert interval.low == pytest.approx(0.0, abs=1e-15)
    # Wilson's upper end for 0 of n is z²/(n + z²)
    assert interval.high == pytest.approx(1.959964**2 / (200 + 1.959964**2))


def test_fewer_deliveries_than_bins_make_fewer_bins():
    found = calibration("mail", np.array([0.2, 0.1, 0.3]), np.array([True, False, True]))
    assert [each.predicted for each in found.bins] == [0.1, 0.2, 0.3]
