"""Contacts: a touch at which an action is shown, and what the customer makes of it."""

import msgspec
import numpy as np
from scipy.special import expit, logit

from cvo.core.errors import InvalidInput
from cvo.simulate.draws import Bools, Floats, Ints
from cvo.simulate.scenario import STAGES
from cvo.simulate.visible import stage_of
from cvo.simulate.world import NOTHING, State, Varying, World

TOUCHES_END = 0.45
"""Share of a step in which its touches fall; orders come in the second half, so causes precede effects."""

SECOND_DEVICE_USE = 0.4
"""Share of visits made with the second device by those who have one."""


class Touches(msgspec.Struct, frozen=True, eq=False):
    """Moments of one step at which something can be done: at most one per customer, sorted by customer.

    `channel` indexes the scenario's channels; `at_days` counts from the start of the world; `device` is 0, 1
    or −1 where the customer is written to; `known` says whether the visit carries who the customer is.
    """

    customer: Ints
    channel: Ints
    at_days: Floats
    device: Ints
    known: Bools


class Shown(msgspec.Struct, frozen=True, eq=False):
    """An action shown to a customer on a channel, one per row, all as indices."""

    customer: Ints
    channel: Ints
    action: Ints


class Contacts(msgspec.Struct, frozen=True, eq=False):
    """What became of the actions of one step, one per row; `touch` is the row of `Touches`, `cost` money."""

    touch: Ints
    customer: Ints
    channel: Ints
    action: Ints
    at_days: Floats
    seen: Bools
    clicked: Bools
    accepted: Bools
    complained: Bools
    cost: Floats


class Chances(msgspec.Struct, frozen=True, eq=False):
    """P(seen), and given seen P(click), P(accept), P(complain); the last two exclude each other."""

    seen: Floats
    click: Floats
    accept: Floats
    complain: Floats


def touches(world: World, state: State) -> Touches:
    """Return the touches of the coming step: visits by customers, and chances to write to those known."""
    scenario, people, draws, step = world.scenario, world.people, world.draws, state.step
    count = people.count
    arrived = people.arrival <= step
    about_to_buy = state.plan_value[:, 0] > 0
    channel_of = np.full(count, -1, dtype=np.int64)
    for index, channel in enumerate(scenario.channels):
        per_step = channel.touches_per_week / scenario.steps_per_week
        if channel.inbound:
            reachable = arrived & state.alive
            probability = -np.expm1(-per_step * (1 + scenario.reaction.intent_visits * about_to_buy))
        else:
            reachable = arrived & state.known & ~state.opted_out
            probability = np.full(count, min(1.0, per_step))
        meets = draws.uniform(count, "touch", channel.name, step) < probability
        channel_of[reachable & meets & (channel_of < 0)] = index
    customer = np.flatnonzero(channel_of >= 0)
    channel_index = channel_of[customer]
    inbound = np.array([entry.inbound for entry in scenario.channels])[channel_index]
    second = people.has_second_device & (draws.uniform(count, "device", step) < SECOND_DEVICE_USE)
    device = np.where(inbound, second[customer].astype(np.int64), -1)
    within = TOUCHES_END * draws.uniform(count, "touch time", step)[customer]
    return Touches(
        customer=customer,
        channel=channel_index,
        at_days=scenario.step_days * (step + within),
        device=device,
        known=~inbound | state.linked[customer, np.maximum(device, 0)],
    )


def chances(world: World, state: State, shown: Shown) -> Chances:
    """Return how each customer of `shown` responds now, one row each."""
    customer, channel, action = shown.customer, shown.channel, shown.action
    people, catalogue, reaction = world.people, world.catalogue, world.scenario.reaction
    product = catalogue.product[action]
    available = (product < 0) | (state.stock[product] > 0)
    action_stage = np.array([STAGES.index(entry.stage) for entry in world.scenario.actions])[action]
    off_stage = (action_stage != stage_of(world, state, customer)) & (action_stage != STAGES.index("serve"))
    appeal = (
        varied(world, catalogue.appeal, customer, action)
        + people.channel_fit[customer, channel]
        + people.price_sensitivity[customer] * catalogue.discount[action] * 10
        + reaction.intent * (state.plan_value[customer, 0] > 0)
        + reaction.off_stage * off_stage
    )
    patience = state.patience[customer]
    willing = patience * available * np.where(state.alive[customer], 1.0, reaction.departed)
    accept = willing * expit(appeal)
    complain = reaction.complaint_rate * (1 - patience) ** 2
    click = reaction.click_odds * accept / (1 + (reaction.click_odds - 1) * accept)
    seen = np.array([entry.seen_rate for entry in world.scenario.channels])[channel]
    return Chances(seen=seen, click=np.minimum(click, 1 - complain), accept=accept, complain=complain)


