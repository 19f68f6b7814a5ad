"""The Hillstrom trial: policies that always do one thing are worth their arm's published mean.

Kevin Hillstrom, MineThatData E-Mail Analytics And Data Mining Challenge, 2008: 64,000 customers, three arms
at 1/3.
"""

from importlib.resources import files

import numpy as np
import polars as pl
import pytest

from cvo.core.evidence import Estimate
from cvo.inference import (
    cross_fitted_predictions,
    doubly_robust,
    folds_by_hash,
    logged_data,
    policy_difference,
    policy_value,
    ridge_per_action,
    sample_ratio_refusal,
    snips,
)

ARMS = {
    "Mens E-Mail": {"visit": 0.1828, "conversion": 0.01253, "spend": 1.4226},
    "Womens E-Mail": {"visit": 0.1514, "conversion": 0.00884, "spend": 1.0772},
    "No E-Mail": {"visit": 0.1062, "conversion": 0.00573, "spend": 0.6528},
}
PRECISION = {"visit": 5e-5, "conversion": 5e-6, "spend": 5e-5}


@pytest.fixture(scope="module")
def trial():
    frame = pl.read_parquet(files("cvo") / "app" / "demo" / "hillstrom.parquet")
    arm = frame["segment"].replace_strict(list(ARMS), range(3)).to_numpy().astype(np.int64)
    features = frame.select("recency", "history", "mens", "womens", "newbie").to_numpy().astype(float)
    return frame, arm, features


def test_the_arms_fell_as_planned(trial):
    frame, _, _ = trial
    counts = dict(frame["segment"].value_counts().iter_rows())
    assert counts == {"Mens E-Mail": 21_307, "Womens E-Mail": 21_387, "No E-Mail": 21_306}
    assert sample_ratio_refusal(counts, dict.fromkeys(ARMS, 1 / 3)) is None


@pytest.mark.parametrize("outcome", ["visit", "conversion", "spend"])
def test_constant_policies_are_worth_their_arms(trial, outcome):
    frame, arm, features = trial
    rewards = frame[outcome].to_numpy().astype(float)
    log = logged_data(arm, rewards, np.full(len(arm), 1 / 3), action_count=3)
    folds = folds_by_hash(np.arange(len(arm)), fold_count=5, seed="hillstrom")
    q = cross_fitted_predictions(ridge_per_action(3), features, arm, rewards, folds=folds)
    for number, published in enumerate(ARMS.values()):
        always = np.eye(3)[number]
        plain = policy_value(snips(log, always), unit=outcome)
        robust = policy_value(doubly_robust(log, always, q), unit=outcome)
        assert isinstance(plain, Estimate)
        assert isinstance(robust, Estimate)
        assert abs(plain.value - rewards[arm == number].mean()) < 1e-9
        assert plain.value == pytest.approx(published[outcome], abs=PRECISION[outcome])
        assert abs(robust.value - plain.value) < 0.1 * plain.standard_error
        assert robust.standard_error < 1.01 * plain.standard_error


def test_both_mails_cause_visits(trial):
    frame, arm, _ = trial
    log = logged_data(arm, frame["visit"].to_numpy().astype(float), np.full(len(arm), 1 / 3), action_count=3)
    nobody = snips(log, [0.0, 0.0, 1.0])
    for number, lift in ((0, 0.1828 - 0.1062), (1, 0.1514 - 0.1062)):
        caused = policy_difference(snips(log, np.eye(3)[number]), nobody, unit="visits")
        assert caused.value == pytest.approx(lift, abs=1e-4)
        assert caused.interval.low > 0
