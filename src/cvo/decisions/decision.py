"""The decision record: one answer to "what next for this customer here", with all that led to it."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

import msgspec

from cvo.actions.qualify import Refusal
from cvo.actions.scarcity import NOTHING_SCARCE, Scarcity
from cvo.core.clock import Instant
from cvo.core.errors import Damaged
from cvo.core.evidence import Grade
from cvo.core.ids import DecisionId, PersonId
from cvo.decisions.packed import WIDTH, one, packed, unpacked
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


class Terms(msgspec.Struct, frozen=True):
    """A score term by term, in major units of the decision's currency where not a rate.

    `score = uplift + clv_change − patience − cost + lever − price`, `uplift` being the margin caused inside the window
    and `clv_change − patience` what is caused after it. `grade` is of the uplift, `clv_grade` of what comes after.
    """

    response_probability: float
    margin_per_response: float
    incrementality: float
    uplift: float
    clv_change: float
    patience: float
    cost: float
    lever: float
    price: float
    score: float
    score_sd: float
    grade: str
    clv_grade: str = Grade.ASSUMED.value


class Candidate(msgspec.Struct, frozen=True):
    """An action of the catalogue: refused with a reason, or scored."""

    action: str
    refusal: Refusal | None
    terms: Terms | None


LEAD = "lead"
"""The row of a table of scores that says which action, by its number there, stands for each among the options."""

_TERMS = Terms.__struct_fields__[:-2]
_GRADES = tuple(Grade)


class Scored(msgspec.Struct, frozen=True, array_like=True):
    """The scores of the qualified actions.

    `table` has a row of numbers for each of the `rows`, which name terms, and in it one for each of the `actions`; a
    term without a row is zero for all. Actions of a bundle have the terms of all of it. `grades` are positions in the
    list of grades, a byte for each action, and so are `clv_grades`, of what comes after the window; records from before
    that was scored have none.
    """

    actions: list[str]
    rows: list[str]
    table: bytes
    grades: bytes
    clv_grades: bytes = b""

    @classmethod
    def of(cls, actions: list[str], grade: Iterable[str], **terms: Iterable[float]) -> "Scored":
        """Make a table of terms given by name, each with a number for every action."""
        table = b"".join(packed(numbers) for numbers in terms.values())
        return cls(actions, list(terms), table, bytes(_GRADES.index(Grade(each)) for each in grade))

    @property
    def score(self) -> list[float]:
        """Return what each action is expected to bring, levers and prices counted."""
        return self.term("score")

    @property
    def response_probability(self) -> list[float]:
        """Return how probably each action is responded to."""
        return self.term("response_probability")

    @property
    def grade(self) -> list[str]:
        """Return how each action's value is known."""
        return [_GRADES[number].value for number in self.grades]

    @property
    def clv_grade(self) -> list[str]:
        """Return how what each action changes after its window is known."""
        if not self.clv_grades:
            return [Grade.ASSUMED.value] * len(self.actions)
        return [_GRADES[number].value for number in self.clv_grades]

    def term(self, name: str) -> list[float]:
        """Return one term of the score for each action."""
        if name not in self.rows:
            return [0.0] * len(self.actions)
        width = WIDTH * len(self.actions)
        start = width * self.rows.index(name)
        return unpacked(self.table[start : start + width])

    def lead(self, action: str) -> str:
        """Return the option that an action is part of: itself, or the first of its bundle."""
        if LEAD not in self.rows:
            return action
        return self.actions[int(self.term(LEAD)[self.actions.index(action)])]

    def worth(self) -> list[float]:
        """Return each score less its lever: what the action is expected to bring, whoever pushes it."""
        if "lever" not in self.rows:
            return self.score
        return [score - lever for score, lever in zip(self.score, self.term("lever"), strict=True)]

    def terms(self) -> dict[str, Terms]:
        """Return the terms of every qualified action."""
        rows = zip(*map(self.term, _TERMS), self.grade, self.clv_grade, strict=True)
        return {action: Terms(*row) for action, row in zip(self.actions, rows, strict=True)}

    def plain(self) -> dict[str, Any]:
        """Return everything as lists by name."""
        columns = {name: self.term(name) for name in _TERMS}
        return {"actions": self.actions, **columns, "grade": self.grade, "clv_grade": self.clv_grade}


