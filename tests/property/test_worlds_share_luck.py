"""What makes a counterfactual a counterfactual: worlds that differ in one thing agree in every other."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvo.simulate import (
    NOTHING,
    PULLED,
    advance,
    at_random,
    begin,
    do_nothing,
    load_scenario,
    make_world,
    observe,
    run,
    scenario_names,
    totals,
    touches,
)

names = st.sampled_from(scenario_names())
seeds = st.integers(0, 10_000)


def unlimited(name):
    """Return a scenario without stock, in which no customer can touch another."""
    scenario = load_scenario(name)
    products = [msgspec.structs.replace(product, stock_per_1000=None) for product in scenario.products]
    return msgspec.structs.replace(scenario, products=products)


def bits(value):
    """Return every array in a nested struct as bytes."""
    if isinstance(value, msgspec.Struct):
        return {field: bits(entry) for field, entry in msgspec.structs.asdict(value).items()}
    if isinstance(value, dict):
        return {key: bits(entry) for key, entry in value.items()}
    return value.tobytes() if isinstance(value, np.ndarray) else value


@settings(max_examples=12, deadline=None)
@given(names, seeds)
def test_the_same_seed_makes_the_same_world_to_the_bit(name, seed):
    def history():
        world = make_world(load_scenario(name), 60, seed)
        return [
            (bits(state), bits(step), bits(observe(world, step)))
            for state, step in run(world, at_random, weeks=5)
        ]

    assert history() == history()


@settings(max_examples=12, deadline=None)
@given(names, seeds, st.integers(1, 80))
def test_customers_do_not_change_when_others_join(name, seed, others):
    few, many = (make_world(unlimited(name), count, seed) for count in (40, 40 + others))
    here, there = (totals(world, at_random, weeks=8) for world in (few, many))
    assert np.array_equal(here.margin, there.margin[:40])
    assert np.array_equal(here.orders, there.orders[:40])


@settings(max_examples=12, deadline=None)
@given(names, seeds, st.data())
def test_what_is_done_for_one_customer_changes_nobody_else(name, seed, data):
    world = make_world(unlimited(name), 50, seed)
    chosen = data.draw(st.integers(0, 49))

    def one_only(world, state, met):
        return np.where(met.customer == chosen, at_random(world, state, met), NOTHING)

    alone, quiet = (totals(world, choose, weeks=10) for choose in (one_only, do_nothing))
    assert np.array_equal(np.delete(alone.margin, chosen), np.delete(quiet.margin, chosen))


@settings(max_examples=12, deadline=None)
@given(names, seeds)
def test_a_step_leaves_the_state_before_it_as_it_was(name, seed):
    world = make_world(load_scenario(name), 50, seed)
    state = begin(world)
    for _ in range(6):
        before = bits(state)
        met = touches(world, state)
        after, _ = advance(world, state, met, at_random(world, state, met))
        assert bits(state) == before
        state = after


@settings(max_examples=20, deadline=None)
@given(seeds, st.floats(0, 1))
def test_bringing_orders_forward_neither_makes_nor_loses_one(seed, pulls):
    scenario = unlimited("retail")
    action = msgspec.structs.replace(scenario.actions[0], pulls=pulls, discount=0.0, appeal=1.0)
    reaction = msgspec.structs.replace(scenario.reaction, annoyance=0.0, complaint_rate=0.0)
    scenario = msgspec.structs.replace(scenario, actions=[action], reaction=reaction)
    world = make_world(scenario, 80, seed)

    *_, (state, _) = run(world, at_random, weeks=6)
    *_, (untouched, _) = run(world, do_nothing, weeks=6)
    acted, quiet = (totals(world, choose, weeks=6) for choose in (at_random, do_nothing))
    # What came early stands in the orders of one run and in the plan of the other.
    open_orders = [(each.plan_value > 0).sum(axis=1) for each in (state, untouched)]
    assert np.array_equal(acted.orders + open_orders[0], quiet.orders + open_orders[1])
    later = [totals(world, do_nothing, weeks=4, state=each) for each in (state, untouched)]
    assert acted.margin + later[0].margin == pytest.approx(quiet.margin + later[1].margin)


def test_some_orders_are_brought_forward_in_every_scenario_that_says_so():
    for name in scenario_names():
        world = make_world(load_scenario(name), 2_000, seed=1)
        pulled = sum((step.orders.cause == PULLED).sum() for _, step in run(world, at_random, weeks=26))
        assert pulled > 0, name
