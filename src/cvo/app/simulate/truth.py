"""What the programme really caused in a world, to be held against what the company reports of it."""

from collections.abc import Sequence

import msgspec
import numpy as np

from cvo.simulate import Choose, Span, Step, World, add_up, best_choice, do_nothing, except_for, run
from cvo.simulate.draws import Bools


class Truth(msgspec.Struct, frozen=True):
    """Value caused per customer who was not left alone, in the scenario's currency.

    `as_counted` is what a perfect estimate would say: revenue less refunds at the company's margin rate, less
    its contact costs. `own_margins` has every product's own margin and all costs, those of accepted services
    and of complaints too. `best` is what one who knows all that is hidden would have caused, in the same terms.
    """

    as_counted: float
    own_margins: float
    best: float


def truth_of(
    world: World,
    steps: Sequence[Step],
    *,
    contact_cost: float,
    control: Bools,
    treated: int,
    margin_rate: float,
) -> Truth:
    """Compare a run with the same customers, with the same luck, left alone.

    `contact_cost` is what the company reckons all its contacts to have cost, `control` (n,) tells who was left
    alone, `treated` counts those who were not, as the company counts persons.
    """
    weeks = len(steps) / world.scenario.steps_per_week
    alone = _steps(world, do_nothing, weeks)
    best = _steps(world, except_for(control, best_choice(Span(weeks, weeks))), weeks)
    nothing = add_up(world, alone).value.sum()
    counted = _counted(steps, margin_rate) - _counted(alone, margin_rate) - contact_cost
    return Truth(
        as_counted=counted / treated,
        own_margins=float(add_up(world, steps).value.sum() - nothing) / treated,
        best=float(add_up(world, best).value.sum() - nothing) / treated,
    )


def _steps(world: World, choose: Choose, weeks: float) -> list[Step]:
    return [step for _, step in run(world, choose, weeks)]


def _counted(steps: Sequence[Step], margin_rate: float) -> float:
    kept = sum(float((step.orders.revenue * ~step.orders.refunded).sum()) for step in steps)
    return margin_rate * kept + float(np.sum([step.fees.sum() for step in steps]))