def contact(world: World, state: State, met: Touches, action: Ints) -> Contacts:
    """Show `action` (one per touch, −1 for nothing) and return what customers did about it.

    Raises `InvalidInput` for actions that do not exist or cannot be delivered on the touch's channel.
    """
    if action.shape != met.customer.shape:
        raise InvalidInput(f"{len(met.customer)} touches need one action each, not an array {action.shape}")
    touch = np.flatnonzero(action != NOTHING)
    shown = Shown(met.customer[touch], met.channel[touch], action[touch])
    check_shown(world, shown)
    customer = shown.customer
    chance = chances(world, state, shown)
    count, draws = world.people.count, world.draws
    seen = draws.uniform(count, "seen", state.step)[customer] < chance.seen
    luck = draws.uniform(count, "response", state.step)[customer]
    accepted, complained = seen & (luck < chance.accept), seen & (luck >= 1 - chance.complain)
    contact_cost = np.array([entry.contact_cost for entry in world.scenario.channels])[shown.channel]
    return Contacts(
        touch=touch,
        customer=customer,
        channel=shown.channel,
        action=shown.action,
        at_days=met.at_days[touch],
        seen=seen,
        clicked=seen & (luck < chance.click),
        accepted=accepted,
        complained=complained,
        cost=contact_cost
        + world.catalogue.cost_if_accepted[shown.action] * accepted
        + world.scenario.reaction.complaint_cost * complained,
    )


def varied(world: World, number: Varying, customer: Ints, action: Ints) -> Floats:
    """Return a number of an action as it is for each customer, moved by what is hidden in them."""
    moved: Floats = number.base[action] + (world.people.hidden[customer] * number.by[action]).sum(axis=1)
    return moved


def adds_probability(world: World, customer: Ints, action: Ints) -> Floats:
    """Return P(an order is added | accepted); where the action's `adds` is 0 it is 0 for everyone."""
    number = world.catalogue.adds
    base = number.base[action]
    shift = (world.people.hidden[customer] * number.by[action]).sum(axis=1)
    return np.where(base > 0, expit(logit(np.where(base > 0, base, 0.5)) + shift), 0.0)


def bond_change(world: World, number: Varying, customer: Ints, action: Ints) -> Floats:
    """Return by what an action moves each customer's bond; `base` is the mean over customers."""
    by = number.by[action]
    exponent = (world.people.hidden[customer] * by).sum(axis=1) - (by**2).sum(axis=1) / 2
    change: Floats = number.base[action] * np.exp(exponent)
    return change


def patience_after(world: World, state: State, customer: Ints, channel: Ints) -> Floats:
    """Return the patience left to customers who have seen a contact on `channel`."""
    use = np.array([entry.patience_use for entry in world.scenario.channels])[channel]
    left: Floats = state.patience[customer] * (1 - use) ** world.people.forbearance[customer]
    return left


def check_shown(world: World, shown: Shown) -> None:
    """Raise `InvalidInput` for an action that does not exist or does not go to the channel."""
    entries = world.scenario.actions
    action = shown.action
    outside = np.flatnonzero((action < 0) | (action >= len(entries)))
    if len(outside):
        raise InvalidInput(
            f"row {outside[0]} shows action {action[outside[0]]}; "
            f"actions are numbered 0 to {len(entries) - 1}, and {NOTHING} stands for nothing at a touch"
        )
    wrong = np.flatnonzero(~world.catalogue.on_channel[action, shown.channel])
    if len(wrong):
        entry = entries[action[wrong[0]]]
        channel = world.scenario.channels[shown.channel[wrong[0]]].name
        raise InvalidInput(
            f"row {wrong[0]} shows {entry.name!r} on {channel!r}; it goes to {', '.join(entry.channels)}"
        )
