"""Deciding: qualified → scored → exact propensities → one draw from them → a frozen record.

A single request is a batch of one: there is one definition, and a decision does not depend on its company in
the batch.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cvo.actions.qualify import QUALIFIED, Qualifier
from cvo.actions.situation import Situation
from cvo.core.ids import PersonId
from cvo.decisions.case import Case, room_of
from cvo.decisions.columns import Columns
from cvo.decisions.decision import Arm, Decision, Request, Subject
from cvo.decisions.policy import Policy
from cvo.decisions.recording import Record
from cvo.decisions.slots import fits
from cvo.learning import winning
from cvo.profiles.profile import EMPTY

FloatArray = NDArray[np.float64]


def decide(case: Case, policy: Policy) -> Decision:
    """Decide one case; raises `InvalidInput` for a placement the catalogue does not have."""
    return decide_all([case], policy)[0]


def decide_all(cases: Sequence[Case], policy: Policy) -> list[Decision]:
    """Decide many cases, each as if it were alone, in their order."""
    decisions: dict[int, Decision] = {}
    for placement in dict.fromkeys(case.request.placement for case in cases):
        positions = [i for i, case in enumerate(cases) if case.request.placement == placement]
        decided = _decide_placement([cases[i] for i in positions], placement, policy)
        decisions.update(zip(positions, decided, strict=True))
    return [decisions[i] for i in range(len(cases))]


def ready(policy: Policy) -> Policy:
    """Compile now, by deciding for nobody, what would else be compiled while a customer waits; return the policy."""
    nobody = Subject(person_id=PersonId(b""), customer="", version=0, arm=Arm.TREATED)
    for placement in policy.catalogue.placements:
        decide(Case(nobody, EMPTY, Request(placement=placement, at=policy.models.as_of)), policy)
    # Perhaps nobody qualifies for anything.
    policy.choice.probabilities(np.zeros((1, 2)), np.ones((1, 2)), among=np.ones((1, 2), dtype=np.bool_))
    if policy.models.creatives is not None:
        winning(np.zeros((1, 2)), np.ones((1, 2)))
    return policy


def _decide_placement(cases: list[Case], placement: str, policy: Policy) -> list[Decision]:
    qualifier = policy.qualifier(placement)
    situations = [_situation(case, policy) for case in cases]
    codes = qualifier.codes(situations)
    for option in qualifier.bundles.mates:
        position = qualifier.actions.index(option)
        for case, here, row in zip(cases, situations, codes, strict=True):
            if row[position] == QUALIFIED and not fits(
                option, room_of(case, policy), [], here, qualifier, policy.catalogue
            ):
                qualifier.refuse_bundle(option, row)
    scores = policy.valuer.score(policy.valuer.design(situations), codes == QUALIFIED)
    levers = policy.levers(qualifier.channel)
    added = levers.at([case.request.at for case in cases]) if levers else None
    records = [Record(case, here, policy, qualifier) for case, here in zip(cases, situations, strict=True)]
    columns = Columns(
        policy,
        qualifier,
        policy.legend(placement),
        codes,
        scores,
        first=np.array([record.first for record in records]),
        charges=_charges(cases, qualifier),
        levers=added,
    )
    return [record.decision(columns, row) for row, record in enumerate(records)]


def _situation(case: Case, policy: Policy) -> Situation:
    request = case.request
    channel = policy.catalogue.placements[request.placement].channel
    zone = policy.settings.time_zone
    return Situation(
        case.profile,
        request.at,
        request.placement,
        channel,
        request.context,
        zone,
        case.stock,
        case.scarcity,
    )


def _charges(cases: list[Case], qualifier: Qualifier) -> FloatArray | None:
    """Return what each action's uses cost each case (n, k), if anything: prices are set before anything is drawn."""
    if not qualifier.resources:
        return None
    charges = np.zeros((len(cases), len(qualifier.actions)))
    for row, case in zip(charges, cases, strict=True):
        for position, action in enumerate(qualifier.actions):
            if qualifier.uses[action]:
                row[position] = case.scarcity.charge(qualifier.uses[action])
    return charges
