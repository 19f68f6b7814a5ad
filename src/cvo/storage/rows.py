"""Between rows of tables and values: events and links as they are stored."""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from cvo.core.clock import Instant
from cvo.core.errors import Damaged
from cvo.core.ids import EventId, PersonId
from cvo.events.event import Body, Event
from cvo.events.identity import Link, LinkKind

PARTITION = 0
"""The embedded store has one partition of the log."""

_ENCODE = msgspec.msgpack.Encoder().encode
_DECODE: Callable[[bytes], Body] = msgspec.msgpack.Decoder(Body).decode
_KINDS: dict[type, str] = {kind: str(kind.__struct_config__.tag) for kind in Body.__args__}

Row = tuple[Any, ...]


def kind_of(body: Body | type[Body]) -> str:
    """Return the name under which a body, or a type of body, is stored."""
    return _KINDS[body if isinstance(body, type) else type(body)]


def event_row(event: Event, version: int, offset: int) -> Row:
    """Return the row of `event` for an event that brings its person to `version`."""
    body = event.body
    return (
        event.person_id,
        event.event_id,
        event.at,
        event.received_at,
        _KINDS[type(body)],
        _ENCODE(body),
        version,
        PARTITION,
        offset,
    )


def event_of(row: Row, person_id: PersonId | None = None) -> Event:
    """Return the event of a row of `event`, for `person_id` if given; damage raises `Damaged`."""
    return Event(row[1], row[0] if person_id is None else person_id, row[2], row[3], body_of(row[5]))


def body_of(data: bytes) -> Body:
    """Read a stored body; damage raises `Damaged`."""
    try:
        return _DECODE(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Damaged(f"a stored event can't be read ({error}); run `cvo doctor`") from None


def link_rows(link: Link, author: str | None, version: int) -> list[Row]:
    """Return the two rows of `link`, one from either end."""
    ends = ((link.first, link.first_known), (link.second, link.second_known))
    return [
        (here[0], there[0], link.at, link.link_id, link.kind.value, here[1], there[1], author, version)
        for here, there in (ends, ends[::-1])
    ]


def link_of(row: Row) -> Link:
    """Return the link of a row of `link`, seen from the row's person."""
    return Link(
        Instant(row[2]),
        EventId(row[3]),
        LinkKind(row[4]),
        PersonId(row[0]),
        PersonId(row[1]),
        bool(row[5]),
        bool(row[6]),
    )


def link_version(row: Row) -> int:
    """Return the version at which a row of `link` was applied."""
    return int(row[8])


def event_version(row: Row) -> int:
    """Return the version at which a row of `event` was applied."""
    return int(row[6])


def in_order(rows: Iterable[Row]) -> list[Event]:
    """Return the events of rows in the order in which they happened."""
    return [event_of(row) for row in sorted(rows, key=lambda row: (row[2], row[1]))]
