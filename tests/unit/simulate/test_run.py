import numpy as np
import pytest

from cvo.simulate import (
    add_up,
    at_random,
    do_nothing,
    except_for,
    load_scenario,
    make_world,
    programme_effect,
    run,
    totals,
)


@pytest.fixture(scope="module")
def world():
    return make_world(load_scenario("bank"), 500, seed=3)


def test_totals_add_up_the_same_by_customer_and_by_week(world):
    found = totals(world, at_random, weeks=10)
    assert found.margin.sum() == pytest.approx(found.weekly_margin.sum())
    assert found.cost.sum() == pytest.approx(found.weekly_cost.sum())
    assert found.value == pytest.approx(found.margin - found.cost)
    assert len(found.weekly_margin) == 10
    steps = [step for _, step in run(world, at_random, weeks=10)]
    assert np.array_equal(add_up(world, steps).margin, found.margin)
    assert add_up(world, []).weekly_margin.size == 0
    assert found.orders.sum() == sum(len(step.orders.customer) for step in steps)


def test_a_run_goes_on_from_any_state(world):
    whole = totals(world, at_random, weeks=10)
    *_, (state, _) = run(world, at_random, weeks=4)
    first, rest = totals(world, at_random, weeks=4), totals(world, at_random, weeks=6, state=state)
    assert whole.margin == pytest.approx(first.margin + rest.margin)


def test_the_control_group_is_left_in_peace(world):
    control = np.arange(500) % 5 == 0
    effect = programme_effect(world, except_for(control, at_random), weeks=20)
    alone = programme_effect(world, at_random, weeks=20)
    assert not effect.margin[control].any()
    assert not effect.cost[control].any()
    # Without stock customers do not touch each other: who is treated does not matter to the rest.
    assert np.array_equal(effect.margin[~control], alone.margin[~control])


def test_random_choices_are_even_over_what_the_channel_carries(world):
    counts, expected = np.zeros((2, len(world.scenario.actions) + 1))
    for _, step in run(world, at_random, weeks=20):
        met = step.touches
        options = world.catalogue.on_channel[:, met.channel].T
        share = 1 / (1 + options.sum(axis=1))
        expected[:-1] += (options * share[:, None]).sum(axis=0)
        expected[-1] += share.sum()
        chosen = np.bincount(step.contacts.action, minlength=len(counts))
        chosen[-1] = len(met.customer) - len(step.contacts.action)
        counts += chosen
    assert (np.abs(counts - expected) < 4 * np.sqrt(expected)).all()
    assert totals(world, do_nothing, weeks=2).cost.sum() == 0
