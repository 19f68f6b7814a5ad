import numpy as np
import pytest

from cvo.core.errors import InvalidInput
from cvo.core.evidence import Interval, NotEstimable
from cvo.core.ids import PersonId
from cvo.decisions.rollout import Rollout, RolloutPlan, Verdict, difference, gets_candidate, observe, share

PLAN = RolloutPlan(delta=0.5, outcome_sd=1.0)


def day(rollout, change, seed=1, customers=5_000, level=0.0):
    random = np.random.default_rng(seed)
    coin = random.random(customers) < share(PLAN, rollout)
    return coin, level + random.normal(size=customers) + change * coin


def test_any_split_into_batches_gives_the_same_sums():
    coin, outcomes = day(Rollout(), 0.0)
    plan = RolloutPlan(delta=1e-6, outcome_sd=1.0)
    whole = observe(plan, Rollout(), coin, outcomes, 0.1)
    parts = Rollout()
    for start in range(0, 5_000, 700):
        parts = observe(plan, parts, coin[start : start + 700], outcomes[start : start + 700], 0.1)
    assert whole.scored == parts.scored
    for name in ("signal", "information", "squares", "products", "information_squares"):
        assert getattr(parts, name) == pytest.approx(getattr(whole, name))


def test_the_estimate_is_the_action_centred_difference():
    coin, outcomes = day(Rollout(), 2.0, customers=40_000, level=7.0)
    plan = RolloutPlan(delta=1e-6, outcome_sd=1.0)
    interval = difference(plan, observe(plan, Rollout(), coin, outcomes, 7.0))
    centred = (outcomes - 7.0) @ (coin - 0.01) / (40_000 * 0.01 * 0.99)
    assert (interval.low + interval.high) / 2 == pytest.approx(centred)
    assert not interval.excludes(2.0)


def test_nothing_is_judged_before_the_first_look():
    coin, outcomes = day(Rollout(), -50.0)
    seen = observe(PLAN, Rollout(), coin, outcomes)
    assert seen.candidates < PLAN.first_look
    assert seen.verdict is Verdict.RUNNING
    assert isinstance(difference(PLAN, seen), NotEstimable)


def test_a_good_policy_goes_through_all_steps_and_is_promoted():
    rollout, shares = Rollout(), []
    for number in range(100):
        if rollout.verdict is not Verdict.RUNNING:
            break
        shares.append(share(PLAN, rollout))
        rollout = observe(PLAN, rollout, *day(rollout, 0.5, seed=number))
    assert rollout.verdict is Verdict.PROMOTED
    assert sorted(set(shares)) == [0.01, 0.05, 0.25]
    assert share(PLAN, rollout) == 1.0
    assert difference(PLAN, rollout).low > -PLAN.delta


def test_a_bad_policy_is_stopped_and_nobody_gets_it_any_more():
    rollout = Rollout()
    for number in range(100):
        if rollout.verdict is Verdict.RUNNING:
            rollout = observe(PLAN, rollout, *day(rollout, -1.0, seed=number))
    assert rollout.verdict is Verdict.STOPPED
    assert "brings less" in rollout.reason
    assert share(PLAN, rollout) == 0.0
    assert not gets_candidate(PLAN, rollout, "seed", "new", PersonId(b"x" * 16))
    with pytest.raises(InvalidInput, match="start another"):
        observe(PLAN, rollout, [True], [1.0])


def test_arms_that_did_not_fall_as_planned_stop_it():
    rollout = Rollout()
    random = np.random.default_rng(3)
    coin = random.random(20_000) < 0.02
    rollout = observe(PLAN, rollout, coin, random.normal(size=20_000))
    assert rollout.verdict is Verdict.STOPPED
    assert "assigned unevenly" in rollout.reason


def test_a_step_has_coins_of_its_own_and_each_is_as_likely_as_its_share():
    people = [PersonId(number.to_bytes(16, "big")) for number in range(20_000)]
    second, third = Rollout(step=1), Rollout(step=2)
    coins = {
        rollout.step: np.array([gets_candidate(PLAN, rollout, "seed", "new", person) for person in people])
        for rollout in (second, third)
    }
    assert coins[1].mean() == pytest.approx(0.05, abs=0.006)
    assert coins[2].mean() == pytest.approx(0.25, abs=0.012)
    assert coins[2][coins[1]].mean() == pytest.approx(0.25, abs=0.05)


def test_the_plan_is_narrowest_when_delta_can_just_be_told():
    sequence = PLAN.sequence
    needed = (3.03 * PLAN.outcome_sd / PLAN.delta) ** 2
    assert float(sequence.radius(np.float64(needed), np.float64(needed))) == pytest.approx(
        PLAN.delta, rel=0.03
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"delta": 0.0},
        {"outcome_sd": -1.0},
        {"steps": (0.5, 0.1, 1.0)},
        {"steps": (0.1, 0.5)},
        {"steps": (0.0, 1.0)},
    ],
)
def test_what_is_no_plan(wrong):
    with pytest.raises(InvalidInput):
        RolloutPlan(**{"delta": 1.0, "outcome_sd": 1.0, **wrong})


@pytest.mark.parametrize(("coins", "outcomes"), [([True], [1.0, 2.0]), ([True], [float("nan")])])
def test_what_can_not_be_scored(coins, outcomes):
    with pytest.raises(InvalidInput, match="one finite outcome"):
        observe(PLAN, Rollout(), coins, outcomes)


def test_an_interval_keeps_its_level():
    coin, outcomes = day(Rollout(step=2), 0.0)
    found = difference(PLAN, observe(PLAN, Rollout(step=2), coin, outcomes))
    assert isinstance(found, Interval)
    assert found.level == 0.95
