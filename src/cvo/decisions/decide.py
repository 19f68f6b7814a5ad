"""Deciding: qualified → scored → exact propensities → one draw from them → a frozen record.

A single request is a batch of one: there is one definition, and a decision does not depend on its company in
the batch.
"""

import math
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from cvo.actions.qualify import QUALIFIED, CodeArray, Qualifier, Refusal
from cvo.actions.situation import Situation
from cvo.actions.stock import NO_STOCK, Stock
from cvo.core.digest import digest
from cvo.core.ids import PersonId, decision_id
from cvo.core.random import keyed_uniform
from cvo.decisions.decision import (
    NOTHING,
    Arm,
    Decision,
    Purpose,
    Request,
    Scored,
    Slot,
    Subject,
)
from cvo.decisions.policy import Policy
from cvo.decisions.slots import closed
from cvo.decisions.withholding import Coin, Coins
from cvo.events.event import Delivery
from cvo.learning import draw
from cvo.profiles.profile import EMPTY, Profile
from cvo.valuation.score import Scores

FloatArray = NDArray[np.float64]
PositionArray = NDArray[np.intp]

UNVALUED = Refusal("value", "nothing says what a response is worth: set the action's value or assume one")


class Case(msgspec.Struct, frozen=True):
    """One request with the customer it is about, and the stock of the products that rules ask about."""

    subject: Subject
    profile: Profile
    request: Request
    stock: Stock = NO_STOCK


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
    return policy


def _decide_placement(cases: list[Case], placement: str, policy: Policy) -> list[Decision]:
    qualifier = policy.qualifier(placement)
    situations = [_situation(case, policy) for case in cases]
    codes = qualifier.codes(situations)
    scores = policy.valuer.score(policy.valuer.design(situations), codes == QUALIFIED)
    qualified = np.isfinite(scores.mean)
    probabilities = policy.choice.probabilities(scores.mean, scores.sd, among=qualified)
    return [
        _Record(case, policy, qualifier, scores, row).decision(codes[row], qualified[row], probabilities[row])
        for row, case in enumerate(cases)
    ]


def _situation(case: Case, policy: Policy) -> Situation:
    request = case.request
    channel = policy.catalogue.placements[request.placement].channel
    zone = policy.settings.time_zone
    return Situation(case.profile, request.at, request.placement, channel, request.context, zone, case.stock)


