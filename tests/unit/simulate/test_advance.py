import msgspec
import numpy as np
import pytest

from cvo.simulate import (
    NOTHING,
    advance,
    at_random,
    begin,
    do_nothing,
    load_scenario,
    make_world,
    run,
    touches,
)

SCENARIO = load_scenario("telecom")


@pytest.fixture(scope="module")
def world():
    return make_world(SCENARIO, 2_000, seed=9)


def test_fees_come_in_until_customers_leave(world):
    before = begin(world)
    gone = 0
    for state, step in run(world, at_random, weeks=20):
        arrived = world.people.arrival <= step.step
        returned = state.alive & ~before.alive
        paying = arrived & (before.alive | returned)
        paying[step.departed] = True
        assert np.array_equal(step.fees, world.people.fee * paying)
        assert not state.alive[step.departed].any()
        gone += len(step.departed)
        before = state
    assert gone > 20


def test_nobody_leaves_before_arriving(world):
    for _, step in run(world, do_nothing, weeks=30):
        assert (world.people.arrival[step.departed] <= step.step).all()


def test_devices_are_linked_by_logins_and_orders_once():
    world = make_world(load_scenario("retail"), 3_000, seed=9)
    seen = set()
    by_order = by_login = 0
    before = begin(world)
    for state, step in run(world, do_nothing, weeks=15):
        links = list(zip(step.links.customer.tolist(), step.links.device.tolist(), strict=True))
        assert not seen & set(links)
        assert len(set(links)) == len(links)
        seen |= set(links)
        assert state.linked.sum() == len(seen)
        assert state.known[step.links.customer].all()
        assert state.linked[step.orders.customer, 0].all()
        at_visit = np.isin(step.links.customer, step.touches.customer[step.touches.device >= 0])
        by_order += (~at_visit).sum()
        by_login += at_visit.sum()
        assert (state.known | ~before.known).all()
        before = state
    assert by_order > 50
    assert by_login > 50
    assert any(device == 1 for _, device in seen)


def test_a_device_is_linked_when_its_order_comes_first_of_two():
    world = make_world(load_scenario("retail"), 3_000, seed=9)
    for _, step in run(world, at_random, weeks=15):
        first = np.full(3_000, np.inf)
        np.minimum.at(first, step.orders.customer, step.orders.at_days)
        visited = np.isin(step.links.customer, step.touches.customer)
        assert (step.links.at_days[~visited] == first[step.links.customer[~visited]]).all()


def test_win_back_actions_bring_some_back(world):
    names = [action.name for action in SCENARIO.actions]
    everyone = np.arange(2_000)
    gone = msgspec.structs.replace(
        begin(world), alive=np.zeros(2_000, dtype=bool), known=np.ones(2_000, bool)
    )
    met = touches(world, gone)
    after, step = advance(world, gone, met, np.full(len(met.customer), names.index("come_back")))
    accepted = step.contacts.customer[step.contacts.accepted]
    assert len(accepted) > 30
    assert 0.2 < after.alive[accepted].mean() < 0.6
    assert not after.alive[np.setdiff1d(everyone, accepted)].any()


def test_a_contact_that_wakes_loosens_the_bond_and_acceptance_tightens_it(world):
    names = [action.name for action in SCENARIO.actions]
    state = begin(world)
    met = touches(world, state)
    app = met.channel == [channel.name for channel in SCENARIO.channels].index("app")
    after, step = advance(world, state, met, np.where(app, names.index("contract_renewal"), NOTHING))
    contacts = step.contacts
    assert (after.bond[contacts.customer[contacts.accepted]] > 0).mean() > 0.9
    assert (after.bond[contacts.customer[contacts.seen & ~contacts.accepted]] < 0).all()
    assert not after.bond[contacts.customer[~contacts.seen]].any()
