"""An order that an action merely brings forward is not caused value, however good it looks in a short window."""

import msgspec
import numpy as np
import pytest

from cvo.core.evidence import Grade
from cvo.inference import clustered_mean, difference
from cvo.lifetime import BgNbd
from cvo.simulate import (
    NOTHING,
    PULLED,
    Shown,
    Span,
    advance,
    effects,
    load_scenario,
    make_world,
    realised_effect,
    run,
    totals,
    touches,
)
from cvo.simulate.run import do_nothing

PER_CUSTOMER = {"unit": "EUR per customer", "grade": Grade.MEASURED}
SHORT_WEEKS, LONG_WEEKS = 1, 6


def hurrying_world(customers, seed):
    """Return a retail world whose one action, free and unobtrusive, brings orders forward and does nothing else."""
    retail = load_scenario("retail")
    action = msgspec.structs.replace(retail.actions[0], pulls=1.0, discount=0.0, appeal=2.0)
    everywhere = [channel.name for channel in retail.channels]
    action = msgspec.structs.replace(action, channels=everywhere)
    reaction = msgspec.structs.replace(retail.reaction, annoyance=0.0, complaint_rate=0.0)
    return make_world(msgspec.structs.replace(retail, actions=[action], reaction=reaction), customers, seed)


def in_full_swing(world):
    *_, (state, _) = run(world, do_nothing, weeks=44)
    return state, touches(world, state)


def test_for_every_single_customer_the_gain_is_gone_when_the_window_holds_the_planned_date():
    world = hurrying_world(5_000, seed=1)
    state, met = in_full_swing(world)
    everybody = np.zeros(len(met.customer), dtype=np.int64)
    short, long = (
        realised_effect(world, state, met, everybody, weeks=weeks) for weeks in (SHORT_WEEKS, LONG_WEEKS)
    )
    assert short.sum() > 500
    assert long == pytest.approx(0, abs=1e-9)
    shown = Shown(met.customer, met.channel, everybody)
    assert effects(world, state, shown, Span(SHORT_WEEKS)).in_window.sum() > 500
    assert effects(world, state, shown, Span(LONG_WEEKS)).in_window == pytest.approx(0, abs=1e-9)


def test_attribution_counts_it_and_the_randomised_difference_does_not():
    worlds, covered, seen_short, attributed = 20, 0, 0, []
    for seed in range(worlds):
        world = hurrying_world(3_000, seed=f"trial {seed}")
        state, met = in_full_swing(world)
        delivered = world.draws.uniform(world.people.count, "withheld")[met.customer] < 0.5
        after, step = advance(world, state, met, np.where(delivered, 0, NOTHING))
        pulled = step.orders.cause == PULLED
        attributed.append(step.orders.margin[pulled & (step.orders.action == 0)].sum())
        assert (step.orders.action[pulled] == 0).all()
        for weeks in (SHORT_WEEKS, LONG_WEEKS):
            margin = step.margin() + totals(world, do_nothing, weeks - 0.5, after).margin
            spend = margin[met.customer]
            arms = [clustered_mean(spend[arm], **PER_CUSTOMER) for arm in (delivered, ~delivered)]
            interval = difference(*arms).interval
            if weeks == LONG_WEEKS:
                covered += not interval.excludes(0.0)
            else:
                seen_short += interval.low > 0
    assert min(attributed) > 0
    assert seen_short >= 15
    assert covered >= 17


def test_a_lifetime_model_takes_whom_it_hurried_for_better_customers_and_is_no_measure_of_effect(told):
    """Frequency and recency rise with the early order, so every buy-till-you-die model expects more to come.

    In truth what comes later is what came before, less the order that was brought forward. That is why a change of
    CLV is *assumed* without an experiment, and never the difference of two predictions.
    """
    world = hurrying_world(4_000, seed="clv")
    state, met = in_full_swing(world)
    everybody = np.zeros(len(met.customer), dtype=np.int64)
    model = BgNbd(r=0.9, alpha=7.0, a=0.8, b=9.0)
    first = state.first_order >= 0
    expected, to_come = {}, {}
    for name, action in (("hurried", everybody), ("left alone", np.full(len(met.customer), NOTHING))):
        after, _ = advance(world, state, met, action)
        per_week = world.scenario.steps_per_week
        repeats = np.maximum(after.orders - 1, 0)[first]
        recency = (after.last_order - after.first_order)[first] / per_week
        age = (after.step - after.first_order)[first] / per_week
        expected[name] = model.expected_purchases(8.0, repeats, recency, age).sum()
        to_come[name] = totals(world, do_nothing, LONG_WEEKS, after).orders[first].sum()
    promised = expected["hurried"] - expected["left alone"]
    truth = to_come["hurried"] - to_come["left alone"]
    told("orders that a lifetime model promises of whom it hurried, the trap", promised, at_least=1)
    told("orders that then really come in addition", truth, at_most=-1)
