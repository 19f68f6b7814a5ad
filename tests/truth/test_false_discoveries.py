"""Lists of many effects: of what is claimed, at most a tenth is false, whether a few things work or none."""

import numpy as np
import pytest

from cvo.core.evidence import Grade
from cvo.inference import clustered_mean, discoveries

EFFECTS, CUSTOMERS = 30, 400


@pytest.mark.parametrize("working", [0, 6, 20])
@pytest.mark.parametrize(
    "worlds", [pytest.param(60, id="short"), pytest.param(600, id="long", marks=pytest.mark.slow)]
)
def test_of_what_is_claimed_a_tenth_is_false(told, worlds, working):
    random = np.random.default_rng(24)
    false_shares, found_shares = [], []
    for _ in range(worlds):
        truth = np.zeros(EFFECTS)
        truth[:working] = random.normal(0.0, 0.3, working)
        who = np.repeat(np.arange(CUSTOMERS // 2), 2)
        shared = random.normal(size=CUSTOMERS // 2)[who]
        estimates = [
            clustered_mean(
                effect + shared + random.exponential(1.0, CUSTOMERS) - 1.0,
                clusters=who,
                unit="EUR",
                grade=Grade.MEASURED,
            )
            for effect in truth
        ]
        claimed = discoveries(estimates, rate=0.1)
        false_shares.append(claimed[working:].sum() / max(claimed.sum(), 1))
        found_shares.append(claimed[:working].mean() if working else 0.0)
    allowed = 0.1 + 2 * np.std(false_shares) / np.sqrt(worlds)
    told(
        f"false share of what is claimed, {working} of {EFFECTS} work", np.mean(false_shares), at_most=allowed
    )
    if working:
        told(f"share found of what works, {working} of {EFFECTS}", np.mean(found_shares), at_least=0.3)
