import numpy as np
import pytest

from cvo.core.errors import InvalidInput
from cvo.inference import (
    GuardRails,
    WeightDiagnostics,
    buyers_refusal,
    effective_sample_size,
    sample_ratio_p,
    sample_ratio_refusal,
)

SOUND = {
    "mean": 1.01,
    "largest": 9.0,
    "effective_sample_size": 5_000.0,
    "unlogged_rate": 0.002,
    "rewarded": 40,
}


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"unlogged_rate": 0.011}, "unlogged options"),
        ({"effective_sample_size": 999.9}, "effective sample size"),
        ({"mean": 1.11}, "mean weight"),
        ({"mean": 0.89}, "mean weight"),
        ({"rewarded": 9}, "too few rewards"),
        # Missing support can raise the effective sample size, so it is named first.
        ({"unlogged_rate": 0.5, "effective_sample_size": 10.0}, "unlogged options"),
    ],
)
def test_each_rail_refuses_with_its_own_reason(bad, reason):
    refusal = WeightDiagnostics(**{**SOUND, **bad}).refusal()
    assert refusal.reason == reason


def test_sound_weights_pass_and_thresholds_can_be_named():
    assert WeightDiagnostics(**SOUND).refusal() is None
    strict = GuardRails(min_effective_sample_size=6_000)
    assert WeightDiagnostics(**SOUND).refusal(strict).reason == "effective sample size"


def test_effective_sample_size_counts_customers():
    assert effective_sample_size(np.ones(6)) == 6
    codes = np.array([0, 0, 0, 1, 1, 1])
    assert effective_sample_size(np.ones(6), codes, 2) == pytest.approx(2)
    assert effective_sample_size([0.0, 0.0]) == 0
    assert effective_sample_size([]) == 0


def test_sample_ratio_of_a_published_mismatch():
    # Fabijan et al. 2019: 821,588 against 815,482 users of a planned 50/50 split, p = 1.8e-6.
    assert sample_ratio_p([821_588, 815_482], [0.5, 0.5]) == pytest.approx(1.8e-6, rel=0.02)
    refusal = sample_ratio_refusal({"treated": 821_588, "control": 815_482}, {"treated": 0.5, "control": 0.5})
    assert refusal.reason == "sample ratio"
    assert "818,535" in refusal.detail


def test_a_split_as_planned_passes():
    assert sample_ratio_refusal({"a": 5_030, "b": 4_970}, {"a": 1, "b": 1}) is None
    assert sample_ratio_p([0, 0], [0.5, 0.5]) == 1.0


def test_an_arm_that_never_came_counts_as_zero():
    assert sample_ratio_refusal({"a": 100}, {"a": 0.5, "b": 0.5}).reason == "sample ratio"


@pytest.mark.parametrize(
    ("counts", "shares"), [([1], [1.0]), ([1, 2], [1.0]), ([1, 2], [0.0, 1.0]), ([-1, 2], [0.5, 0.5])]
)
def test_an_impossible_split_is_refused(counts, shares):
    with pytest.raises(InvalidInput):
        sample_ratio_p(counts, shares)


def test_an_arm_nobody_planned_is_named():
    with pytest.raises(InvalidInput, match="canary"):
        sample_ratio_refusal({"a": 1, "canary": 1}, {"a": 0.5, "b": 0.5})


def test_too_few_buyers_names_the_arm():
    assert buyers_refusal({"control": 100, "treated": 900}) is None
    refusal = buyers_refusal({"control": 99, "treated": 900})
    assert refusal.reason == "too few buyers"
    assert "99 in control" in refusal.detail
    assert "treated" not in refusal.detail
