"""A world and its state: customers with a plan of orders, patience and a bond, and a company with stock."""

from functools import cached_property

import msgspec
import numpy as np
import numpy.typing as npt

from cvo.core.errors import InvalidInput
from cvo.simulate.draws import Bools, Draws, Floats, Ints
from cvo.simulate.people import People, draw_people
from cvo.simulate.scenario import Scenario

NOTHING = -1
"""The action index that means: do nothing."""


class Varying(msgspec.Struct, frozen=True, eq=False):
    """A number of every action that varies by customer: `base` (actions,), and `by` (actions, hidden)."""

    base: Floats
    by: Floats


class Catalogue(msgspec.Struct, frozen=True, eq=False):
    """The scenario's actions as arrays; `on_channel` is (actions, channels), `product` is −1 for none."""

    appeal: Varying
    adds: Varying
    keeps: Varying
    wakes: Varying
    pulls: Floats
    revives: Floats
    discount: Floats
    cost_if_accepted: Floats
    product: Ints
    on_channel: Bools


class World(msgspec.Struct, frozen=True, eq=False, dict=True):
    """A scenario with its customers and random numbers; all that does not change while time passes."""

    scenario: Scenario
    people: People
    draws: Draws

    @cached_property
    def catalogue(self) -> Catalogue:
        """Return the actions as arrays."""
        return _catalogue(self.scenario)

    def another_future(self, replicate: int) -> "World":
        """Return the same customers with other luck from now on."""
        return World(self.scenario, self.people, Draws(self.draws.seed, replicate))


class Pending(msgspec.Struct, frozen=True, eq=False):
    """Orders that actions added and that are yet to come, one per row."""

    due: Ints
    customer: Ints
    action: Ints
    value: Floats
    refunded: Bools


class State(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """The world at the start of a step. Its arrays are never written to: a step makes new ones.

    `plan_value`, `plan_product` and `plan_refunded` are (n, steps ahead): the order each customer is going to
    make in that step if nothing comes between, 0 for none. `patience` is in (0, 1]; `bond` is the log of how
    much more slowly than usual the customer leaves. `linked` is (n, 2): devices known to belong to the
    customer. `first_order` and `last_order` are steps, −1 for none.
    """

    step: int
    alive: Bools
    patience: Floats
    bond: Floats
    plan_value: Floats
    plan_product: npt.NDArray[np.int16]
    plan_refunded: Bools
    pending: Pending
    known: Bools
    linked: Bools
    opted_out: Bools
    orders: Ints
    first_order: Ints
    last_order: Ints
    stock: Floats


def make_world(scenario: Scenario, customers: int, seed: int | str) -> World:
    """Return the world of a scenario; the same seed makes the same customers, however many there are.

    Raises `InvalidInput` for fewer than one customer.

    >>> from cvo.simulate import load_scenario
    >>> make_world(load_scenario("retail"), customers=10, seed=7).people.count
    10
    """
    if customers < 1:
        raise InvalidInput(f"a world of {customers} customers is empty; ask for at least one")
    draws = Draws(str(seed))
    return World(scenario, draw_people(scenario, customers, draws), draws)


def season(scenario: Scenario, steps: Ints) -> Floats:
    """Return by what the rate of orders is multiplied in each of `steps`."""
    week = steps / scenario.steps_per_week
    bumps = np.ones(len(steps))
    for peak in scenario.season.peaks:
        apart = (week - peak.week + 26) % 52 - 26
        bumps += peak.lift * np.exp(-((apart / peak.width_weeks) ** 2) / 2)
    level: Floats = np.maximum(bumps, 0) * np.exp(scenario.season.trend_per_year * week / 52)
    return level


def order_probability(world: World, step: int, rate: Floats) -> Floats:
    """Return P(an order is planned for `step`) while the customer stays; `rate` is per step."""
    now = season(world.scenario, np.array([step]))[0]
    probability: Floats = 1 - np.exp(-rate * now)
    return probability


def departure_probability(world: World, customer: Ints, patience: Floats, bond: Floats) -> Floats:
    """Return P(leaving at the end of a step), which rises as patience is used up and falls with the bond."""
    strain = world.scenario.reaction.annoyance * (1 - patience) - bond
    probability: Floats = 1 - np.exp(-world.people.departure_rate[customer] * np.exp(strain))
    return probability


def recovered(world: World, patience: Floats, bond: Floats) -> tuple[Floats, Floats]:
    """Return patience and bond one step later, if nobody contacts the customer."""
    reaction, steps = world.scenario.reaction, world.scenario.steps_per_week
    patience_left = (1 - reaction.recovery_per_week) ** (1 / steps)
    bond_left = np.exp(-1 / (reaction.bond_memory_weeks * steps))
    return 1 - (1 - patience) * patience_left, bond * bond_left


def _catalogue(scenario: Scenario) -> Catalogue:
    actions = scenario.actions
    products = [product.name for product in scenario.products]
    names = [channel.name for channel in scenario.channels]

    shape = (len(actions), len(scenario.hidden))

    def varying(name: str) -> Varying:
        weights = [[getattr(action, f"{name}_by").get(h, 0.0) for h in scenario.hidden] for action in actions]
        return Varying(_column(scenario, name), np.array(weights, dtype=float).reshape(shape))

    return Catalogue(
        appeal=varying("appeal"),
        adds=varying("adds"),
        keeps=varying("keeps"),
        wakes=varying("wakes"),
        pulls=_column(scenario, "pulls"),
        revives=_column(scenario, "revives"),
        discount=_column(scenario, "discount"),
        cost_if_accepted=_column(scenario, "cost_if_accepted"),
        product=np.array([products.index(a.product) if a.product else -1 for a in actions], dtype=np.int64),
        on_channel=np.array(
            [[name in action.channels for name in names] for action in actions], dtype=np.bool_
        ).reshape(len(actions), len(names)),
    )


def _column(scenario: Scenario, name: str) -> Floats:
    return np.array([getattr(action, name) for action in scenario.actions], dtype=float)
