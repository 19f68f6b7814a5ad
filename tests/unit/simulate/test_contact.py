import msgspec
import numpy as np
import pytest

from cvo.core.errors import InvalidInput
from cvo.simulate import (
    NOTHING,
    Shown,
    advance,
    begin,
    chances,
    load_scenario,
    make_world,
    run,
    totals,
    touches,
)
from cvo.simulate.contact import adds_probability, bond_change, contact
from cvo.simulate.run import at_random

SCENARIO = load_scenario("retail")
NAMES = [action.name for action in SCENARIO.actions]
CHANNELS = [channel.name for channel in SCENARIO.channels]


@pytest.fixture(scope="module")
def world():
    return make_world(SCENARIO, 3_000, seed=4)


def later(world, steps):
    *_, (state, _) = run(world, at_random, steps / SCENARIO.steps_per_week)
    return state


def shown(world, action, channel="web"):
    everyone = np.arange(world.people.count)
    return Shown(
        everyone, np.full(len(everyone), CHANNELS.index(channel)), np.full(len(everyone), NAMES.index(action))
    )


def test_touches_are_of_customers_who_can_be_met(world):
    state = later(world, 20)
    met = touches(world, state)
    email = met.channel == CHANNELS.index("email")
    assert len(np.unique(met.customer)) == len(met.customer)
    assert (world.people.arrival[met.customer] <= state.step).all()
    assert state.known[met.customer[email]].all()
    assert not state.opted_out[met.customer[email]].any()
    assert state.alive[met.customer[~email]].all()
    assert met.known[email].all()
    assert (met.device[email] == -1).all()
    visits = ~email
    assert np.array_equal(met.known[visits], state.linked[met.customer[visits], met.device[visits]])
    assert met.known[visits].any()
    assert not met.known[visits].all()


def test_touches_end_before_the_orders_of_their_step(world):
    met = touches(world, begin(world))
    _, step = advance(world, begin(world), met, np.full(len(met.customer), NOTHING))
    assert met.at_days.max() < 0.5 * SCENARIO.step_days <= step.orders.at_days.min()
    assert step.orders.at_days.max() < SCENARIO.step_days


def test_acceptance_falls_with_used_patience_and_complaints_rise(world):
    state = begin(world)
    tired = msgspec.structs.replace(state, patience=np.full(world.people.count, 0.25))
    fresh, worn = (chances(world, each, shown(world, "newsletter", "email")) for each in (state, tired))
    assert worn.accept == pytest.approx(0.25 * fresh.accept)
    assert not fresh.complain.any()
    assert worn.complain == pytest.approx(np.full(len(worn.complain), 0.02 * 0.75**2))
    assert (fresh.click > fresh.accept).all()
    assert (worn.accept + worn.complain <= 1).all()


def test_who_is_about_to_buy_accepts_more(world):
    state = begin(world)
    buying = state.plan_value[:, 0] > 0
    accept = chances(world, state, shown(world, "running_club")).accept
    assert accept[buying].mean() > 2 * accept[~buying].mean()


def test_a_product_out_of_stock_is_not_accepted(world):
    state = begin(world)
    toys = [product.name for product in SCENARIO.products].index("toys")
    stock = state.stock.copy()
    stock[toys] = 0
    sold_out = msgspec.structs.replace(state, stock=stock)
    assert chances(world, state, shown(world, "toy_of_the_month")).accept.all()
    assert not chances(world, sold_out, shown(world, "toy_of_the_month")).accept.any()
    assert chances(world, sold_out, shown(world, "running_club")).accept.all()


def test_an_action_for_another_stage_appeals_less(world):
    state = begin(world)
    ordered = msgspec.structs.replace(
        state, first_order=np.zeros(world.people.count, int), last_order=np.zeros(world.people.count, int)
    )
    visitor, customer = (chances(world, each, shown(world, "welcome")).accept for each in (state, ordered))
    assert (visitor > customer).all()


