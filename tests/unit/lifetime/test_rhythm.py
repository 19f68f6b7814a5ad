import numpy as np
import pytest

from cvo.lifetime import MbgNbd, ParetoNbd, overdue, typical_gap

MODEL = ParetoNbd(0.553, 10.578, 0.606, 11.669)


def test_half_the_customers_of_a_rhythm_buy_within_the_typical_gap():
    gap = typical_gap(MODEL, [0, 5, 40], [0.0, 20.0, 39.0])
    late = overdue(MODEL, [0, 5, 40], [0.0, 20.0, 39.0], np.array([0.0, 20.0, 39.0]) + gap)
    assert late == pytest.approx([0.5, 0.5, 0.5])


def test_the_same_silence_is_overdue_for_a_frequent_buyer_only():
    frequent, rare = overdue(MODEL, [40, 2], [35.0, 35.0], [39.0, 39.0])
    assert frequent > 0.9
    assert rare < 0.5


def test_a_purchase_today_is_not_overdue():
    assert overdue(MbgNbd(0.5, 6.0, 0.9, 1.6), 7, 30.0, 30.0) == 0.0


def test_share_of_simulated_gaps():
    rng = np.random.default_rng(0)
    rate = rng.gamma(0.553 + 3, 1.0, 100_000) / (10.578 + 12.0)
    gaps = rng.exponential(1 / rate)
    assert (gaps <= 4.0).mean() == pytest.approx(float(overdue(MODEL, 3, 12.0, 16.0)), abs=0.006)
