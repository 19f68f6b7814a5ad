"""The decision record: one answer to "what next for this customer here", with all that led to it."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

import msgspec

from cvo.actions.qualify import Refusal
from cvo.actions.scarcity import NOTHING_SCARCE, Scarcity
from cvo.core.clock import Instant
from cvo.core.errors import Damaged
from cvo.core.ids import DecisionId, PersonId
from cvo.decisions.legend import Legend, Legends
from cvo.decisions.packed import WIDTH, one, packed, unpacked
from cvo.decisions.scored import Scored, Terms
from cvo.events.event import Delivery, Scalar

NOTHING = ""
"""The option of doing nothing, in lists of options and their propensities."""


class Arm(StrEnum):
    """Whether the customer gets decisions or, as a control, the baseline."""

    TREATED = "treated"
    CONTROL = "control"


class Purpose(StrEnum):
    """What a decision is made for."""

    LIVE = "live"
    """The customer gets it; it counts as a contact, and its outcomes are learned from."""
    REHEARSAL = "rehearsal"
    """Logged and never delivered: it counts neither as a contact nor in any value."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """Asks what is next for one customer at one placement, with what the caller knows of the moment.

    `limit` is the number of slots to fill where the caller has room for fewer than the placement.
    """

    placement: str
    at: Instant
    context: dict[str, Scalar] = {}
    purpose: Purpose = Purpose.LIVE
    limit: int | None = None


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """The customer a decision is made for, as they stood at `version`.

    `met_as` is the id they were first met by, empty if it is `person_id`: coins are keyed by it, so that logging in
    throws none anew.
    """

    person_id: PersonId
    customer: str
    version: int
    arm: Arm
    met_as: PersonId = PersonId(b"")


class Pins(msgspec.Struct, frozen=True, array_like=True):
    """Content hashes of all state the decision used, and the versions of the person and, where rules ask, of stock."""

    person_version: int
    catalogue: str
    models: str
    settings: str
    stock: int = 0


class Candidate(msgspec.Struct, frozen=True):
    """An action of the catalogue: refused with a reason, or scored."""

    action: str
    refusal: Refusal | None
    terms: Terms | None


class Slot(msgspec.Struct, frozen=True, array_like=True):
    """What one slot of the placement got, by which draw, with which probabilities.

    `places` are the numbers in the legend of all `options` but nothing.
    `options` are the qualified actions still open and, last, nothing: a later slot lacks what earlier ones chose,
    and what contact limits leave no room for after them. The first action of a bundle stands for it; the slots of the
    others follow, each with its action for certain. `propensities` are the policy's
    probabilities of picking each, `delivery_probabilities` those with which the customer gets each, given the
    arm and coins already fallen; both sum to one. `coin` is the withholding draw of the chosen action,
    `creative_propensity` the probability of its creative among those that fit.
    """

    rank: int
    legend: Legend
    places: bytes
    packed_propensities: bytes
    packed_delivery: bytes
    draw: float
    chosen: str
    creative: str | None
    coin: float | None
    delivery: Delivery
    creative_propensity: float = 1.0

    @property
    def options(self) -> list[str]:
        """Return what could be picked."""
        return [*self.legend.named(self.places), NOTHING]

    @property
    def propensities(self) -> list[float]:
        """Return the probabilities with which the policy picks each option."""
        return unpacked(self.packed_propensities)

    @property
    def delivery_probabilities(self) -> list[float]:
        """Return the probabilities with which the customer gets each option."""
        return unpacked(self.packed_delivery)

    @property
    def delivered_with(self) -> dict[str, float]:
        """Return each option with the probability with which the customer gets it."""
        *chances, nothing = self.delivery_probabilities
        delivered = dict(zip(self.legend.named(self.places), chances, strict=True))
        delivered[NOTHING] = nothing
        return delivered

    @property
    def propensity(self) -> float:
        """Return the probability with which the policy picks what was chosen."""
        if self.chosen == NOTHING:
            return one(self.packed_propensities, len(self.packed_propensities) // WIDTH - 1)
        return one(self.packed_propensities, self.legend.position(self.chosen, self.places))

    def with_chances(self, propensities: Iterable[float], delivery: Iterable[float]) -> "Slot":
        """Return the slot with other probabilities."""
        return msgspec.structs.replace(
            self, packed_propensities=packed(propensities), packed_delivery=packed(delivery)
        )

    def plain(self) -> dict[str, Any]:
        """Return everything by name, with probabilities as lists."""
        fields = {name: getattr(self, name) for name in self.__struct_fields__ if name not in _AS_BYTES}
        chances = {"propensities": self.propensities, "delivery_probabilities": self.delivery_probabilities}
        return fields | {"options": self.options} | chances


_AS_BYTES = {"legend", "places", "packed_propensities", "packed_delivery"}

LAYOUT = 4
"""Version of the record's stored form; `earlier` reads the ones before."""


