"""An order that an action merely brings forward is not caused value, however good it looks in a short window."""

import msgspec
import numpy as np
import pytest

from cvo.core.evidence import Grade
from cvo.inference import clustered_mean, difference
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