def test_the_share_of_responses_is_that_of_their_chances(world):
    # Every customer at once, many times over: the frequencies are those of the probabilities.
    state = msgspec.structs.replace(later(world, 40), step=0)
    everyone = np.arange(world.people.count)
    met = msgspec.structs.replace(
        touches(world, state),
        customer=everyone,
        channel=np.full(len(everyone), CHANNELS.index("web")),
        at_days=np.zeros(len(everyone)),
    )
    row = shown(world, "voucher_20")
    chance = chances(world, state, row)
    counts = np.zeros(4)
    rounds = 40
    for replicate in range(rounds):
        found = contact(world.another_future(replicate), state, met, row.action)
        assert not (found.accepted & found.complained).any()
        assert not (found.accepted & ~found.clicked).any()
        counts += [column.sum() for column in (found.seen, found.clicked, found.accepted, found.complained)]
    seen = chance.seen
    for count, probability in zip(
        counts, (seen, seen * chance.click, seen * chance.accept, seen * chance.complain), strict=True
    ):
        sd = np.sqrt(rounds * (probability * (1 - probability)).sum())
        assert abs(count - rounds * probability.sum()) < 4 * sd


def test_what_an_action_adds_differs_by_customer_and_null_actions_add_nothing(world):
    everyone = np.arange(world.people.count)
    running = adds_probability(world, everyone, np.full(len(everyone), NAMES.index("running_club")))
    sport = world.people.hidden[:, SCENARIO.hidden.index("sport")]
    assert running[sport > 1].mean() > 3 * running[sport < -1].mean()
    assert not adds_probability(world, everyone, np.full(len(everyone), NAMES.index("newsletter"))).any()


def test_the_mean_bond_is_the_one_in_the_file(world):
    everyone = np.arange(world.people.count)
    kept = bond_change(
        world, world.catalogue.keeps, everyone, np.full(len(everyone), NAMES.index("repair_service"))
    )
    assert kept.mean() == pytest.approx(0.9, rel=0.05)
    assert kept.std() > 0.3


def test_contacts_cost_patience_money_and_sometimes_a_complaint(world):
    state = later(world, 30)
    met = touches(world, state)
    email = met.channel == CHANNELS.index("email")
    action = np.where(email, NAMES.index("newsletter"), NOTHING)
    after, step = advance(world, state, met, action)
    untouched, _ = advance(world, state, met, np.full(len(action), NOTHING))
    seen = step.contacts.customer[step.contacts.seen]
    unseen = step.contacts.customer[~step.contacts.seen]
    assert (after.patience[seen] < untouched.patience[seen]).all()
    assert np.array_equal(after.patience[unseen], untouched.patience[unseen])
    assert step.cost().sum() == pytest.approx(0.01 * email.sum() + 4 * step.contacts.complained.sum())
    assert after.opted_out[step.contacts.customer[step.contacts.complained]].all()


def test_wrong_actions_are_refused_by_name(world):
    state = begin(world)
    met = touches(world, state)
    nothing = np.full(len(met.customer), NOTHING)
    on_web = np.flatnonzero(met.channel == CHANNELS.index("web"))[0]
    wrong = nothing.copy()
    wrong[on_web] = NAMES.index("newsletter")
    with pytest.raises(InvalidInput, match="'newsletter' on 'web'; it goes to email"):
        advance(world, state, met, wrong)
    wrong[on_web] = len(NAMES)
    with pytest.raises(InvalidInput, match=f"actions are numbered 0 to {len(NAMES) - 1}"):
        advance(world, state, met, wrong)
    wrong[on_web] = -2
    with pytest.raises(InvalidInput, match="shows action -2"):
        advance(world, state, met, wrong)
    with pytest.raises(InvalidInput, match="one action each"):
        advance(world, state, met, nothing[:-1])


def test_a_scenario_without_actions_runs():
    quiet = make_world(msgspec.structs.replace(SCENARIO, actions=[]), 200, seed=1)
    assert totals(quiet, at_random, weeks=8).orders.sum() > 0
