"""One step of a world: contacts, then orders, then departures, then plans."""

import msgspec
import numpy as np

from cvo.simulate.contact import Contacts, Touches, adds_probability, bond_change, contact, patience_after
from cvo.simulate.draws import Floats, Ints
from cvo.simulate.orders import (
    Lines,
    Orders,
    added_lines,
    basket_value,
    next_planned,
    no_pending,
    nothing_accepted,
    place,
    plan,
    planned_lines,
    pulled_lines,
)
from cvo.simulate.world import Pending, State, World, departure_probability, recovered


class Links(msgspec.Struct, frozen=True, eq=False):
    """Devices that became known to belong to a customer, by logging in or ordering, one per row."""

    customer: Ints
    device: Ints
    at_days: Floats


class Step(msgspec.Struct, frozen=True, eq=False):
    """All that happened in one step; `fees` (n,) is contract margin, `departed` are customers who left."""

    step: int
    touches: Touches
    contacts: Contacts
    orders: Orders
    links: Links
    departed: Ints
    fees: Floats

    def margin(self) -> Floats:
        """Return the margin of the step after refunds and before the cost of contacts, (n,)."""
        return self.fees + self.orders.net_margin(len(self.fees))

    def cost(self) -> Floats:
        """Return what contacts and their consequences cost, (n,)."""
        return np.bincount(self.contacts.customer, self.contacts.cost, len(self.fees)).astype(np.float64)


def begin(world: World) -> State:
    """Return the state of a world at step 0: plans are made, nothing has happened yet."""
    people, scenario = world.people, world.scenario
    count = people.count
    slots = [plan(world, step, people.arrival <= step) for step in range(scenario.planning_steps)]
    never = np.full(count, -1, dtype=np.int64)
    return State(
        step=0,
        alive=np.ones(count, dtype=np.bool_),
        patience=np.ones(count),
        bond=np.zeros(count),
        plan_value=np.stack([slot.value for slot in slots], axis=1),
        plan_product=np.stack([slot.product for slot in slots], axis=1),
        plan_refunded=np.stack([slot.refunded for slot in slots], axis=1),
        pending=no_pending(),
        known=people.known_before,
        linked=np.zeros((count, 2), dtype=np.bool_),
        opted_out=np.zeros(count, dtype=np.bool_),
        orders=np.zeros(count, dtype=np.int64),
        first_order=never,
        last_order=never,
        stock=_full_stock(world),
    )


def advance(world: World, state: State, met: Touches, action: Ints) -> tuple[State, Step]:
    """Let one step pass in which `action` (one for each of `touches(world, state)`, −1 for nothing) is shown.

    Raises `InvalidInput` for actions that do not exist or do not go to the touch's channel.
    """
    contacts = contact(world, state, met, action)
    state, lines = _accepted(world, _affected(world, state, contacts), contacts)
    added, pending = added_lines(world, state.pending, state.step)
    orders = place(world, state.step, [*lines, added])
    links = _links(world, state, met, orders)
    arrived = world.people.arrival <= state.step
    fees = world.people.fee * (arrived & state.alive)
    state = _remembered(world, msgspec.structs.replace(state, pending=pending), orders, links)
    state, departed = _departures(world, state)
    happened = Step(state.step, met, contacts, orders, links, departed, fees)
    return _next_plans(world, state), happened


def _affected(world: World, state: State, contacts: Contacts) -> State:
    """Return the state after contacts: patience used, bonds moved, complaints heard, some back again."""
    customer, action = contacts.customer, contacts.action
    seen = contacts.seen
    patience, bond = state.patience.copy(), state.bond.copy()
    alive, opted_out = state.alive.copy(), state.opted_out.copy()
    patience[customer[seen]] = patience_after(world, state, customer, contacts.channel)[seen]
    bond[customer] += (
        contacts.accepted * bond_change(world, world.catalogue.keeps, customer, action)
        - seen * bond_change(world, world.catalogue.wakes, customer, action)
        - contacts.complained * world.scenario.reaction.complaint_harm
    )
    opted_out[customer[contacts.complained]] = True
    luck = world.draws.uniform(world.people.count, "return", state.step)[customer]
    alive[customer[contacts.accepted & (luck < world.catalogue.revives[action])]] = True
    return msgspec.structs.replace(state, patience=patience, bond=bond, alive=alive, opted_out=opted_out)


def _accepted(world: World, state: State, contacts: Contacts) -> tuple[State, list[Lines]]:
    """Let accepted actions add an order, else apply to the one planned for now, else bring one forward."""
    count, draws, step = world.people.count, world.draws, state.step
    customer, action = contacts.customer[contacts.accepted], contacts.action[contacts.accepted]
    discount = world.catalogue.discount[action]
    luck = draws.uniform(count, "adds", step)[customer]
    adds = state.alive[customer] & (luck < adds_probability(world, customer, action))
    sure = ~adds & (state.plan_value[customer, 0] > 0)
    has_later, ahead = next_planned(state, customer)
    wants = draws.uniform(count, "pulls", step)[customer] < world.catalogue.pulls[action]
    pulls = ~adds & ~sure & has_later & wants
    used_discount, used_action = nothing_accepted(count)
    used_discount[customer[sure]], used_action[customer[sure]] = discount[sure], action[sure]
    lines = [
        planned_lines(state, used_discount, used_action),
        pulled_lines(state, customer[pulls], ahead[pulls], discount[pulls], action[pulls]),
    ]
    plan_value = state.plan_value.copy()
    plan_value[customer[pulls], ahead[pulls]] = 0
    pending = _add_pending(world, state, customer[adds], action[adds])
    return msgspec.structs.replace(state, plan_value=plan_value, pending=pending), lines


