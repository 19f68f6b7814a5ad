"""Prices for a run: what each resource is worth when everybody who is still to be decided for wants some."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cvo.actions.qualify import QUALIFIED
from cvo.actions.scarcity import Scarcity
from cvo.actions.situation import Situation
from cvo.app.decide import subjects
from cvo.app.scarcity import count, scarcity_of
from cvo.decisions.batch.engine import PRICED_ON, Customers, Engine, Resources
from cvo.decisions.columns import as_one, with_later
from cvo.decisions.decision import Arm, Request
from cvo.decisions.policy import Deciding, Policy
from cvo.events.message import ExternalId
from cvo.storage.unit_of_work import Person, UnitOfWork

FloatArray = NDArray[np.float64]

_CHUNK = 4_096


def solve(
    work: UnitOfWork, deciding: Deciding, request: Request, waiting: Sequence[ExternalId]
) -> list[dict[str, float]]:
    """Return the price of each resource at the placement, for every side, for customers in an order that means nothing.

    The first of them stand for all. Who is control uses nothing, and of what is chosen some is withheld. Without
    resources nothing is solved.
    """
    few = waiting[:PRICED_ON]
    if not few or not any(side.policy.qualifier(request.placement).resources for side in deciding.sides):
        return [{} for _ in deciding.sides]
    share = len(few) / len(waiting)
    scarcities = scarcity_of(count(work, deciding, request.at), deciding)
    persons = work.persons(few, request.at)
    treated = [
        (deciding.of(subject), person)
        for subject, person in zip(subjects(work, persons), persons, strict=True)
        if subject.arm is Arm.TREATED
    ]
    return [
        _solved(
            work, side.policy, request, [each for of, each in treated if of is side.policy], scarcity, share
        )
        for side, scarcity in zip(deciding.sides, scarcities, strict=True)
    ]


def _solved(  # noqa: PLR0917  one side's customers, its policy and what it has
    work: UnitOfWork,
    policy: Policy,
    request: Request,
    treated: Sequence[Person],
    scarcity: Scarcity,
    share: float,
) -> dict[str, float]:
    """Return the prices for some of a side's customers and the same `share` of what it has."""
    qualifier = policy.qualifier(request.placement)
    resources = sorted(qualifier.resources)
    if not resources or not treated:
        return {}
    mean, sd, qualified = _scores(policy, request, treated, scarcity, work)
    taken = np.array([[qualifier.uses[a].get(r, 0.0) for r in resources] for a in qualifier.actions])
    use = qualifier.bundles.together(taken.T).T * (1.0 - policy.withheld_rates)[:, None]
    left = np.array([scarcity.left_of(resource) for resource in resources]) * share
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
        inside = policy.valuer.score(policy.valuer.design(situations), wanted)
        scores, bundles = with_later(inside, policy.valuer.later(qualifier.channel)), qualifier.bundles
        scores = as_one(scores, bundles)
        added = bundles.together(policy.levers(qualifier.channel).at([request.at]))
        parts.append((np.where(bundles.options, scores.mean + added, np.nan), scores.sd))
    mean, sd = (np.concatenate(each) for each in zip(*parts, strict=True))
    qualified = np.isfinite(mean)
    return np.where(qualified, mean, 0.0), np.where(qualified, sd, 0.0), qualified
