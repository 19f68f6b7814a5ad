"""Runs of a world under a way of choosing actions, and what they come to per customer and week."""

from collections.abc import Callable, Iterable, Iterator

import msgspec
import numpy as np

from cvo.simulate.advance import Step, advance, begin
from cvo.simulate.contact import Touches, touches
from cvo.simulate.draws import Bools, Floats, Ints
from cvo.simulate.world import NOTHING, State, World

Choose = Callable[[World, State, Touches], Ints]
"""Picks an action index, or −1 for nothing, for every touch of a step."""


class Totals(msgspec.Struct, frozen=True, eq=False):
    """Margin (after refunds), cost of contacts and number of orders, per customer and per week."""

    margin: Floats
    cost: Floats
    orders: Floats
    weekly_margin: Floats
    weekly_cost: Floats

    def minus(self, other: "Totals") -> "Totals":
        """Return the difference to another run, customer by customer."""
        return Totals(
            self.margin - other.margin,
            self.cost - other.cost,
            self.orders - other.orders,
            self.weekly_margin - other.weekly_margin,
            self.weekly_cost - other.weekly_cost,
        )

    @property
    def value(self) -> Floats:
        """Return margin less cost, (n,)."""
        return self.margin - self.cost


def do_nothing(_world: World, _state: State, met: Touches) -> Ints:
    """Choose nothing, always: what the control group gets."""
    return np.full(len(met.customer), NOTHING, dtype=np.int64)


def at_random(world: World, state: State, met: Touches) -> Ints:
    """Choose evenly between nothing and the actions that go to the touch's channel."""
    actions = world.catalogue.on_channel[:, met.channel].T
    options = np.column_stack([np.ones(len(met.customer), dtype=np.bool_), actions])
    luck = world.draws.uniform(world.people.count, "at random", state.step)[met.customer]
    pick = 1 + np.floor(luck * options.sum(axis=1)).astype(np.int64)
    chosen: Ints = np.argmax(np.cumsum(options, axis=1) == pick[:, None], axis=1)
    return NOTHING + chosen


def except_for(control: Bools, choose: Choose) -> Choose:
    """Return `choose` with nothing for the customers of the `control` group, (n,)."""

    def chosen(world: World, state: State, met: Touches) -> Ints:
        return np.where(control[met.customer], NOTHING, choose(world, state, met))

    return chosen


def run(
    world: World, choose: Choose, weeks: float, state: State | None = None
) -> Iterator[tuple[State, Step]]:
    """Let `weeks` pass from `state` (else from the start); yields every step with the state after it."""
    current = begin(world) if state is None else state
    for _ in range(round(weeks * world.scenario.steps_per_week)):
        met = touches(world, current)
        current, step = advance(world, current, met, choose(world, current, met))
        yield current, step


def totals(world: World, choose: Choose, weeks: float, state: State | None = None) -> Totals:
    """Return what a run comes to.

    >>> from cvo.simulate import load_scenario, make_world
    >>> world = make_world(load_scenario("retail"), customers=100, seed=7)
    >>> totals(world, do_nothing, weeks=4).cost.sum()
    np.float64(0.0)
    """
    return add_up(world, (step for _, step in run(world, choose, weeks, state)))


def add_up(world: World, steps: Iterable[Step]) -> Totals:
    """Return what steps come to, whoever chose in them; less `totals` of doing nothing it is what was caused."""
    count, per_week = world.people.count, world.scenario.steps_per_week
    margin, cost, orders = np.zeros(count), np.zeros(count), np.zeros(count)
    by_step: list[tuple[float, float]] = []
    for step in steps:
        step_margin, step_cost = step.margin(), step.cost()
        margin += step_margin
        cost += step_cost
        orders += np.bincount(step.orders.customer, minlength=count)
        by_step.append((float(step_margin.sum()), float(step_cost.sum())))
    weekly = np.zeros((2, -(-len(by_step) // per_week)))
    for index, sums in enumerate(by_step):
        weekly[:, index // per_week] += sums
    return Totals(margin, cost, orders, weekly[0], weekly[1])


def programme_effect(world: World, choose: Choose, weeks: float) -> Totals:
    """Return what `choose` causes in `weeks` against doing nothing: for each customer, the true difference.

    Both runs share every random number: it is Y(programme) − Y(∅) of that very customer, not an estimate.
    """
    return totals(world, choose, weeks).minus(totals(world, do_nothing, weeks))
