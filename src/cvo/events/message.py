"""What intake hands on: a message that can be stored, or a letter that says why it can't."""

from enum import StrEnum

import msgspec

from cvo.core.clock import Instant
from cvo.core.errors import InvalidInput
from cvo.core.ids import EventId, PersonId
from cvo.core.random import keyed_bytes
from cvo.events.event import Body
from cvo.events.stock import StockLevel


class IdKind(StrEnum):
    """Whether an id names a customer the company knows, or a browser or device it has only seen."""

    USER = "user"
    ANONYMOUS = "anonymous"


class ExternalId(msgspec.Struct, frozen=True, order=True, array_like=True):
    """An id as the client sent it; a node of the identity graph."""

    kind: IdKind
    value: str

    @property
    def known(self) -> bool:
        """Tell whether the id names a known customer."""
        return self.kind is IdKind.USER

    def sender_key(self, salt: str) -> bytes:
        """Return the 16 bytes under which messages of this id are de-duplicated, whatever is merged later."""
        return keyed_bytes(salt, "sender", self.kind.value, self.value)

    def person_id(self, salt: str, incarnation: int = 0) -> PersonId:
        """Return the id of this node.

        An erased customer who comes back with the same id is another person: the next `incarnation`.
        """
        return PersonId(keyed_bytes(salt, "person", self.kind.value, self.value, incarnation))


def user(value: str) -> ExternalId:
    """Return the id of a known customer."""
    return ExternalId(IdKind.USER, value)


def anonymous(value: str) -> ExternalId:
    """Return the id of a browser or device."""
    return ExternalId(IdKind.ANONYMOUS, value)


class Message(msgspec.Struct, frozen=True):
    """A message that passed intake.

    `body` is missing where the message only links two ids; `link` has the same owner as `sender`. A level of stock is
    no fact about whoever sent it.
    """

    event_id: EventId
    sender_key: bytes
    message_id: str
    sender: ExternalId
    at: Instant
    received_at: Instant
    body: Body | StockLevel | None
    link: ExternalId | None = None


class Reason(StrEnum):
    """Why a message was refused; stable codes for programs."""

    NOT_AN_OBJECT = "not_an_object"
    NOT_UNICODE = "not_unicode"
    NOT_JSON = "not_json"
    TOO_LARGE = "too_large"
    TOO_DEEP = "too_deep"
    WRONG_TYPE = "wrong_type"
    UNKNOWN_TYPE = "unknown_type"
    NUL_CHARACTER = "nul_character"
    NOT_FINITE = "not_finite"
    OUT_OF_RANGE = "out_of_range"
    MISSING_ID = "missing_id"
    MISSING_NAME = "missing_name"
    MISSING_PROPERTY = "missing_property"
    INVALID_PROPERTY = "invalid_property"
    INVALID_ID = "invalid_id"
    INVALID_TIME = "invalid_time"
    TIME_TOO_EARLY = "time_too_early"
    TIME_TOO_LATE = "time_too_late"
    UNKNOWN_ACTION = "unknown_action"
    UNKNOWN_PLACEMENT = "unknown_placement"


class Refused(InvalidInput):
    """One message can't be taken; raised inside intake, which turns it into a `DeadLetter`."""

    def __init__(self, reason: Reason, detail: str) -> None:
        self.reason = reason
        super().__init__(detail)


class DeadLetter(msgspec.Struct, frozen=True):
    """A message that was refused, with the reason; `raw` is its JSON text (ASCII, cut at 32 KB).

    `letter_id` is made from the content, so that the same bad message sent again is the same letter.
    """

    letter_id: bytes
    received_at: Instant
    reason: Reason
    detail: str
    raw: str


class Accepted(msgspec.Struct, frozen=True):
    """Receipt: the message is stored, and folded into the profile of `person_id`; empty where it is of no person."""

    event_id: EventId
    person_id: PersonId


class Duplicate(msgspec.Struct, frozen=True):
    """Receipt: this message was stored before; nothing changed."""

    event_id: EventId


Receipt = Accepted | Duplicate | DeadLetter


class ActionLabels(msgspec.Struct, frozen=True):
    """What an action was when it was chosen."""

    team: str
    stage: str
    contact_cost_minor: float
    currency: str


class Labels(msgspec.Struct, frozen=True):
    """Labels of the running catalogue: of actions by id, and the channel of each placement."""

    actions: dict[str, ActionLabels] = {}
    channels: dict[str, str] = {}

    def action(self, action: str) -> ActionLabels:
        """Return the labels of an action; an unknown one raises `Refused`."""
        try:
            return self.actions[action]
        except KeyError:
            raise Refused(
                Reason.UNKNOWN_ACTION, f"unknown action {action!r}: apply the catalogue that has it first"
            ) from None

    def channel(self, placement: str) -> str:
        """Return the channel of a placement; an unknown one raises `Refused`."""
        try:
            return self.channels[placement]
        except KeyError:
            raise Refused(
                Reason.UNKNOWN_PLACEMENT,
                f"unknown placement {placement!r}: apply the catalogue that has it first",
            ) from None
