"""What the programme really caused in a world, to be held against what the company reports of it."""

from collections.abc import Sequence

import msgspec
import numpy as np

from cvo.simulate import Choose, Span, Step, World, add_up, best_choice, do_nothing, except_for, run
from cvo.simulate.draws import Bools, Floats


class Truth(msgspec.Struct, frozen=True):
    """Value caused per person who was not left alone, in the scenario's currency.

    `as_counted` is what a perfect comparison of the arms would say: revenue less refunds at the company's margin
    rate, less its costs of contacts and service. It falls short where customers of the control group were reached
    through a browser not yet known as theirs. `own_margins` is all that was caused, at every product's own margin.
    `best` is what one would have caused, in the same terms, who knows all that is hidden.
    """

    as_counted: float
    own_margins: float
    best: float


class Arms(msgspec.Struct, frozen=True, eq=False):
    """Who was left alone, as the company sees it.

    `control` (n,) are customers, by the person they are; persons and contact costs are totals of an arm.
    """

    control: Bools
    treated_persons: int
    control_persons: int
    treated_cost: float
    control_cost: float


def truth_of(world: World, steps: Sequence[Step], arms: Arms, margin_rate: float) -> Truth:
    """Compare a run with the same customers, with the same luck, left alone."""
    weeks = len(steps) / world.scenario.steps_per_week
    alone = _steps(world, do_nothing, weeks)
    best = _steps(world, except_for(arms.control, best_choice(Span(weeks, weeks))), weeks)
    nothing = add_up(world, alone).value.sum()
    counted = _counted(world, steps, margin_rate) - _counted(world, alone, margin_rate)
    treated = float(counted[~arms.control].sum()) - arms.treated_cost
    control = float(counted[arms.control].sum()) - arms.control_cost
    return Truth(
        as_counted=treated / arms.treated_persons - control / max(arms.control_persons, 1),
        own_margins=float(add_up(world, steps).value.sum() - nothing) / arms.treated_persons,
        best=float(add_up(world, best).value.sum() - nothing) / arms.treated_persons,
    )


def _steps(world: World, choose: Choose, weeks: float) -> list[Step]:
    return [step for _, step in run(world, choose, weeks)]


def _counted(world: World, steps: Sequence[Step], margin_rate: float) -> Floats:
    """Return what the company counts for each customer, (n,)."""
    total = np.zeros(world.people.count)
    for step in steps:
        kept = step.orders.revenue * ~step.orders.refunded
        total += margin_rate * np.bincount(step.orders.customer, kept, len(total)) + step.fees
        contacts = step.contacts
        served = world.catalogue.cost_if_accepted[contacts.action] * contacts.accepted
        heard = world.scenario.reaction.complaint_cost * contacts.complained
        total -= np.bincount(contacts.customer, served + heard, len(total))
    return total
