import msgspec
import numpy as np
import pytest

from cvo.simulate import (
    ADDED,
    NOTHING,
    PLANNED,
    PULLED,
    advance,
    at_random,
    begin,
    do_nothing,
    load_scenario,
    make_world,
    run,
    totals,
    touches,
)
from cvo.simulate.orders import basket_value, mean_value, plan
from cvo.simulate.world import order_probability

SCENARIO = load_scenario("retail")


def test_plans_hold_the_expected_number_of_orders_products_and_refunds():
    world = make_world(SCENARIO, 30_000, seed=8)
    everyone = np.ones(world.people.count, dtype=bool)
    slot = plan(world, 96, everyone)
    wanted = order_probability(world, 96, world.people.order_rate)
    buys = slot.value > 0
    sd = np.sqrt((wanted * (1 - wanted)).sum())
    assert abs(buys.sum() - wanted.sum()) < 4 * sd
    share = (wanted[:, None] * world.people.product_share).sum(axis=0) / wanted.sum()
    found = np.bincount(slot.product[buys], minlength=len(share)) / buys.sum()
    assert found == pytest.approx(share, abs=4 * np.sqrt(0.25 / buys.sum()))
    fashion = buys & (slot.product == [p.name for p in SCENARIO.products].index("fashion"))
    assert slot.refunded[fashion].mean() == pytest.approx(0.30, abs=4 * np.sqrt(0.21 / fashion.sum()))
    assert not slot.refunded[~buys].any()


def test_nobody_who_left_plans():
    world = make_world(SCENARIO, 500, seed=8)
    assert not plan(world, 5, np.zeros(500, dtype=bool)).value.any()


def test_the_mean_value_of_a_basket_is_as_stated():
    world = make_world(SCENARIO, 50_000, seed=8)
    everyone, product = np.arange(50_000), np.zeros(50_000, dtype=np.int64)
    value = basket_value(world, everyone, product, "test")
    assert (value / mean_value(world, everyone, product)).mean() == pytest.approx(1, abs=0.01)
    assert np.array_equal(value, np.round(value, 2))


def only(**changes):
    """Return a retail world with one action that everyone who sees it accepts."""
    base = next(action for action in SCENARIO.actions if action.name == "voucher_20")
    everywhere = [channel.name for channel in SCENARIO.channels]
    action = msgspec.structs.replace(
        base, appeal=50.0, appeal_by={}, discount=0.0, channels=everywhere, **changes
    )
    return make_world(msgspec.structs.replace(SCENARIO, actions=[action]), 2_000, seed=6)


def one_step(world):
    state = begin(world)
    met = touches(world, state)
    after, step = advance(world, state, met, np.zeros(len(met.customer), dtype=np.int64))
    return state, after, step


def test_an_accepted_action_is_used_on_the_order_planned_for_now_before_a_later_one():
    state, after, step = one_step(only(pulls=1.0))
    accepted = step.contacts.customer[step.contacts.accepted]
    buying = accepted[state.plan_value[accepted, 0] > 0]
    waiting = accepted[
        (state.plan_value[accepted, 0] == 0) & (state.plan_value[accepted, 1:] > 0).any(axis=1)
    ]
    orders = step.orders
    assert len(buying)
    assert len(waiting)
    assert set(orders.customer[(orders.cause == PLANNED) & (orders.action == 0)]) == set(buying)
    assert set(orders.customer[orders.cause == PULLED]) == set(waiting)
    # The order that came early is gone from the plan, the nearest one first.
    ahead = 1 + np.argmax(state.plan_value[waiting, 1:] > 0, axis=1)
    assert not after.plan_value[waiting, ahead - 1].any()
    assert np.array_equal(
        np.sort(orders.value[orders.cause == PULLED]), np.sort(state.plan_value[waiting, ahead])
    )


def test_added_orders_come_late_as_told_and_of_the_action_s_product():
    world = only(adds=0.999999, product="running")
    _, after, step = one_step(world)
    added_now = (step.orders.cause == ADDED).sum()
    assert added_now / step.contacts.accepted.sum() == pytest.approx(0.55, abs=0.06)
    assert added_now + len(after.pending.due) == step.contacts.accepted.sum()
    assert set(after.pending.due) == {1, 2, 3}
    running = [product.name for product in SCENARIO.products].index("running")
    assert set(step.orders.product[step.orders.cause == ADDED]) == {running}
    arrived = sum(
        (later.orders.cause == ADDED).sum() for _, later in run(world, do_nothing, weeks=2, state=after)
    )
    assert arrived == len(after.pending.due)


def test_revenue_and_margin_follow_from_value_and_discount():
    world = make_world(SCENARIO, 2_000, seed=6)
    rates = np.array([product.margin_rate for product in SCENARIO.products])
    for _, step in run(world, at_random, weeks=6):
        orders = step.orders
        assert np.array_equal(orders.revenue, np.round(orders.value * (1 - orders.discount), 2))
        assert orders.margin == pytest.approx(orders.value * (rates[orders.product] - orders.discount))
        assert not orders.discount[orders.action == NOTHING].any()
        kept = orders.net_margin(world.people.count).sum()
        assert kept == pytest.approx(orders.margin[~orders.refunded].sum())


def test_stock_falls_with_orders_and_is_filled_up():
    world = make_world(SCENARIO, 2_000, seed=6)
    toys = [product.name for product in SCENARIO.products].index("toys")
    before, full, fills = begin(world), begin(world).stock[toys], 0
    assert full == 90
    for state, step in run(world, do_nothing, weeks=12):
        sold = (step.orders.product == toys).sum()
        restocked = state.step % 8 == 0
        assert state.stock[toys] == (full if restocked else before.stock[toys] - sold)
        fills += restocked
        before = state
    assert fills == 3


def test_orders_in_expectation_are_what_rates_and_departures_make_of_them():
    world = make_world(SCENARIO, 4_000, seed=6)
    people = world.people
    steps = 52
    staying = np.ones(4_000)
    expected = np.zeros(4_000)
    for step in range(steps + SCENARIO.planning_steps):
        # Plans reach the planning time ahead, so whoever leaves still makes the orders of that time.
        planned_at = max(0, step - SCENARIO.planning_steps)
        present = people.arrival <= step
        gone_since = np.maximum(planned_at - people.arrival, 0) if step >= SCENARIO.planning_steps else 0
        staying = np.exp(-people.departure_rate * gone_since)
        if step < steps:
            expected += present * staying * order_probability(world, step, people.order_rate)
    found = totals(world, do_nothing, weeks=steps / SCENARIO.steps_per_week).orders
    assert abs(found.sum() - expected.sum()) < 4 * np.sqrt(found.var() * 4_000)
    assert found.sum() == pytest.approx(expected.sum(), rel=0.03)
