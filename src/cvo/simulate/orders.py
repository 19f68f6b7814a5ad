"""Orders: planned some weeks ahead by customers of their own accord, brought forward or added by actions.

Because an order is planned (when, what, for how much, whether it comes back) before an action can touch it,
bringing it forward moves the very same order: over a window that holds both dates the gain is exactly zero.
"""

import msgspec
import numpy as np
import numpy.typing as npt

from cvo.simulate.draws import Bools, Floats, Ints
from cvo.simulate.people import log_normal
from cvo.simulate.world import NOTHING, Pending, State, World, order_probability

PLANNED, PULLED, ADDED = 0, 1, 2
"""Why an order was made: of the customer's own accord, the same but earlier, or only because of an action."""


class Orders(msgspec.Struct, frozen=True, eq=False):
    """Orders of one step, one per row; money in the scenario's currency.

    `value` is before `discount` (a share of it); `revenue` after, in whole cents; `margin` after discount and
    cost of goods, before a refund, which takes all of it. `action` is the one accepted for it, −1 for none;
    `cause` says what only the world knows.
    """

    customer: Ints
    product: Ints
    at_days: Floats
    value: Floats
    discount: Floats
    revenue: Floats
    margin: Floats
    refunded: Bools
    action: Ints
    cause: Ints

    def net_margin(self, customers: int) -> Floats:
        """Return the margin that stays after refunds, (customers,)."""
        return np.bincount(self.customer, self.margin * ~self.refunded, customers).astype(np.float64)


class Slot(msgspec.Struct, frozen=True, eq=False):
    """What every customer plans for one step; `value` 0 is no order."""

    value: Floats
    product: npt.NDArray[np.int16]
    refunded: Bools


class Lines(msgspec.Struct, frozen=True, eq=False):
    """Orders about to be made; together they become `Orders`."""

    customer: Ints
    product: Ints
    value: Floats
    discount: Floats
    refunded: Bools
    action: Ints
    cause: int


def plan(world: World, step: int, planning: Bools) -> Slot:
    """Return what the customers who are `planning` (n,) will buy in `step` if nothing comes between."""
    people, draws, count = world.people, world.draws, world.people.count
    wanted = draws.uniform(count, "order", step) < order_probability(world, step, people.order_rate)
    buyer = np.flatnonzero(planning & wanted)
    choice = draws.uniform(count, "product", step)[buyer]
    chosen = np.minimum(
        (choice[:, None] >= np.cumsum(people.product_share[buyer], axis=1)).sum(axis=1),
        people.product_share.shape[1] - 1,
    )
    value, product = np.zeros(count), np.full(count, -1, dtype=np.int16)
    refunded = np.zeros(count, dtype=np.bool_)
    product[buyer] = chosen
    value[buyer] = basket_value(world, buyer, chosen, "basket", step)
    refund_rate = np.array([entry.refund_rate for entry in world.scenario.products])
    refunded[buyer] = draws.uniform(count, "refund", step)[buyer] < refund_rate[chosen]
    return Slot(value, product, refunded)


def basket_value(world: World, customer: Ints, product: Ints, *purpose: str | int) -> Floats:
    """Return the value of one order of `product` each, at least a cent; its mean is `mean_value`."""
    spread = world.scenario.population.basket_spread
    noise = log_normal(world.draws.normal(world.people.count, *purpose)[customer], spread)
    value: Floats = np.maximum(np.round(mean_value(world, customer, product) * noise, 2), 0.01)
    return value


def mean_value(world: World, customer: Ints, product: Ints) -> Floats:
    """Return the expected value of an order of `product` by `customer`."""
    price = np.array([entry.price for entry in world.scenario.products])
    return price[product] * world.people.spend[customer]


def margin_rates(world: World) -> Floats:
    """Return the share of an undiscounted order's value that is margin, (products,)."""
    return np.array([entry.margin_rate for entry in world.scenario.products])


def planned_lines(state: State, discount: Floats, action: Ints) -> Lines:
    """Return the orders planned for now; `discount` and `action` (n,) are what their customers accepted."""
    customer = np.flatnonzero(state.plan_value[:, 0] > 0)
    return Lines(
        customer=customer,
        product=state.plan_product[customer, 0].astype(np.int64),
        value=state.plan_value[customer, 0],
        discount=discount[customer],
        refunded=state.plan_refunded[customer, 0],
        action=action[customer],
        cause=PLANNED,
    )


def pulled_lines(state: State, customer: Ints, ahead: Ints, discount: Floats, action: Ints) -> Lines:
    """Return the orders that `customer` makes now instead of `ahead` steps later."""
    return Lines(
        customer=customer,
        product=state.plan_product[customer, ahead].astype(np.int64),
        value=state.plan_value[customer, ahead],
        discount=discount,
        refunded=state.plan_refunded[customer, ahead],
        action=action,
        cause=PULLED,
    )


def added_lines(world: World, pending: Pending, step: int) -> tuple[Lines, Pending]:
    """Split what actions added into the orders that are due in `step` and the rest."""
    due = pending.due == step
    action = pending.action[due]
    now = Lines(
        customer=pending.customer[due],
        product=world.catalogue.product[action],
        value=pending.value[due],
        discount=world.catalogue.discount[action],
        refunded=pending.refunded[due],
        action=action,
        cause=ADDED,
    )
    rest = ~due
    return now, Pending(
        pending.due[rest],
        pending.customer[rest],
        pending.action[rest],
        pending.value[rest],
        pending.refunded[rest],
    )


def next_planned(state: State, customer: Ints) -> tuple[Bools, Ints]:
    """Return whether each customer plans an order for a later step, and how many steps ahead."""
    ahead = 1 + np.argmax(state.plan_value[customer, 1:] > 0, axis=1).astype(np.int64)
    return state.plan_value[customer, ahead] > 0, ahead


def place(world: World, step: int, lines: list[Lines]) -> Orders:
    """Turn lines into the orders of a step, each at its time in the second half of it."""
    customer = np.concatenate([line.customer for line in lines])
    product = np.concatenate([line.product for line in lines])
    value = np.concatenate([line.value for line in lines])
    discount = np.concatenate([line.discount for line in lines])
    # Touches end before half of the step, so whatever an action brings about comes after it.
    within = 0.5 + 0.5 * world.draws.uniform(world.people.count, "order time", step)[customer]
    return Orders(
        customer=customer,
        product=product,
        at_days=world.scenario.step_days * (step + within),
        value=value,
        discount=discount,
        revenue=np.round(value * (1 - discount), 2),
        margin=value * (margin_rates(world)[product] - discount),
        refunded=np.concatenate([line.refunded for line in lines]),
        action=np.concatenate([line.action for line in lines]),
        cause=np.concatenate([np.full(len(line.customer), line.cause) for line in lines]),
    )


def no_pending() -> Pending:
    """Return an empty list of added orders."""
    none, no_value = np.zeros(0, dtype=np.int64), np.zeros(0)
    return Pending(none, none, none, no_value, np.zeros(0, dtype=np.bool_))


def nothing_accepted(count: int) -> tuple[Floats, Ints]:
    """Return discount and action (n,) of customers who accepted nothing."""
    return np.zeros(count), np.full(count, NOTHING, dtype=np.int64)
