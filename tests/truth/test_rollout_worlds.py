"""Rollouts in worlds whose truth is known: what is worse is stopped, what is not is let through."""

import numpy as np
import pytest

from cvo.decisions.rollout import Rollout, RolloutPlan, Verdict, observe, share

BUYS, BASKET, DAILY, MOST_DAYS = 0.2, 20.0, 2_000, 400


def spend(random, chance):
    """One customer in five buys, for a skewed amount."""
    baskets = random.lognormal(np.log(BASKET) - 0.32, 0.8, len(chance))
    return (random.random(len(chance)) < chance) * baskets


def rolled_out(seed, difference_in_deltas):
    """Return how a rollout ends whose policy brings so many times the planned delta more a window."""
    random = np.random.default_rng(seed)
    # From before, and a tenth off: a plan is never quite right.
    sd = 1.1 * spend(random, np.full(20_000, BUYS)).std()
    plan = RolloutPlan(delta=0.1 * sd, outcome_sd=sd)
    change = difference_in_deltas * plan.delta / BASKET
    rollout, days = Rollout(), 0
    while rollout.verdict is Verdict.RUNNING and days < MOST_DAYS:
        coin = random.random(DAILY) < share(plan, rollout)
        outcomes = spend(random, np.where(coin, BUYS + change, BUYS))
        rollout, days = observe(plan, rollout, coin, outcomes, BUYS * BASKET), days + 1
    return rollout.verdict, days


@pytest.mark.parametrize(
    ("difference", "verdict", "worlds", "bounds"),
    [
        pytest.param(-1.0, Verdict.STOPPED, 200, {"at_least": 190}, id="worse by delta is stopped"),
        pytest.param(0.0, Verdict.STOPPED, 400, {"at_most": 35}, id="no worse is hardly ever stopped"),
        pytest.param(0.0, Verdict.PROMOTED, 400, {"at_least": 365}, id="no worse is promoted"),
        pytest.param(1.0, Verdict.PROMOTED, 100, {"at_least": 99}, id="better is promoted"),
    ],
)
def test_rollouts_end_as_they_should(told, difference, verdict, worlds, bounds):
    ends = [rolled_out(seed, difference) for seed in range(worlds)]
    count = sum(end is verdict for end, _ in ends)
    name = {-1.0: "worse by the planned delta", 0.0: "equally good", 1.0: "better"}[difference]
    told(f"rollouts of a policy {name} that were {verdict}", count, of=worlds, **bounds)


def test_much_worse_is_stopped_while_few_have_seen_it():
    stopped = [rolled_out(seed, -8.0) for seed in range(20)]
    assert all(verdict is Verdict.STOPPED for verdict, _ in stopped)
    assert np.median([days for _, days in stopped]) <= 8
