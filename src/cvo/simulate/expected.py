"""The exact expected effect of an action on each customer.

With nothing done afterwards, patience and bond follow a fixed path, staying is a product of known
probabilities and plans are already made; so the expectation over everything yet to be drawn is a finite sum.
Only stock could couple customers, and it is taken as it stands.
"""

import msgspec
import numpy as np

from cvo.simulate.contact import (
    Shown,
    adds_probability,
    bond_change,
    chances,
    check_shown,
    patience_after,
)
from cvo.simulate.draws import Floats, Ints
from cvo.simulate.orders import margin_rates, mean_value, next_planned
from cvo.simulate.world import State, World, departure_probability, order_probability, recovered


class Span(msgspec.Struct, frozen=True):
    """An outcome window and a horizon, in weeks from the start of the step in which the action is done."""

    window_weeks: float = 4.0
    horizon_weeks: float = 104.0


FOUR_WEEKS = Span()
"""A window of four weeks and a horizon of two years."""


class Effects(msgspec.Struct, frozen=True, eq=False):
    """What actions cause, one row per action shown, in expectation and money; nothing is done afterwards.

    `in_window` is τ; `later` what follows after the window up to the horizon, discounted to now; `accepted`
    is P(accepted); `attributed` the margin of orders in the window for which the action was accepted, whoever
    would have bought anyway.
    """

    in_window: Floats
    later: Floats
    cost: Floats
    accepted: Floats
    attributed: Floats

    @property
    def value(self) -> Floats:
        """Return ΔV = τ + later − cost."""
        return self.in_window + self.later - self.cost


class Sums(msgspec.Struct, frozen=True, eq=False):
    """Margin inside the window, and after it discounted, one row per customer."""

    inside: Floats
    later: Floats

    def plus(self, other: "Sums", times: Floats | float = 1.0) -> "Sums":
        """Return the sum with `times` another."""
        return Sums(self.inside + times * other.inside, self.later + times * other.later)


class Ahead(msgspec.Struct, frozen=True, eq=False):
    """How much margin counts that comes k steps from now, (horizon,)."""

    inside: Floats
    later: Floats

    def counted(self, ahead: Ints, amount: Floats) -> Sums:
        """Return `amount` counted at `ahead` steps from now; beyond the horizon it counts nowhere."""
        k = np.minimum(ahead, len(self.inside) - 1)
        near = amount * (ahead < len(self.inside))
        return Sums(self.inside[k] * near, self.later[k] * near)


class Standing(msgspec.Struct, frozen=True, eq=False):
    """How customers stand after a contact, or without one: P(alive), patience and bond."""

    alive: Floats
    patience: Floats
    bond: Floats


class Outlook(msgspec.Struct, frozen=True, eq=False):
    """What a customer who stays will bring, (customers,) but for `order_worth`, which is (steps, customers).

    `order_worth` counts the order that one who is still there after step k then plans; `untouched` sums up
    customers to whom nothing is done.
    """

    ahead: Ahead
    customer: Ints
    fee: Floats
    order_worth: Floats
    untouched: Sums

    def of(self, row: Ints) -> "Outlook":
        """Return the outlook of the customers in `row`."""
        return Outlook(
            self.ahead,
            self.customer[row],
            self.fee[row],
            self.order_worth[:, row],
            Sums(self.untouched.inside[row], self.untouched.later[row]),
        )


def effects(world: World, state: State, shown: Shown, span: Span = FOUR_WEEKS) -> Effects:
    """Return the exact expected effect of showing each action to its customer on its channel now.

    Raises `InvalidInput` for actions that do not exist or do not go to the channel.
    """
    check_shown(world, shown)
    return effects_given(world, state, shown, look_ahead(world, state, shown.customer, span))


def look_ahead(world: World, state: State, customer: Ints, span: Span) -> Outlook:
    """Return the outlook of customers, which is the same for every action."""
    people, planning = world.people, world.scenario.planning_steps
    ahead = _count_ahead(world, span)
    weight = (ahead.inside + ahead.later)[planning:]
    rate, margin = people.order_rate[customer], people.order_margin[customer]
    worth = np.zeros((len(weight), len(customer)))
    for k, counts in enumerate(weight):
        worth[k] = counts * margin * order_probability(world, state.step + planning + k, rate)
    none = np.zeros(len(customer))
    outlook = Outlook(ahead, customer, people.fee[customer], worth, Sums(none, none))
    now = Standing(state.alive[customer].astype(np.float64), state.patience[customer], state.bond[customer])
    return msgspec.structs.replace(outlook, untouched=_staying(world, outlook, now))


