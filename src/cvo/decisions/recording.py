"""Putting one decision together: what a batch computed for it, the draws of its slots, coins, creatives."""

import math
from functools import cached_property, partial

import msgspec
import numpy as np
from numpy.typing import NDArray

from cvo.actions.qualify import Qualifier
from cvo.actions.scarcity import NOTHING_SCARCE, Scarcity
from cvo.actions.situation import Situation
from cvo.core.clock import Instant
from cvo.core.digest import digest
from cvo.core.ids import decision_id
from cvo.core.random import keyed_uniform
from cvo.decisions.case import Case, room_of
from cvo.decisions.columns import Columns
from cvo.decisions.creative import Rendered
from cvo.decisions.decision import (
    NOTHING,
    Arm,
    Decision,
    Purpose,
    Slot,
)
from cvo.decisions.packed import WIDTH, one, packed, unpacked
from cvo.decisions.policy import Policy
from cvo.decisions.slots import closed, fits
from cvo.decisions.withholding import Coin, Coins
from cvo.events.event import Delivery
from cvo.learning import draw

FloatArray = NDArray[np.float64]


class Record:
    """Puts one decision together, from what a batch computed for it."""

    def __init__(self, case: Case, here: Situation, policy: Policy, qualifier: Qualifier) -> None:
        self._case, self._here, self._policy, self._qualifier = case, here, policy, qualifier
        self._legend = policy.legend(case.request.placement)
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

    @cached_property
    def first(self) -> float:
        """Return the number in [0, 1) that draws the option of the first slot."""
        return self._uniform(1)

    def _uniform(self, rank: int) -> float:
        return keyed_uniform(self._policy.settings.seed, "draw", self._id, rank)

    def decision(self, columns: Columns, row: int) -> Decision:
        """Return the decision, of which a row of the columns has the first slot."""
        request, subject = self._case.request, self._case.subject
        codes = columns.refused(row)
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
            legend=self._legend,
            codes=codes,
            ends=self._ends(codes),
            scored=columns.scored(row),
            slots=self._slots(columns, row),
            scarcity=self._scarcity(),
        )

    def _scarcity(self) -> Scarcity:
        # A rule may ask about what no action here uses, and has to see the same again.
        watched = self._qualifier.watched
        return self._case.scarcity.only(watched) if watched else NOTHING_SCARCE

    def _ends(self, codes: bytes) -> dict[int, Instant]:
        known = self._qualifier
        return known.rest_ends(self._legend.codes(codes), self._here) if known.rests else {}

    def _slots(self, columns: Columns, row: int) -> list[Slot]:
        slots = self._with_mates(self._slot(1, *columns.options(row), columns.drawn(row)))
        among, room = columns.among[row].copy(), room_of(self._case, self._policy)
        while len(slots) < room:
            chosen = [slot.chosen for slot in slots if slot.chosen]
            among &= self._open(chosen, room - len(slots), among)
            scores = columns.scores
            chances = self._policy.choice.probabilities(scores.mean[row], scores.sd[row], among=among)
            slots += self._with_mates(self._later(len(slots) + 1, among, chances))
        return slots

    def _open(self, chosen: list[str], room: int, among: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which options (k,) of those `among` earlier choices leave open, with room for so many actions more."""
        here, known, catalogue = self._here, self._qualifier, self._policy.catalogue
        shut = closed(chosen, here, known, catalogue)
        for each in known.bundles.mates:
            if among[known.actions.index(each)] and each not in shut:
                shut |= set() if fits(each, room, chosen, here, known, catalogue) else {each}
        return np.array([name not in shut for name in known.actions])

    def _with_mates(self, slot: Slot) -> list[Slot]:
        """Return a slot and those of the actions that come with what it chose, delivered or withheld as that is."""
        slots, mates = [slot], self._qualifier.bundles.members(slot.chosen)[1:]
        # By now the coin that all of them share has fallen.
        got = (
            float(slot.coin is not None and slot.coin >= self._policy.withholding[slot.chosen].rate)
            if mates
            else 0.0
        )
        for action in mates:
            rank = slots[-1].rank + 1
            rendered = self._rendered(action, rank)
            slots.append(
                msgspec.structs.replace(
                    slot,
                    rank=rank,
                    places=self._legend.packed_places([action]),
                    packed_propensities=packed([1.0, 0.0]),
                    packed_delivery=packed([got, 1.0 - got]),
                    draw=self._uniform(rank),
                    chosen=action,
                    creative=rendered.key,
                    creative_propensity=rendered.propensity,
                )
            )
        return slots

    def _later(self, rank: int, among: NDArray[np.bool_], probabilities: FloatArray) -> Slot:
        """Return a slot after the first, with what is still open."""
        positions = np.flatnonzero(among)
        chances = probabilities[positions]
        delivered = (chances * (1.0 - self._policy.withheld_rates[positions])).tolist()
        return self._slot(
            rank,
            positions.astype(f"<{self._legend.place_type}").tobytes(),
            packed([*chances.tolist(), float(probabilities[-1])]),
            packed([*delivered, max(0.0, 1.0 - math.fsum(delivered))]),
            int(draw(probabilities, self._uniform(rank))),
        )

    def _slot(self, rank: int, places: bytes, chances: bytes, delivered: bytes, drawn: int) -> Slot:
        names = self._qualifier.actions
        if self._case.subject.arm is Arm.CONTROL:
            chosen, delivered = NOTHING, packed([*[0.0] * (len(chances) // WIDTH - 1), 1.0])
        else:
            chosen = names[drawn] if drawn < len(names) else NOTHING
            delivered = self._delivered(places, chances, delivered)
        thrown = self._coins.coin(chosen, self._policy.withholding[chosen]) if chosen else None
        rendered = self._rendered(chosen, rank) if chosen else None
        return Slot(
            rank=rank,
            legend=self._legend,
            places=places,
            packed_propensities=chances,
            packed_delivery=delivered,
            draw=self.first if rank == 1 else self._uniform(rank),
            chosen=chosen,
            creative=rendered.key if rendered else None,
            coin=thrown.value if thrown else None,
            delivery=self._delivery(thrown),
            creative_propensity=rendered.propensity if rendered else 1.0,
        )

    def _delivered(self, places: bytes, chances: bytes, delivered: bytes) -> bytes:
        """Return the probabilities with which the customer gets each option; nothing gets what is withheld."""
        fallen = self._coins.fallen(self._policy.withholding)
        if not fallen:
            return delivered
        options, numbers = self._legend.named(places), unpacked(delivered)[:-1]
        for action, coin in fallen.items():
            if action in options:
                at = options.index(action)
                numbers[at] = 0.0 if coin.withholds else one(chances, at)
        # Exactly rounded, whatever the version of Python adds up floats like.
        return packed([*numbers, max(0.0, 1.0 - math.fsum(numbers))])

    def _rendered(self, action: str, rank: int) -> Rendered:
        uniform = partial(keyed_uniform, self._policy.settings.seed, "creative", self._id, rank)
        left = self._qualifier.creatives(action, self._here)
        return self._policy.rendering.choose(action, left, self._here, uniform)

    def _delivery(self, thrown: Coin | None) -> Delivery:
        if thrown is None:
            return Delivery.NOTHING
        if self._case.request.purpose is Purpose.REHEARSAL:
            return Delivery.REHEARSED
        return Delivery.WITHHELD if thrown.withholds else Delivery.DELIVERED
