import numpy as np
import pytest

from cvo.core.errors import InvalidInput
from cvo.core.evidence import NotEstimable
from cvo.lifetime import Fit, ShiftedBetaGeometric

MODEL = ShiftedBetaGeometric(0.668, 3.806)


def test_survival_is_the_product_of_retentions():
    assert float(MODEL.survival(5)) == pytest.approx(np.prod(MODEL.retention(np.arange(1, 6))), rel=1e-12)
    assert float(MODEL.survival(0)) == 1.0


def test_expected_renewals_of_who_stayed():
    ahead = sum(float(MODEL.survival(3 + k) / MODEL.survival(3)) for k in (1, 2, 3, 4))
    assert float(MODEL.expected_purchases(4, 3, False)) == pytest.approx(ahead, rel=1e-12)
    assert float(MODEL.expected_purchases(4, 3, True)) == 0.0
    assert MODEL.probability_alive([3, 3], [True, False]).tolist() == [0.0, 1.0]


def test_parameters_come_back_within_their_intervals():
    rng = np.random.default_rng(0)
    seen = MODEL.simulate(rng.integers(1, 9, 40_000), rng)
    fit = ShiftedBetaGeometric.fit(seen.tenure, seen.churned)
    assert isinstance(fit, Fit)
    for truth, interval in zip(MODEL.values, fit.intervals(0.9999).values(), strict=True):
        assert interval.low <= truth <= interval.high


def test_simulated_contracts_last_as_stated():
    seen = MODEL.simulate(np.full(50_000, 6), np.random.default_rng(1))
    assert (~seen.churned).mean() == pytest.approx(float(MODEL.survival(6)), abs=0.01)


def test_nothing_ended():
    fit = ShiftedBetaGeometric.fit([1, 2, 3], [False, False, False])
    assert isinstance(fit, NotEstimable)
    assert fit.reason == "no_contract_ended"


def test_impossible_contracts():
    with pytest.raises(InvalidInput, match="at least 1"):
        ShiftedBetaGeometric.fit([0, 2], [True, False])
    with pytest.raises(InvalidInput, match="whole numbers"):
        MODEL.survival(1.5)