def _add_pending(world: World, state: State, customer: Ints, action: Ints) -> Pending:
    count, draws, step = world.people.count, world.draws, state.step
    product = world.catalogue.product[action]
    delay = np.cumsum(world.scenario.reaction.delay)
    wait = np.minimum(
        np.searchsorted(delay, draws.uniform(count, "delay", step)[customer], side="right"), len(delay) - 1
    )
    refund_rate = np.array([entry.refund_rate for entry in world.scenario.products])
    refunded = draws.uniform(count, "added refund", step)[customer] < refund_rate[product]
    value = basket_value(world, customer, product, "added basket", step)
    before = state.pending
    return Pending(
        due=np.concatenate([before.due, step + wait]),
        customer=np.concatenate([before.customer, customer]),
        action=np.concatenate([before.action, action]),
        value=np.concatenate([before.value, value]),
        refunded=np.concatenate([before.refunded, refunded]),
    )


def _links(world: World, state: State, met: Touches, orders: Orders) -> Links:
    """Return the devices recognised: at a visit by logging in, and with an order the first device."""
    draws, count = world.draws, world.people.count
    logs_in = draws.uniform(count, "login", state.step)[met.customer] < world.scenario.population.login_rate
    fresh = (met.device >= 0) & ~met.known & logs_in
    at_visit = met.customer[fresh]
    not_yet = ~state.linked[:, 0]
    not_yet[at_visit[met.device[fresh] == 0]] = False
    at_order, row = np.unique(orders.customer, return_index=True)
    first_time = not_yet[at_order]
    return Links(
        customer=np.concatenate([at_visit, at_order[first_time]]),
        device=np.concatenate([met.device[fresh], np.zeros(first_time.sum(), dtype=np.int64)]),
        at_days=np.concatenate([met.at_days[fresh], orders.at_days[row[first_time]]]),
    )


def _remembered(world: World, state: State, orders: Orders, links: Links) -> State:
    """Return the state with orders counted, devices linked and products taken from stock."""
    linked, known = state.linked.copy(), state.known.copy()
    linked[links.customer, links.device] = True
    known[links.customer] = True
    first, last = state.first_order.copy(), state.last_order.copy()
    last[orders.customer] = state.step
    first[orders.customer] = np.where(first[orders.customer] < 0, state.step, first[orders.customer])
    products = len(world.scenario.products)
    return msgspec.structs.replace(
        state,
        linked=linked,
        known=known,
        orders=state.orders + np.bincount(orders.customer, minlength=world.people.count),
        first_order=first,
        last_order=last,
        stock=_restocked(world, state.step, state.stock - np.bincount(orders.product, minlength=products)),
    )


def _departures(world: World, state: State) -> tuple[State, Ints]:
    everybody = np.arange(world.people.count)
    leaves = world.draws.uniform(world.people.count, "leave", state.step) < departure_probability(
        world, everybody, state.patience, state.bond
    )
    departed = np.flatnonzero(leaves & state.alive & (world.people.arrival <= state.step))
    alive = state.alive.copy()
    alive[departed] = False
    return msgspec.structs.replace(state, alive=alive), departed


def _next_plans(world: World, state: State) -> State:
    """Return the state at the start of the next step, with one more step planned."""
    beyond = state.step + world.scenario.planning_steps
    slot = plan(world, beyond, state.alive & (world.people.arrival <= beyond))
    patience, bond = recovered(world, state.patience, state.bond)
    return msgspec.structs.replace(
        state,
        step=state.step + 1,
        patience=patience,
        bond=bond,
        plan_value=np.column_stack([state.plan_value[:, 1:], slot.value]),
        plan_product=np.column_stack([state.plan_product[:, 1:], slot.product]),
        plan_refunded=np.column_stack([state.plan_refunded[:, 1:], slot.refunded]),
    )


def _full_stock(world: World) -> Floats:
    thousands = world.people.count / 1000
    return np.array(
        [
            np.inf if product.stock_per_1000 is None else np.ceil(product.stock_per_1000 * thousands)
            for product in world.scenario.products
        ]
    )


def _restocked(world: World, step: int, stock: Floats) -> Floats:
    per_week = world.scenario.steps_per_week
    every = np.array([max(1, round(entry.restock_weeks * per_week)) for entry in world.scenario.products])
    return np.where((step + 1) % every == 0, _full_stock(world), stock)
