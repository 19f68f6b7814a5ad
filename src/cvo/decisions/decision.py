"""The decision record: one answer to "what next for this customer here", with all that led to it."""

from enum import StrEnum

import msgspec

from cvo.core.clock import Instant
from cvo.core.ids import DecisionId, PersonId
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
    """Asks what is next for one customer at one placement, with what the caller knows of the moment."""

    placement: str
    at: Instant
    context: dict[str, Scalar] = {}
    purpose: Purpose = Purpose.LIVE


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """The customer a decision is made for, as they stood at `version`."""

    person_id: PersonId
    customer: str
    version: int
    arm: Arm


class Pins(msgspec.Struct, frozen=True, array_like=True):
    """Content hashes of all state the decision used, and the version of the person."""

    person_version: int
    catalogue: str
    models: str
    settings: str


class Refusal(msgspec.Struct, frozen=True, array_like=True):
    """Why an action could not be done: the tier that refused it and the rule, in its own text."""

    tier: str
    rule: str


class Terms(msgspec.Struct, frozen=True, array_like=True):
    """A score term by term, in major units of the decision's currency where not a rate.

    `score = uplift + clv_change − cost + lever − price`, `uplift` being the margin caused inside the window.
    """

    response_probability: float
    margin_per_response: float
    incrementality: float
    uplift: float
    clv_change: float
    cost: float
    lever: float
    price: float
    score: float
    score_sd: float
    grade: str


class Candidate(msgspec.Struct, frozen=True, array_like=True):
    """An action of the catalogue: refused with a reason, or scored."""

    action: str
    refusal: Refusal | None
    terms: Terms | None


class Slot(msgspec.Struct, frozen=True, array_like=True):
    """What one slot of the placement got, by which draw, with which probabilities.

    `options` are the qualified actions and, last, nothing; `propensities` belong to them and sum to one.
    `delivered_probability` is the probability, given the arm and coins already fallen, that the customer gets
    what they got. `coin` is the withholding draw, or `None` where none was thrown.
    """

    rank: int
    options: list[str]
    propensities: list[float]
    draw: float
    chosen: str
    creative: str | None
    propensity: float
    withheld_rate: float
    coin: float | None
    delivery: Delivery
    delivered_probability: float


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """One decision, frozen as it was made: enough to explain it, and to make it again bit for bit."""

    decision_id: DecisionId
    person_id: PersonId
    customer: str
    placement: str
    channel: str
    at: Instant
    purpose: Purpose
    context: dict[str, Scalar]
    arm: Arm
    pins: Pins
    currency: str
    candidates: list[Candidate]
    slots: list[Slot]


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Decision)


def encode(decision: Decision) -> bytes:
    """Return the bytes the log keeps."""
    return _ENCODER.encode(decision)


def decode(body: bytes) -> Decision:
    """Read the bytes the log kept."""
    return _DECODER.decode(body)
