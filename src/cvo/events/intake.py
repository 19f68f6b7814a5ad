"""Intake: a decoded Segment-shaped message becomes a typed `Message`, or a `DeadLetter` with its reason."""

import json
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import msgspec

from cvo.core.clock import DAY, LATEST, Instant, parse_rfc3339
from cvo.core.errors import InvalidInput
from cvo.core.ids import event_id
from cvo.core.random import keyed_bytes
from cvo.events.bodies import body_of
from cvo.events.event import Activity, Body, TraitsSet
from cvo.events.message import DeadLetter, ExternalId, Labels, Message, Reason, Refused, anonymous, user
from cvo.events.stock import StockLevel
from cvo.events.values import INTEGER_LIMIT, flatten, text

SIZE_LIMIT = 32 * 1024
"""Bytes of one message as JSON, as Segment limits it."""
ID_LIMIT = 256
"""Characters of an id or an event name."""
EARLIEST = parse_rfc3339("1990-01-01T00:00:00Z")
"""Older times are taken for a clock that was never set."""
AHEAD_LIMIT = DAY
"""How far ahead of its receipt an event may claim to have happened."""

NOBODY = frozenset(
    (
        *(
            "null",
            "undefined",
            "none",
            "nil",
            "nan",
            "true",
            "false",
            "anonymous",
            "guest",
            "[object object]",
        ),
        "00000000-0000-0000-0000-000000000000",
    )
)
"""Ids that broken clients send for everybody; taken at their word they would make one person of all."""

_NOT_CONTENT = frozenset({"sentAt", "receivedAt"})


class _Envelope(msgspec.Struct, rename="camel"):
    type: str
    user_id: str | int | None = None
    anonymous_id: str | int | None = None
    previous_id: str | int | None = None
    group_id: str | int | None = None
    message_id: str | None = None
    event: str | None = None
    name: str | None = None
    properties: dict[str, Any] | None = None
    traits: dict[str, Any] | None = None
    context: Any = None
    timestamp: str | None = None
    original_timestamp: str | None = None
    sent_at: str | None = None
    received_at: Any = None
    """Only what was recorded elsewhere is believed when it says this; see `Intake.read_recorded`."""