class Decision(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One decision, frozen as it was made: enough to explain it, and to make it again bit for bit."""

    layout: int = LAYOUT
    decision_id: DecisionId
    person_id: PersonId
    customer: str
    placement: str
    channel: str
    at: Instant
    purpose: Purpose
    context: dict[str, Scalar]
    arm: Arm
    met_as: PersonId = PersonId(b"")
    """The id the customer was first met by, empty if it is `person_id`."""
    pins: Pins
    currency: str
    legend: Legend
    """What numbers of actions and refusals here stand for; of the record, its hash is a part."""
    codes: bytes
    """What refuses each action that is not scored, by the numbers of the legend."""
    ends: dict[int, Instant]
    """When the rests among them end, unless they never do."""
    scored: Scored
    slots: list[Slot]
    scarcity: Scarcity = NOTHING_SCARCE
    """What was left of the resources that actions here use or rules ask about, as last counted, and their prices."""

    @property
    def refused(self) -> dict[str, Refusal]:
        """Return the refused actions in alphabetical order, each with what refused it."""
        legend, scored = self.legend, set(self.scored.actions)
        others = [action for action in legend.actions if action not in scored]
        codes = legend.codes(self.codes)
        if len(codes) != len(others):
            raise Damaged(
                f"decision {self.decision_id} and its legend differ in what was refused; `cvo restore` a backup"
            )
        said = {code: self._said(code) for code in set(codes)}
        return {action: said[code] for action, code in zip(others, codes, strict=True)}

    def _said(self, code: int) -> Refusal:
        refusal, until = self.legend.refusal(code), self.ends.get(code)
        return refusal if until is None else Refusal(refusal.tier, refusal.rule, until)

    @property
    def candidates(self) -> list[Candidate]:
        """Return every action of the catalogue in alphabetical order, refused or scored term by term."""
        refused = [Candidate(action, refusal, None) for action, refusal in self.refused.items()]
        scored = [Candidate(action, None, terms) for action, terms in self.scored.terms().items()]
        return sorted([*refused, *scored], key=lambda candidate: candidate.action)

    def plain(self) -> dict[str, Any]:
        """Return everything by name, with what numbers stand for in their place."""
        named = {name: getattr(self, name) for name in self.__struct_fields__ if name not in _BY_NUMBER}
        return named | {"refused": self.refused}


_BY_NUMBER = {"layout", "legend", "codes", "ends"}


def _named(value: Any) -> bytes:
    if isinstance(value, Legend):
        return bytes.fromhex(value.version)
    raise NotImplementedError


_ENCODER = msgspec.msgpack.Encoder(enc_hook=_named)
_LIST, _THIS = b"\xdc", bytes([LAYOUT])


def encode(decision: Decision) -> bytes:
    """Return the bytes the log keeps."""
    return _ENCODER.encode(decision)


class Reader:
    """Reads records, in whatever layout; `legends` has what their numbers stand for."""

    def __init__(self, legends: Legends) -> None:
        self._decoder = msgspec.msgpack.Decoder(Decision, dec_hook=lambda _, name: legends(name.hex()))

    def read(self, body: bytes) -> Decision:
        """Read the bytes the log kept; raises `Damaged` where they are no record, or their legend is missing."""
        # The first byte says that a list of more than fifteen fields follows, the fourth is the first field.
        if body[:1] == _LIST and body[3:4] == _THIS:
            try:
                return self._decoder.decode(body)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise Damaged(f"a logged decision can't be read ({error}); run `cvo doctor`") from None
        # Imported late: hardly any company has records that old.
        from cvo.decisions.earlier import read

        return read(body)