class _Record:
    """Puts one decision together from its row of the batch."""

    def __init__(self, case: Case, policy: Policy, qualifier: Qualifier, scores: Scores, row: int) -> None:
        self._case, self._policy, self._qualifier = case, policy, qualifier
        self._scores, self._row = scores, row
        self._names = policy.names
        request, subject = case.request, case.subject
        self._coins = Coins(
            policy.settings.seed, subject.met_as or subject.person_id, case.profile, request.at
        )
        # What no rule asks about is no part of the decision, whatever the rest of the batch had to know.
        self._pins = policy.pins(subject.version, case.stock.version if qualifier.products else 0)
        self._id = decision_id(
            request.at,
            policy.settings.seed,
            subject.person_id,
            subject.customer,
            request.placement,
            request.purpose.value,
            # Rehearsals leave the person's version as it is: what tells two of them apart is policy and context.
            digest((self._pins, request.context)),
        )

    def decision(
        self, codes: NDArray[np.int32], qualified: NDArray[np.bool_], probabilities: FloatArray
    ) -> Decision:
        request, subject = self._case.request, self._case.subject
        positions = np.flatnonzero(qualified)
        refused = np.flatnonzero(~qualified)
        refused_by, refusals = self._refusals(codes[refused])
        return Decision(
            decision_id=self._id,
            person_id=subject.person_id,
            customer=subject.customer,
            placement=request.placement,
            channel=self._qualifier.channel,
            at=request.at,
            purpose=request.purpose,
            context=request.context,
            arm=subject.arm,
            met_as=subject.met_as,
            pins=self._pins,
            currency=self._policy.settings.currency,
            refused_actions=self._names[refused].tolist(),
            refused_by=refused_by,
            refusals=refusals,
            scored=self._scored(positions),
            slots=self._slots(positions, probabilities),
        )

    def _refusals(self, codes: CodeArray) -> tuple[list[int], list[Refusal]]:
        """Return the numbers of the refusals that codes stand for, and the refusals in the order of their numbers."""
        here, known = _situation(self._case, self._policy), self._qualifier
        found = np.flatnonzero(np.bincount(codes - QUALIFIED))
        numbers = np.empty(found[-1] + 1 if len(found) else 0, dtype=np.int64)
        numbers[found] = np.arange(len(found))
        refusals = [
            UNVALUED if code == QUALIFIED else known.refusal(code, here)
            for code in (found + QUALIFIED).tolist()
        ]
        return numbers[codes - QUALIFIED].tolist(), refusals

    def _scored(self, positions: PositionArray) -> Scored:
        scores, row = self._scores, self._row
        return Scored(
            actions=self._names[positions].tolist(),
            response_probability=scores.response_probability[row, positions].tolist(),
            margin_per_response=scores.margin_per_response[positions].tolist(),
            incrementality=scores.incrementality[row, positions].tolist(),
            uplift=scores.uplift[row, positions].tolist(),
            clv_change=[],
            cost=scores.cost[positions].tolist(),
            lever=[],
            price=[],
            score=scores.mean[row, positions].tolist(),
            score_sd=scores.sd[row, positions].tolist(),
            grade=[scores.grades[position] for position in positions.tolist()],
        )

    def _slots(self, positions: PositionArray, probabilities: FloatArray) -> list[Slot]:
        slots = [self._slot(1, positions, probabilities)]
        names = self._qualifier.actions
        for rank in range(2, self._room() + 1):
            # Chosen and withheld is a contact too.
            taken = [slot.chosen for slot in slots if slot.chosen]
            gone = closed(taken, _situation(self._case, self._policy), self._qualifier, self._policy.catalogue)
            positions = np.array([p for p in positions.tolist() if names[p] not in gone], dtype=np.intp)
            among = np.zeros(len(names), dtype=np.bool_)
            among[positions] = True
            probabilities = self._policy.choice.probabilities(
                self._scores.mean[self._row], self._scores.sd[self._row], among=among
            )
            slots.append(self._slot(rank, positions, probabilities))
        return slots

    def _room(self) -> int:
        request = self._case.request
        slots = self._policy.catalogue.placements[request.placement].slots
        return slots if request.limit is None else min(slots, request.limit)

    def _slot(self, rank: int, positions: PositionArray, probabilities: FloatArray) -> Slot:
        options = [*self._names[positions].tolist(), NOTHING]
        chances = probabilities[np.append(positions, len(self._names))]
        uniform = keyed_uniform(self._policy.settings.seed, "draw", self._id, rank)
        if self._case.subject.arm is Arm.CONTROL:
            chosen, delivered = NOTHING, [0.0] * len(positions) + [1.0]
        else:
            chosen = options[int(draw(chances, uniform))]
            delivered = self._delivered(options, positions, chances)
        thrown = self._coins.coin(chosen, self._policy.withholding[chosen]) if chosen else None
        return Slot(
            rank=rank,
            options=options,
            propensities=chances.tolist(),
            delivery_probabilities=delivered,
            draw=uniform,
            chosen=chosen,
            creative=self._creative(chosen, rank) if chosen else None,
            coin=thrown.value if thrown else None,
            delivery=self._delivery(thrown),
        )

    def _delivered(
        self, options: list[str], positions: PositionArray, probabilities: FloatArray
    ) -> list[float]:
        """Return the probabilities with which the customer gets each option; nothing gets what is withheld."""
        rules = self._policy.withholding
        rates = self._policy.withheld_rates[positions]
        for action, fallen in self._coins.fallen(rules).items():
            if action in options:
                rates[options.index(action)] = float(fallen.withholds)
        delivered: list[float] = (probabilities[:-1] * (1.0 - rates)).tolist()
        # Exactly rounded, whatever the version of Python adds up floats like.
        return [*delivered, max(0.0, 1.0 - math.fsum(delivered))]

    def _creative(self, action: str, rank: int) -> str:
        creatives = self._policy.catalogue.actions[action].creatives
        fitting = sorted(key for key, c in creatives.items() if c.placement == self._case.request.placement)
        uniform = keyed_uniform(self._policy.settings.seed, "creative", self._id, rank)
        return fitting[int(uniform * len(fitting))]

    def _delivery(self, thrown: Coin | None) -> Delivery:
        if thrown is None:
            return Delivery.NOTHING
        if self._case.request.purpose is Purpose.REHEARSAL:
            return Delivery.REHEARSED
        return Delivery.WITHHELD if thrown.withholds else Delivery.DELIVERED
