"""Deciding: qualified → scored → exact propensities → one draw from them → a frozen record.

A single request is a batch of one: there is one definition, and a decision does not depend on its company in
the batch.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from cvo.actions.qualify import QUALIFIED, CodeArray, Qualifier, Refusal
from cvo.actions.situation import Situation
from cvo.core.digest import digest
from cvo.core.ids import decision_id
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
from cvo.decisions.withholding import Coin, Coins
from cvo.events.event import Delivery
from cvo.learning import draw
from cvo.profiles.profile import Profile
from cvo.valuation.score import Scores

FloatArray = NDArray[np.float64]

UNVALUED = Refusal("value", "nothing says what a response is worth: set the action's value or assume one")


class Case(msgspec.Struct, frozen=True):
    """One request with the customer it is about."""

    subject: Subject
    profile: Profile
    request: Request


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


def _decide_placement(cases: list[Case], placement: str, policy: Policy) -> list[Decision]:
    qualifier = policy.qualifier(placement)
    situations = [_situation(case, policy) for case in cases]
    codes = qualifier.codes(situations)
    scores = policy.valuer.score(policy.valuer.design(situations), codes == QUALIFIED)
    qualified = np.isfinite(scores.mean)
    probabilities = _first_propensities(scores, qualified, policy)
    return [
        _Record(case, policy, qualifier, scores, row).decision(codes[row], qualified[row], probabilities[row])
        for row, case in enumerate(cases)
    ]


def _situation(case: Case, policy: Policy) -> Situation:
    request = case.request
    channel = policy.catalogue.placements[request.placement].channel
    return Situation(
        case.profile, request.at, request.placement, channel, request.context, policy.settings.time_zone
    )


def _first_propensities(scores: Scores, qualified: NDArray[np.bool_], policy: Policy) -> list[FloatArray]:
    """Return each row's probabilities over its qualified actions and nothing; rows alike go together."""
    alike: dict[bytes, list[int]] = {}
    for row, pattern in enumerate(qualified):
        alike.setdefault(pattern.tobytes(), []).append(row)
    result: list[FloatArray] = [np.empty(0)] * len(qualified)
    for rows in alike.values():
        options = np.flatnonzero(qualified[rows[0]])
        chosen = np.ix_(np.array(rows), options)
        together = policy.choice.probabilities(scores.mean[chosen], scores.sd[chosen])
        for row, probabilities in zip(rows, together, strict=True):
            result[row] = probabilities
    return result


class _Record:
    """Puts one decision together from its row of the batch."""

    def __init__(self, case: Case, policy: Policy, qualifier: Qualifier, scores: Scores, row: int) -> None:
        self._case, self._policy, self._qualifier = case, policy, qualifier
        self._scores, self._row = scores, row
        request, subject = case.request, case.subject
        self._coins = Coins(
            policy.settings.seed, subject.met_as or subject.person_id, case.profile, request.at
        )
        self._pins = policy.pins(subject.version)
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
        refused, refusals = self._refusals(codes, qualified)
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
            refused=refused,
            refusals=refusals,
            scored=self._scored(positions),
            slots=self._slots(positions.tolist(), probabilities),
        )

    def _refusals(
        self, codes: CodeArray, qualified: NDArray[np.bool_]
    ) -> tuple[dict[str, int], list[Refusal]]:
        """Return the number of each refused action's refusal, and the refusals in the order of their numbers."""
        names, refused_by = self._qualifier.actions, codes.tolist()
        numbers: dict[int, int] = {}
        refused = {
            names[position]: numbers.setdefault(refused_by[position], len(numbers))
            for position in np.flatnonzero(~qualified).tolist()
        }
        here, known = _situation(self._case, self._policy), self._qualifier
        return refused, [UNVALUED if code == QUALIFIED else known.refusal(code, here) for code in numbers]

    def _scored(self, positions: NDArray[np.intp]) -> Scored:
        scores, row = self._scores, self._row
        return Scored(
            actions=[self._qualifier.actions[position] for position in positions.tolist()],
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

    def _slots(self, open_positions: list[int], probabilities: FloatArray) -> list[Slot]:
        slots = [self._slot(1, open_positions, probabilities)]
        names = self._qualifier.actions
        for rank in range(2, self._room() + 1):
            # Chosen and withheld is a contact too.
            taken = [slot.chosen for slot in slots if slot.chosen]
            full = self._qualifier.full(_situation(self._case, self._policy), taken) if taken else set()
            gone = full.union(taken)
            open_positions = [p for p in open_positions if names[p] not in gone]
            probabilities = self._policy.choice.probabilities(
                self._scores.mean[self._row, open_positions], self._scores.sd[self._row, open_positions]
            )
            slots.append(self._slot(rank, open_positions, probabilities))
        return slots

    def _room(self) -> int:
        request = self._case.request
        slots = self._policy.catalogue.placements[request.placement].slots
        return slots if request.limit is None else min(slots, request.limit)

    def _slot(self, rank: int, positions: list[int], probabilities: FloatArray) -> Slot:
        options = [*(self._qualifier.actions[position] for position in positions), NOTHING]
        uniform = keyed_uniform(self._policy.settings.seed, "draw", self._id, rank)
        if self._case.subject.arm is Arm.CONTROL:
            chosen, delivered = NOTHING, [0.0] * len(positions) + [1.0]
        else:
            chosen = options[int(draw(probabilities, uniform))]
            delivered = self._delivered(options, probabilities)
        thrown = self._coins.coin(chosen, self._policy.withholding[chosen]) if chosen else None
        return Slot(
            rank=rank,
            options=options,
            propensities=probabilities.tolist(),
            delivery_probabilities=delivered,
            draw=uniform,
            chosen=chosen,
            creative=self._creative(chosen, rank) if chosen else None,
            coin=thrown.value if thrown else None,
            delivery=self._delivery(thrown),
        )

    def _delivered(self, options: list[str], probabilities: FloatArray) -> list[float]:
        """Return the probabilities with which the customer gets each option; nothing gets what is withheld."""
        rules = self._policy.withholding
        rates = np.array([rules[action].rate for action in options[:-1]])
        for action, fallen in self._coins.fallen(rules).items():
            if action in options:
                rates[options.index(action)] = float(fallen.withholds)
        delivered: list[float] = (probabilities[:-1] * (1.0 - rates)).tolist()
        return [*delivered, max(0.0, 1.0 - sum(delivered))]

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
