"""Ids of the things cvo keeps, made from what is handed in and never from the machine."""

from typing import NewType

from cvo.core.clock import Instant
from cvo.core.random import keyed_bytes

PersonId = NewType("PersonId", bytes)
"""16 bytes; internal, never shown to a customer and never reused."""

EventId = NewType("EventId", bytes)
"""16 bytes; the same sender and message id give the same event id."""

DecisionId = NewType("DecisionId", str)
"""A UUIDv7 in its usual text form."""


def event_id(sender_key: bytes, message_id: str) -> EventId:
    """Return the id of a message: equal for a client's retry, whatever happened in between."""
    return EventId(keyed_bytes("event", sender_key, message_id))


def decision_id(at: Instant, seed: str, *key: str | bytes | int) -> DecisionId:
    """Return a UUIDv7 (RFC 9562 §5.7): the time in milliseconds, then bits keyed by `seed` and `key`.

    >>> decision_id(Instant(0), "seed", "x")[:13]
    '00000000-0000'
    """
    value = (at // 1_000) << 80 | int.from_bytes(keyed_bytes(seed, "decision", *key, size=10), "big")
    value = value & ~(0xF << 76) | (0x7 << 76)
    value = value & ~(0x3 << 62) | (0x2 << 62)
    text = f"{value:032x}"
    return DecisionId(f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}")