class Intake(msgspec.Struct, frozen=True):
    """The rules of one company for what comes in: its secret `salt`, currency, and the catalogue's labels.

    >>> intake = Intake(salt="s", currency="EUR")
    >>> raw = {"type": "track", "userId": "u1", "event": "Visit", "messageId": "m1"}
    >>> intake.read(raw, parse_rfc3339("2026-01-31T08:00:00Z")).body
    Activity(name='Visit', properties={})
    >>> intake.read({**raw, "userId": None}, parse_rfc3339("2026-01-31T08:00:00Z")).reason
    <Reason.MISSING_ID: 'missing_id'>
    """

    salt: str
    currency: str
    labels: Labels = Labels()

    def read(self, raw: object, received_at: Instant, sent_at: str | None = None) -> Message | DeadLetter:
        """Turn one decoded message into a `Message`, or a `DeadLetter`; never raises for what a client sent.

        `sent_at` is the batch's `sentAt`, used where the message has none. The time of the event is
        `received_at - (sentAt - originalTimestamp)`, which takes the error of the client's clock out;
        without `sentAt` it is the timestamp as given, without timestamp `received_at`.
        A message without `messageId` gets one made from its content apart from `sentAt`, so a retry of
        the same content is a duplicate. Without a timestamp too, `received_at` is part of that content:
        somebody who says no, yes and no again has said three things.
        """
        try:
            envelope = _open(raw)
            return self._message(raw, envelope, received_at, envelope.sent_at or sent_at)
        except Refused as refusal:
            return _dead_letter(raw, received_at, refusal)

    def read_recorded(self, raw: object, now: Instant) -> Message | DeadLetter:
        """Turn a message recorded elsewhere, such as one of an export, into a `Message` as `read` does.

        It was received when its own `receivedAt` says. Without one nobody knows how long it lay between
        `sentAt` and today, so the timestamp is taken as given, and where there is none either, `now`.
        """
        try:
            envelope = _open(raw)
            if envelope.received_at is None:
                return self._message(raw, envelope, now, None)
            return self._message(raw, envelope, _recorded_at(envelope.received_at, now), envelope.sent_at)
        except Refused as refusal:
            return _dead_letter(raw, now, refusal)

    def read_all(
        self, raws: Iterable[object], received_at: Instant, sent_at: str | None = None
    ) -> list[Message | DeadLetter]:
        """Read many messages, each on its own: one that is refused never fails the others."""
        return [self.read(raw, received_at, sent_at) for raw in raws]

    def _message(
        self, raw: object, envelope: _Envelope, received_at: Instant, sent_at: str | None
    ) -> Message:
        sender, link = _ids(envelope)
        body = self._body(envelope)
        claimed = envelope.original_timestamp or envelope.timestamp
        at = received_at if claimed is None else _time(claimed, received_at, sent_at)
        message_id = _identifier(envelope.message_id, "messageId")
        if message_id is None:
            message_id = _content_id(raw, received_at if claimed is None else None)
        sender_key = _sender_key(sender, self.salt)
        return Message(
            event_id=event_id(sender_key, message_id),
            sender_key=sender_key,
            message_id=message_id,
            sender=sender,
            at=at,
            received_at=received_at,
            body=body,
            link=link,
        )

    def _body(self, envelope: _Envelope) -> Body | StockLevel | None:
        match envelope.type:
            case "track":
                name = _identifier(envelope.event, "event")
                if name is None:
                    raise Refused(Reason.MISSING_NAME, "a track message needs an event name")
                return body_of(name, envelope.properties or {}, self.labels, self.currency)
            case "identify":
                return TraitsSet(flatten(_traits(envelope), "traits"))
            case "page" | "screen":
                properties = flatten(envelope.properties, "properties")
                if envelope.name is not None:
                    properties["name"] = text(envelope.name, "name")
                return Activity(envelope.type, properties)
            case "group":
                group_id = _identifier(envelope.group_id, "groupId")
                if group_id is None:
                    raise Refused(Reason.MISSING_ID, "a group message needs a groupId")
                return Activity("group", {**flatten(envelope.traits, "traits"), "group_id": group_id})
            case "alias":
                return None
            case _:
                raise Refused(
                    Reason.UNKNOWN_TYPE,
                    f"type is {envelope.type[:80]!r}; use identify, track, page, screen, group or alias",
                )


def _open(raw: object) -> _Envelope:
    if not isinstance(raw, dict):
        raise Refused(Reason.NOT_AN_OBJECT, "a message has to be a JSON object")
    try:
        size = len(msgspec.json.encode(raw))
    except UnicodeEncodeError:
        raise Refused(
            Reason.NOT_UNICODE, "the message contains half a surrogate pair, which is no text"
        ) from None
    except RecursionError:
        raise Refused(Reason.TOO_DEEP, "the message is nested too deeply") from None
    except (TypeError, ValueError, OverflowError) as error:
        raise Refused(Reason.NOT_JSON, f"the message is not JSON: {error}") from None
    if size > SIZE_LIMIT:
        raise Refused(Reason.TOO_LARGE, f"the message has {size} bytes; at most {SIZE_LIMIT} are taken")
    try:
        return msgspec.convert(raw, _Envelope)
    except msgspec.ValidationError as error:
        raise Refused(Reason.WRONG_TYPE, str(error)) from None


def customer_id(user_id: str | int | None, anonymous_id: str | int | None) -> ExternalId:
    """Return the id that somebody asks by, the user's where both are given; none or a bad one raises `Refused`."""
    known, unknown = _owner(user_id, "customerId"), _owner(anonymous_id, "anonymousId")
    if known is not None:
        return user(known)
    if unknown is not None:
        return anonymous(unknown)
    raise Refused(Reason.MISSING_ID, "a customerId or an anonymousId is needed")


