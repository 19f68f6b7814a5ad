"""The tail of the log: what came since a position, and who the persons are that it is about.

All of it is read over one connection, and so from one state of the database.
"""

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from itertools import groupby, islice

from sqlalchemy import Connection, Select, select

from cvo.core.ids import PersonId
from cvo.events.event import Event
from cvo.storage.rows import PARTITION, event_of
from cvo.storage.schema import EVENT, PERSON, POSITION

_PAGE = 10_000
_TOGETHER = 500


def position(connection: Connection) -> int:
    """Return the position of the next fact to come."""
    next_offset = select(POSITION.c.next_offset).where(POSITION.c.log_partition == PARTITION)
    return connection.execute(next_offset).scalar() or 0


def fact_before(connection: Connection, position: int) -> bytes:
    """Return the id of the last fact before a position; of none, nothing."""
    last = select(EVENT.c.event_id).where(
        EVENT.c.log_partition == PARTITION, EVENT.c.log_offset == position - 1
    )
    return bytes(connection.execute(last).scalar() or b"")


def composition(connection: Connection) -> Iterator[tuple[PersonId, bytes]]:
    """Return every person with a digest of the ids that belong to them; of one that is alone, nothing."""
    nodes = select(PERSON.c.canonical_id, PERSON.c.person_id).order_by(
        PERSON.c.canonical_id, PERSON.c.person_id
    )
    rows = connection.execute(nodes).yield_per(_PAGE)
    for person_id, members in groupby(rows, key=lambda row: row[0]):
        ids = [row[1] for row in members]
        together = b"" if ids == [person_id] else blake2b(b"".join(ids), digest_size=16).digest()
        yield PersonId(person_id), together


def facts_since(connection: Connection, since: int) -> Iterator[Event]:
    """Return the facts from a position on, by person and time; their `person_id` is canonical."""
    return _events(
        connection, _facts().where(EVENT.c.log_partition == PARTITION, EVENT.c.log_offset >= since)
    )


def facts_of(connection: Connection, persons: Iterable[PersonId]) -> Iterator[Event]:
    """Return all facts of some persons, given by canonical id and in their order, each person's by time."""
    waiting = iter(persons)
    while some := list(islice(waiting, _TOGETHER)):
        yield from _events(connection, _facts().where(PERSON.c.canonical_id.in_(some)))


def _facts() -> Select[tuple[object, ...]]:
    return (
        select(EVENT, PERSON.c.canonical_id)
        .join(PERSON, EVENT.c.person_id == PERSON.c.person_id)
        .order_by(PERSON.c.canonical_id, EVENT.c.at, EVENT.c.event_id)
    )


def _events(connection: Connection, statement: Select[tuple[object, ...]]) -> Iterator[Event]:
    for row in connection.execute(statement).yield_per(_PAGE):
        yield event_of(tuple(row), PersonId(row.canonical_id))