def effects_given(world: World, state: State, shown: Shown, outlook: Outlook) -> Effects:
    """Return `effects` given the outlook: a mixture of accepted, complained, merely seen and not seen."""
    catalogue, reaction = world.catalogue, world.scenario.reaction
    customer, action = shown.customer, shown.action
    chance = chances(world, state, shown)
    alive = state.alive[customer].astype(np.float64)
    patience = patience_after(world, state, customer, shown.channel)
    woken = state.bond[customer] - bond_change(world, catalogue.wakes, customer, action)
    kept = woken + bond_change(world, catalogue.keeps, customer, action)
    back = np.maximum(alive, catalogue.revives[action])

    def change(alive_after: Floats, bond: Floats) -> Sums:
        after = Standing(alive_after, patience, bond)
        return _staying(world, outlook, after).plus(outlook.untouched, -1)

    ordered, attributed = _orders_if_accepted(world, state, shown, back, outlook.ahead)
    accepts, complains = chance.seen * chance.accept, chance.seen * chance.complain
    none = np.zeros(len(customer))
    total = (
        Sums(none, none)
        .plus(change(back, kept).plus(ordered), accepts)
        .plus(change(alive, woken - reaction.complaint_harm), complains)
        .plus(change(alive, woken), chance.seen - accepts - complains)
    )
    contact_cost = np.array([entry.contact_cost for entry in world.scenario.channels])[shown.channel]
    return Effects(
        in_window=total.inside,
        later=total.later,
        cost=contact_cost
        + accepts * catalogue.cost_if_accepted[action]
        + complains * reaction.complaint_cost,
        accepted=accepts,
        attributed=accepts * attributed,
    )


def _count_ahead(world: World, span: Span) -> Ahead:
    per_week = world.scenario.steps_per_week
    steps = np.arange(max(1, round(span.horizon_weeks * per_week)))
    inside = steps < round(span.window_weeks * per_week)
    discount = (1 + world.scenario.discount_rate_per_year) ** (-steps / per_week / 52)
    return Ahead(inside.astype(np.float64), np.where(inside, 0.0, discount))


def _orders_if_accepted(
    world: World, state: State, shown: Shown, alive: Floats, ahead: Ahead
) -> tuple[Sums, Floats]:
    """Return, given acceptance, the expected change of margin and the margin attributed in the window."""
    catalogue, rates = world.catalogue, margin_rates(world)
    customer, action = shown.customer, shown.action
    refund_rate = np.array([entry.refund_rate for entry in world.scenario.products])
    product, discount = catalogue.product[action], catalogue.discount[action]
    now = np.zeros(len(customer), dtype=np.int64)
    adds = adds_probability(world, customer, action) * alive
    added = mean_value(world, customer, product) * (rates[product] - discount) * (1 - refund_rate[product])
    change = Sums(np.zeros(len(customer)), np.zeros(len(customer)))
    for wait, probability in enumerate(world.scenario.reaction.delay):
        change = change.plus(ahead.counted(now + wait, adds * probability * added))
    attributed = change.inside

    planned = _kept(state, customer, now)
    change = change.plus(ahead.counted(now, -(1 - adds) * discount * planned))
    sure_margin = (rates[state.plan_product[customer, 0]] - discount) * planned

    has_later, when = next_planned(state, customer)
    pulls = (1 - adds) * (state.plan_value[customer, 0] == 0) * has_later * catalogue.pulls[action]
    full = rates[state.plan_product[customer, when]] * _kept(state, customer, when)
    reduced = full - discount * _kept(state, customer, when)
    change = change.plus(ahead.counted(now, pulls * reduced)).plus(ahead.counted(when, -pulls * full))
    return change, attributed + (1 - adds) * sure_margin + pulls * reduced


def _kept(state: State, customer: Ints, ahead: Ints) -> Floats:
    """Return the value planned so many steps ahead, less what will be refunded."""
    value: Floats = state.plan_value[customer, ahead] * ~state.plan_refunded[customer, ahead]
    return value


def _staying(world: World, outlook: Outlook, now: Standing) -> Sums:
    """Return the expected margin, of what is not planned yet, of customers who stand like this."""
    inside, later = np.zeros(len(now.alive)), np.zeros(len(now.alive))
    alive, patience, bond = now.alive, now.patience, now.bond
    ahead, planning = outlook.ahead, world.scenario.planning_steps
    for k, weight in enumerate(ahead.inside + ahead.later):
        if world.scenario.contract:
            into = inside if ahead.inside[k] else later
            into += weight * alive * outlook.fee
        alive = alive * (1 - departure_probability(world, outlook.customer, patience, bond))
        patience, bond = recovered(world, patience, bond)
        if k + planning < len(ahead.inside):
            into = inside if ahead.inside[k + planning] else later
            into += alive * outlook.order_worth[k]
    return Sums(inside, later)
