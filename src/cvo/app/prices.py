"""Prices for a run: what each resource is worth when everybody who is still to be decided for wants some."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cvo.actions.qualify import QUALIFIED
from cvo.actions.scarcity import Scarcity
from cvo.actions.situation import Situation
from cvo.app.scarcity import count, scarcity_of
from cvo.decisions.batch.engine import PRICED_ON, Customers, Engine, Resources
from cvo.decisions.decision import Arm, Request
from cvo.decisions.policy import Policy
from cvo.events.message import ExternalId
from cvo.storage.unit_of_work import Person, UnitOfWork

FloatArray = NDArray[np.float64]

_CHUNK = 4_096


def solve(
    work: UnitOfWork, policy: Policy, request: Request, waiting: Sequence[ExternalId]
) -> dict[str, float]:
    """Return the price of each resource at the placement, for customers in an order that means nothing.

    The first of them stand for all. Who is control uses nothing, and of what is chosen some is withheld. Without
    resources nothing is solved.
    """
    qualifier = policy.qualifier(request.placement)
    resources = sorted(qualifier.resources)
    few = waiting[:PRICED_ON]
    if not resources or not few:
        return {}
    scarcity = scarcity_of(count(work, policy.catalogue, request.at))
    treated = [each for each in work.persons(few, request.at) if each.arm == Arm.TREATED.value]
    if not treated:
        return {}
    mean, sd, qualified = _scores(policy, request, treated, scarcity, work)
    taken = np.array([[qualifier.uses[a].get(r, 0.0) for r in resources] for a in qualifier.actions])
    use = taken * (1.0 - policy.withheld_rates)[:, None]
    left = np.array([scarcity.left_of(resource) for resource in resources]) * len(few) / len(waiting)
    rows = np.arange(len(treated))

    def known(design: NDArray[np.float32]) -> tuple[FloatArray, FloatArray]:
        mine = design[:, 0].astype(np.int64)
        return mean[mine], sd[mine]

    engine = Engine(known, policy.choice, seed=0)
    customers = Customers(rows, rows[:, None].astype(np.float32), qualified)
    solved = engine.price(customers, Resources(use, left)).price
    return dict(zip(resources, solved.tolist(), strict=True))


def _scores(
    policy: Policy, request: Request, persons: Sequence[Person], scarcity: Scarcity, work: UnitOfWork
) -> tuple[FloatArray, FloatArray, NDArray[np.bool_]]:
    """Return mean and sd of the scores before prices (n, k), 0 where an action does not qualify, and where it does."""
    qualifier = policy.qualifier(request.placement)
    stock = work.stock(qualifier.products)
    parts: list[tuple[FloatArray, FloatArray]] = []
    for start in range(0, len(persons), _CHUNK):
        situations = [
            Situation(
                person.profile,
                request.at,
                request.placement,
                qualifier.channel,
                request.context,
                policy.settings.time_zone,
                stock,
                scarcity,
            )
            for person in persons[start : start + _CHUNK]
        ]
        wanted = qualifier.codes(situations) == QUALIFIED
        scores = policy.valuer.score(policy.valuer.design(situations), wanted)
        added = policy.levers(qualifier.channel).at([request.at])
        parts.append((scores.mean + added, scores.sd))
    mean, sd = (np.concatenate(each) for each in zip(*parts, strict=True))
    qualified = np.isfinite(mean)
    return np.where(qualified, mean, 0.0), np.where(qualified, sd, 0.0), qualified
