"""What reaches the company of all that happened: late, in part, and some of it twice."""

from enum import StrEnum

import msgspec
import numpy as np

from cvo.simulate.advance import Step
from cvo.simulate.draws import Bools, Floats, Ints
from cvo.simulate.world import World


class Kind(StrEnum):
    """What can be reported, and which table of `Step` its rows refer to."""

    IMPRESSION = "impression"
    CLICK = "click"
    ACCEPTANCE = "acceptance"
    COMPLAINT = "complaint"
    ORDER = "order"
    REFUND = "refund"
    DEPARTURE = "departure"


class Reports(msgspec.Struct, frozen=True, eq=False):
    """Reports of one kind, one per row; a report that comes twice has two rows with the same `row`.

    `row` is the row of `Step.contacts`, of `Step.orders` (order, refund) or of `Step.departed`.
    """

    row: Ints
    at_days: Floats
    reported_at_days: Floats


REFUND_AFTER_DAYS = 10.0
"""Mean time between an order and its refund."""

_MINUTES = 1 / (24 * 60)


def observe(world: World, step: Step) -> dict[Kind, Reports]:
    """Return what of a step is reported, and when.

    Delays are exponential. A departure is reported only under a contract: elsewhere customers leave silently.
    """
    contacts, orders = step.contacts, step.orders
    hurry = world.draws.uniform(world.people.count, "reaction time", step.step)
    # Within the hour, which is before any order of the step (TOUCHES_END).
    reacted = contacts.at_days + _MINUTES * (1 + 50 * hurry[contacts.customer])
    refund_wait = -np.log1p(-world.draws.uniform(world.people.count, "refund time", step.step))
    refunded_at = orders.at_days + REFUND_AFTER_DAYS * refund_wait[orders.customer]
    left_at = np.full(len(step.departed), world.scenario.step_days * (step.step + 1))
    shows = np.full(len(step.departed), world.scenario.contract is not None)
    everything = np.ones(len(orders.customer), dtype=np.bool_)
    happened = {
        Kind.IMPRESSION: (contacts.seen, contacts.customer, contacts.at_days + _MINUTES / 2),
        Kind.CLICK: (contacts.clicked, contacts.customer, reacted),
        Kind.ACCEPTANCE: (contacts.accepted, contacts.customer, reacted + _MINUTES),
        Kind.COMPLAINT: (contacts.complained, contacts.customer, reacted + _MINUTES),
        Kind.ORDER: (everything, orders.customer, orders.at_days),
        Kind.REFUND: (orders.refunded, orders.customer, refunded_at),
        Kind.DEPARTURE: (shows, step.departed, left_at),
    }
    return {kind: _reported(world, step.step, kind, columns) for kind, columns in happened.items()}


def _reported(world: World, step: int, kind: Kind, happened: tuple[Bools, Ints, Floats]) -> Reports:
    true, customer, at_days = happened
    row = np.flatnonzero(true)
    observation, draws, count = world.scenario.observation, world.draws, world.people.count
    kept = draws.uniform(count, "dropped", kind, step)[customer[row]] >= observation.dropped_rate.get(
        kind.value, 0.0
    )
    row = row[kept]
    twice = row[draws.uniform(count, "duplicated", kind, step)[customer[row]] < observation.duplicated_rate]
    late = observation.mean_delay_hours / 24
    first = -late * np.log1p(-draws.uniform(count, "delay", kind, step))
    second = first - late * np.log1p(-draws.uniform(count, "second delay", kind, step))
    return Reports(
        row=np.concatenate([row, twice]),
        at_days=np.concatenate([at_days[row], at_days[twice]]),
        reported_at_days=np.concatenate(
            [at_days[row] + first[customer[row]], at_days[twice] + second[customer[twice]]]
        ),
    )
