"""Statements for many rows at once, compiled from SQLAlchemy Core once and run as text.

Everything that differs between databases is in this file. Rows are tuples in the order of a table's columns.
A batch is cut into powers of two, so that a handful of statements serve any number of rows.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import chain
from typing import Any, TypeVar

from sqlalchemy import Connection, LargeBinary, Table, and_, bindparam, column, select, tuple_, update, values
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql import ClauseElement

from cvo.storage.schema import CLAIM, DECISION, EVENT, IDEMPOTENCY, INTAKE, LINK, PERSON, STOCK_EVENT

Row = tuple[Any, ...]
_T = TypeVar("_T")

_DIALECT = sqlite.dialect()
_LARGEST = 512


def insert(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows; one that is there already is an integrity error."""
    if rows:
        connection.exec_driver_sql(_insert_one(table, ignore=False), list(rows))


def insert_missing(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert the rows that are not there yet."""
    if rows:
        connection.exec_driver_sql(_insert_one(table, ignore=True), list(rows))


def put_position(connection: Connection, table: Table, row: Row) -> None:
    """Insert a row or replace its value columns."""
    connection.exec_driver_sql(_put(table), row)


def put_latest(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows, or replace those that happened before by (at, version)."""
    if rows:
        connection.exec_driver_sql(_put_latest(table), list(rows))


def take_in(connection: Connection, rows: Sequence[Row]) -> set[tuple[bytes, str]]:
    """Insert rows of `intake` and return the keys of those that were not there before.

    The keys of `rows` have to differ from one another.
    """
    taken: set[tuple[bytes, str]] = set()
    for chunk in _chunks(rows):
        found = connection.exec_driver_sql(_take_in(len(chunk)), _flat(chunk))
        taken.update((key, message_id) for key, message_id in found)
    return taken


def known_events(connection: Connection, keys: Iterable[tuple[bytes, bytes]]) -> set[bytes]:
    """Return the ids of those events that are in the log, each asked for by (person_id, event_id)."""
    return {
        row[0]
        for chunk in _chunks(list(keys))
        for row in connection.exec_driver_sql(_known_events(len(chunk)), _flat(chunk)).all()
    }


def known_reports(connection: Connection, event_ids: Iterable[bytes]) -> set[bytes]:
    """Return the ids of those stock reports that were taken in before."""
    return {
        row[0]
        for chunk in _chunks(list(event_ids))
        for row in connection.execute(select(STOCK_EVENT.c.event_id).where(STOCK_EVENT.c.event_id.in_(chunk)))
    }


def put_claims(connection: Connection, rows: Sequence[Row]) -> None:
    """Insert claims; of two for the same pair the earlier stays."""
    if rows:
        connection.exec_driver_sql(_put_claims(), list(rows))


def claims(connection: Connection, person_ids: Iterable[bytes]) -> Iterator[Row]:
    """Return the rows of `claim` for these devices."""
    return _select_in(connection, CLAIM, person_ids)


def update_guarded(connection: Connection, rows: Sequence[Row]) -> int:
    """Update persons where their version is still the expected one; return how many were.

    A row is the columns of `GUARDED`, then (person_id, expected version).
    """
    if not rows:
        return 0
    # Row by row is what SQLite does fastest, and its count of changed rows is exact; a larger database takes
    # them all in one statement that returns the ids.
    return connection.exec_driver_sql(_update_guarded(), list(rows)).rowcount


GUARDED = ("canonical_id", "version", "arm", "assigned_at", "contaminated", "profile")
"""Columns of `person` that change."""


def persons(connection: Connection, person_ids: Iterable[bytes]) -> Iterator[Row]:
    """Return the rows of `person` with these ids."""
    return _select_in(connection, PERSON, person_ids)


def links(connection: Connection, person_ids: Iterable[bytes]) -> Iterator[Row]:
    """Return the rows of `link` that begin at these nodes."""
    return _select_in(connection, LINK, person_ids)


def assignments(connection: Connection, table: Table, person_ids: Iterable[bytes]) -> Iterator[Row]:
    """Return the rows of `assignment` of these nodes."""
    return _select_in(connection, table, person_ids)


def events(connection: Connection, person_ids: Iterable[bytes]) -> Iterator[Row]:
    """Return the rows of `event` of these nodes, in no order."""
    return _select_in(connection, EVENT, person_ids)


def repeats(connection: Connection, keys: Iterable[tuple[bytes, str]]) -> Iterator[tuple[Row, Row]]:
    """Return the rows of `idempotency` that there are under these keys, each with its row of `decision`."""
    for key in keys:
        row = connection.exec_driver_sql(_select_keyed(IDEMPOTENCY), key).first()
        if row is not None:
            logged = connection.exec_driver_sql(_select_keyed(DECISION), (row[4], row[5])).one()
            yield tuple(row), tuple(logged)


def _select_in(connection: Connection, table: Table, person_ids: Iterable[bytes]) -> Iterator[Row]:
    for chunk in _chunks(list(person_ids)):
        # All rows of a chunk at once: one by one, fetching would cost more than finding.
        yield from connection.exec_driver_sql(_select(table, len(chunk)), tuple(chunk)).all()


def _chunks(rows: Sequence[_T]) -> Iterator[Sequence[_T]]:
    start, left = 0, len(rows)
    while left:
        size = min(_LARGEST, 1 << (left.bit_length() - 1))
        yield rows[start : start + size]
        start += size
        left -= size


def _flat(rows: Sequence[Row]) -> Row:
    return tuple(chain.from_iterable(rows))


def _text(statement: ClauseElement) -> str:
    return str(statement.compile(dialect=_DIALECT))


@cache
def _insert_one(table: Table, *, ignore: bool) -> str:
    statement = sqlite.insert(table).values(dict.fromkeys(table.c.keys()))
    return _text(statement.on_conflict_do_nothing() if ignore else statement)


@cache
def _put(table: Table) -> str:
    statement = sqlite.insert(table)
    return _text(
        statement.on_conflict_do_update(
            index_elements=list(table.primary_key),
            set_={c.name: statement.excluded[c.name] for c in table.c if not c.primary_key},
        )
    )


@cache
def _put_latest(table: Table) -> str:
    statement = sqlite.insert(table).values(dict.fromkeys(table.c.keys()))
    new = statement.excluded
    return _text(
        statement.on_conflict_do_update(
            index_elements=list(table.primary_key),
            set_={c.name: new[c.name] for c in table.c if not c.primary_key},
            where=tuple_(new.at, new.version) > tuple_(table.c.at, table.c.version),
        )
    )


@cache
def _take_in(count: int) -> str:
    rows = [dict.fromkeys(INTAKE.c.keys())] * count
    statement = sqlite.insert(INTAKE).values(rows).on_conflict_do_nothing()
    return _text(statement.returning(INTAKE.c.sender_key, INTAKE.c.message_id))


@cache
def _known_events(count: int) -> str:
    columns = column("person_id", LargeBinary), column("event_id", LargeBinary)
    # `None` would be written out as NULL; these become placeholders.
    asked = values(*columns, name="asked").data([(b"", b"")] * count).cte("asked")
    same = EVENT.c.person_id == asked.c.person_id, EVENT.c.event_id == asked.c.event_id
    return _text(select(EVENT.c.event_id).join_from(asked, EVENT, and_(*same)))


@cache
def _put_claims() -> str:
    statement = sqlite.insert(CLAIM).values(dict.fromkeys(CLAIM.c.keys()))
    new = statement.excluded
    return _text(
        statement.on_conflict_do_update(
            index_elements=list(CLAIM.primary_key),
            set_={"at": new.at, "link_id": new.link_id},
            where=tuple_(new.at, new.link_id) < tuple_(CLAIM.c.at, CLAIM.c.link_id),
        )
    )


@cache
def _update_guarded() -> str:
    statement = update(PERSON).values({name: bindparam(f"new_{name}") for name in GUARDED})
    same = PERSON.c.person_id == bindparam("id"), PERSON.c.version == bindparam("expected")
    return _text(statement.where(*same))


@cache
def _select(table: Table, count: int) -> str:
    return _text(select(table).where(table.c.person_id.in_([bindparam(f"id_{i}") for i in range(count)])))


@cache
def _select_keyed(table: Table) -> str:
    return _text(select(table).where(*(key == bindparam(key.name) for key in table.primary_key)))