def _ids(envelope: _Envelope) -> tuple[ExternalId, ExternalId | None]:
    """Return the node that the message belongs to, and the one it is linked to if it says so."""
    user_id = _owner(envelope.user_id, "userId")
    anonymous_id = _owner(envelope.anonymous_id, "anonymousId")
    if envelope.type == "alias":
        previous_id = _owner(envelope.previous_id, "previousId")
        if user_id is None or previous_id is None:
            raise Refused(Reason.MISSING_ID, "an alias message needs userId and previousId")
        # An alias never names two known customers: they are merged by a person, on the record.
        return user(user_id), anonymous(previous_id)
    if user_id is not None:
        linked = envelope.type == "identify" and anonymous_id is not None
        return user(user_id), anonymous(anonymous_id) if linked and anonymous_id is not None else None
    if anonymous_id is not None:
        return anonymous(anonymous_id), None
    raise Refused(Reason.MISSING_ID, "a message needs a userId or an anonymousId")


def _traits(envelope: _Envelope) -> dict[str, Any] | None:
    """Return the traits of an identify; RudderStack's clients put them into the context."""
    if envelope.traits:
        return envelope.traits
    traits = envelope.context.get("traits") if isinstance(envelope.context, dict) else None
    return traits if isinstance(traits, dict) else None


def _owner(value: str | int | None, where: str) -> str | None:
    owner = _identifier(value, where)
    if owner is not None and owner.lower() in NOBODY:
        raise Refused(Reason.INVALID_ID, f"{where} is {owner!r}, which names nobody; leave it out")
    return owner


def _identifier(value: str | int | None, where: str) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, int):
        if abs(value) > INTEGER_LIMIT:
            raise Refused(Reason.OUT_OF_RANGE, f"{where} is beyond ±2^53; send it as text")
        return str(value)
    if len(value) > ID_LIMIT:
        raise Refused(Reason.INVALID_ID, f"{where} has {len(value)} characters; at most {ID_LIMIT} are taken")
    return text(value, where)


def _time(claimed: str, received_at: Instant, sent_at: str | None) -> Instant:
    at = _parse(claimed, "timestamp")
    if sent_at is not None:
        at = Instant(received_at - (_parse(sent_at, "sentAt") - at))
    return _in_range(at, claimed, received_at)


def _recorded_at(claimed: object, now: Instant) -> Instant:
    if not isinstance(claimed, str):
        raise Refused(Reason.WRONG_TYPE, f"receivedAt is a {type(claimed).__name__}, not a time as text")
    return _in_range(_parse(claimed, "receivedAt"), f"receivedAt, {claimed},", now)


def _in_range(at: Instant, claimed: str, received_at: Instant) -> Instant:
    if at < EARLIEST:
        raise Refused(Reason.TIME_TOO_EARLY, f"{claimed} is before 1990: the sender's clock was never set")
    if at > min(received_at + AHEAD_LIMIT, LATEST):
        raise Refused(Reason.TIME_TOO_LATE, f"{claimed} is more than a day after the message was received")
    return at


def _parse(value: str, where: str) -> Instant:
    try:
        return parse_rfc3339(value)
    except InvalidInput as error:
        raise Refused(Reason.INVALID_TIME, f"{where}: {str(error)[:200]}") from None


@lru_cache(maxsize=65_536)
def _sender_key(sender: ExternalId, salt: str) -> bytes:
    return sender.sender_key(salt)


def _content_id(raw: object, received_at: Instant | None) -> str:
    content = {k: v for k, v in raw.items() if k not in _NOT_CONTENT} if isinstance(raw, dict) else raw
    moment = () if received_at is None else (received_at,)
    return keyed_bytes("content", msgspec.json.encode(content, order="deterministic"), *moment).hex()


def _dead_letter(raw: object, received_at: Instant, refusal: Refused) -> DeadLetter:
    content = {k: v for k, v in raw.items() if k not in _NOT_CONTENT} if isinstance(raw, dict) else raw
    try:
        # ASCII escapes carry what the message was refused for: half surrogates, NUL, NaN.
        shown = json.dumps(raw, default=repr, skipkeys=True)
        named = json.dumps(content, default=repr, skipkeys=True)
    except (RecursionError, ValueError):
        shown = named = f"<{type(raw).__name__} that can't be written as JSON>"
    detail = str(refusal).encode("ascii", "backslashreplace").decode().replace("\0", "\\0")
    return DeadLetter(
        letter_id=keyed_bytes("dead letter", refusal.reason.value, named),
        received_at=received_at,
        reason=refusal.reason,
        detail=detail[:1000],
        raw=shown[:SIZE_LIMIT],
    )