class Slot(msgspec.Struct, frozen=True, array_like=True):
    """What one slot of the placement got, by which draw, with which probabilities.

    `options` are the qualified actions still open and, last, nothing: a later slot lacks what earlier ones chose,
    and what contact limits leave no room for after them. The first action of a bundle stands for it; the slots of the
    others follow, each with its action for certain. `propensities` are the policy's
    probabilities of picking each, `delivery_probabilities` those with which the customer gets each, given the
    arm and coins already fallen; both sum to one. `coin` is the withholding draw of the chosen action,
    `creative_propensity` the probability of its creative among those that fit.
    """

    rank: int
    options: list[str]
    packed_propensities: bytes
    packed_delivery: bytes
    draw: float
    chosen: str
    creative: str | None
    coin: float | None
    delivery: Delivery
    creative_propensity: float = 1.0

    @property
    def propensities(self) -> list[float]:
        """Return the probabilities with which the policy picks each option."""
        return unpacked(self.packed_propensities)

    @property
    def delivery_probabilities(self) -> list[float]:
        """Return the probabilities with which the customer gets each option."""
        return unpacked(self.packed_delivery)

    @property
    def propensity(self) -> float:
        """Return the probability with which the policy picks what was chosen."""
        return one(self.packed_propensities, self.options.index(self.chosen))

    def with_chances(self, propensities: Iterable[float], delivery: Iterable[float]) -> "Slot":
        """Return the slot with other probabilities."""
        return msgspec.structs.replace(
            self, packed_propensities=packed(propensities), packed_delivery=packed(delivery)
        )

    def plain(self) -> dict[str, Any]:
        """Return everything by name, with probabilities as lists."""
        fields = msgspec.structs.asdict(self)
        del fields["packed_propensities"], fields["packed_delivery"]
        chances = {"propensities": self.propensities, "delivery_probabilities": self.delivery_probabilities}
        return fields | chances


LAYOUT = 3
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
    refused_actions: list[str]
    refused_by: list[int]
    """For each refused action, the number of its refusal in `refusals`."""
    refusals: list[Refusal]
    scored: Scored
    slots: list[Slot]
    scarcity: Scarcity = NOTHING_SCARCE
    """What was left of the resources that actions here use or rules ask about, as last counted, and their prices."""

    @property
    def refused(self) -> dict[str, int]:
        """Return the refused actions, with the number of their refusal in `refusals`."""
        return dict(zip(self.refused_actions, self.refused_by, strict=True))

    @property
    def candidates(self) -> list[Candidate]:
        """Return every action of the catalogue in alphabetical order, refused or scored term by term."""
        refused = [Candidate(action, self.refusals[number], None) for action, number in self.refused.items()]
        scored = [Candidate(action, None, terms) for action, terms in self.scored.terms().items()]
        return sorted([*refused, *scored], key=lambda candidate: candidate.action)


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Decision)
_LIST, _THIS = b"\xdc", bytes([LAYOUT])


def encode(decision: Decision) -> bytes:
    """Return the bytes the log keeps."""
    return _ENCODER.encode(decision)


def decode(body: bytes) -> Decision:
    """Read the bytes the log kept, in whatever layout; raises `Damaged` where they are no record."""
    # The first byte says that a list of more than fifteen fields follows, the fourth is the first field.
    if body[:1] == _LIST and body[3:4] == _THIS:
        try:
            return _DECODER.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Damaged(f"a logged decision can't be read ({error}); run `cvo doctor`") from None
    # Imported late: hardly any company has records that old.
    from cvo.decisions.earlier import read

    return read(body)
