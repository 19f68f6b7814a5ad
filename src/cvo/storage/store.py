"""A company's store: opened for writing by one process, for reading by any number."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, Engine, func, select, union
from sqlalchemy.exc import DatabaseError

from cvo.actions.stock import Stock
from cvo.core.clock import Instant
from cvo.core.errors import Conflict, Damaged, NotFound
from cvo.core.ids import DecisionId, PersonId
from cvo.core.random import keyed_bytes
from cvo.events.event import Body, Event
from cvo.events.message import DeadLetter, ExternalId, IdKind, Reason
from cvo.profiles.fold import fold
from cvo.profiles.profile import EMPTY, Profile, decode
from cvo.storage import dialect, sqlite
from cvo.storage.graph import Graph
from cvo.storage.migrate import refuse_newer, schema_version, upgrade
from cvo.storage.migrations import HEAD
from cvo.storage.repeats import forget_repeats
from cvo.storage.rows import event_of, event_version, in_order, kind_of
from cvo.storage.schema import (
    ASSIGNMENT,
    BLOB,
    CHANGE,
    CLAIM,
    DEAD_LETTER,
    DECISION,
    EVENT,
    LINK,
    META,
    PERSON,
)
from cvo.storage.stock import resources, stock, stock_at, stock_then
from cvo.storage.unit_of_work import Assigned, Change, LoggedDecision, Person, Settings, UnitOfWork

_PAGE = 10_000


class Store:
    """Facts, persons, decisions and changes of one company; use `Store.open`, and close it or use `with`."""

    def __init__(
        self, reader: Engine, settings: Settings, writer: Engine | None, lock: sqlite.WriterLock | None
    ) -> None:
        self._reader = reader
        self._settings = settings
        self._writer = writer
        self._lock = lock

    @classmethod
    def open(cls, path: Path, settings: Settings) -> Self:
        """Open for writing, making or migrating the database at `path`.

        Raises `CompanyLocked` while another process writes, and `Conflict` for another salt than it was made
        with, under which no customer would be found again.
        """
        lock = sqlite.WriterLock(path)
        try:
            writer = sqlite.writer(path)
            with _readable(path), writer.begin() as connection:
                upgrade(connection)
                _agree_on_salt(connection, settings.salt)
            return cls(sqlite.reader(path), settings, writer, lock)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def open_to_read(cls, path: Path, settings: Settings) -> Self:
        """Open for reading, which works whoever writes; a missing database raises `NotFound`."""
        reader = sqlite.reader(path)
        with _readable(path), reader.connect() as connection:
            version = schema_version(connection)
            refuse_newer(version)
            if version != HEAD:
                raise Conflict(
                    f"{path} was made by an earlier cvo; a writing command such as `cvo apply` migrates it"
                )
            _check_salt(connection, settings.salt)
        return cls(reader, settings, None, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection and give the right to write back."""
        self._reader.dispose()
        if self._writer is not None:
            self._writer.dispose()
        if self._lock is not None:
            self._lock.release()

    def announce(self, holder: str) -> None:
        """Tell those who find the store locked who holds it, such as a server's address."""
        if self._lock is None:
            raise Conflict("the store is open for reading only")
        self._lock.announce(holder)

    def checkpoints(self) -> sqlite.Checkpoints:
        """Return what moves the write-ahead log into the database from now on; the caller has to see to it."""
        if self._writer is None:
            raise Conflict("the store is open for reading only")
        return sqlite.Checkpoints(Path(str(self._writer.url.database)), self._writer)

    @contextmanager
    def unit_of_work(self) -> Iterator[UnitOfWork]:
        """Begin a transaction; it is durable when the block ends, and undone if the block raises.

        One at a time, from one thread at a time.
        """
        if self._writer is None:
            raise Conflict("the store is open for reading only")
        with self._writer.begin() as connection:
            work = UnitOfWork(connection, self._settings)
            yield work
            work.flush()

    def forget_repeats(self, before: Instant, at_most: int) -> int:
        """Forget messages and requests received before a time, by which their repeats would be known.

        Returns how many were forgotten, at most so many of each. Messages that left an event are known for ever.
        """
        if self._writer is None:
            raise Conflict("the store is open for reading only")
        with self._writer.begin() as connection:
            return forget_repeats(connection, before, at_most)

    # -- one customer

    def person(self, external: ExternalId) -> Person | None:
        """Return a customer as they stand, or `None` for one never met."""
        node_id = external.person_id(self._settings.salt)
        with self._reader.connect() as connection:
            row = _person_row(connection, node_id)
            if row is None:
                return None
            root = row if row[3] == node_id else _person_row(connection, row[3])
            return None if root is None else self._view(connection, root, node_id, external)

    def external_ids(self, person_id: PersonId) -> list[ExternalId]:
        """Return the ids that belong to the same person as a node, sorted."""
        with self._reader.connect() as connection:
            graph = Graph(connection)
            graph.load([person_id])
            return sorted(
                ExternalId(IdKind(row[1]), row[2])
                for row in dialect.persons(connection, graph.person(person_id))
            )

    def history(self, person_id: PersonId) -> list[Event]:
        """Return the facts of the person that a node belongs to, in the order in which they happened."""
        with self._reader.connect() as connection:
            return in_order(_rows_at(connection, person_id, None))

    def profile_at(self, person_id: PersonId, version: int) -> Profile:
        """Return the profile of a person as it was at `version`, whatever was merged or came late since.

        `person_id` is the canonical id at that time, as a decision logged it.
        """
        with self._reader.connect() as connection:
            return fold(EMPTY, in_order(_rows_at(connection, person_id, version)))

    # -- what everybody shares

    def stock(self, products: Iterable[str]) -> Stock:
        """Return the levels of some products as they are."""
        with self._reader.connect() as connection:
            return stock(connection, products)

    def stock_at(self, version: int, products: Iterable[str]) -> Stock:
        """Return the levels of some products as a decision that pinned `version` saw them."""
        with self._reader.connect() as connection:
            return stock_at(connection, version, products)

    def stock_then(self, at: Instant, products: Iterable[str]) -> Stock:
        """Return the levels of some products as far as they had been reported by `at`."""
        with self._reader.connect() as connection:
            return stock_then(connection, at, products)

    def resources(self) -> dict[str, bytes]:
        """Return what is kept of the company's resources, in the caller's encoding."""
        with self._reader.connect() as connection:
            return resources(connection)

    # -- everything, for analysis

    def persons(self) -> Iterator[Person]:
        """Return every person, by canonical id."""
        statement = (
            select(PERSON).where(PERSON.c.person_id == PERSON.c.canonical_id).order_by(PERSON.c.person_id)
        )
        with self._reader.connect() as connection:
            for row in connection.execute(statement).yield_per(_PAGE):
                yield self._view(connection, tuple(row), row[0], ExternalId(IdKind(row[1]), row[2]))

    def assigned(self) -> Iterator[Assigned]:
        """Return how every person came to their arm, by canonical id."""
        canonical = PERSON.c.canonical_id
        statement = (
            select(canonical, ASSIGNMENT.c.arm, ASSIGNMENT.c.control_rate)
            .join(PERSON, ASSIGNMENT.c.person_id == PERSON.c.person_id)
            .order_by(canonical, ASSIGNMENT.c.assigned_at, ASSIGNMENT.c.person_id)
        )
        last = None
        with self._reader.connect() as connection:
            for row in connection.execute(statement).yield_per(_PAGE):
                # Those who were merged are in the arm that one of them was given first.
                if row[0] != last:
                    yield Assigned(*row)
                last = row[0]

    def events(self, kinds: Iterable[type[Body]] | None = None) -> Iterator[Event]:
        """Return facts by person and time, of all kinds or of some; their `person_id` is canonical."""
        statement = (
            select(EVENT, PERSON.c.canonical_id)
            .join(PERSON, EVENT.c.person_id == PERSON.c.person_id)
            .order_by(PERSON.c.canonical_id, EVENT.c.at, EVENT.c.event_id)
        )
        if kinds is not None:
            statement = statement.where(EVENT.c.kind.in_([kind_of(kind) for kind in kinds]))
        with self._reader.connect() as connection:
            for row in connection.execute(statement).yield_per(_PAGE):
                yield event_of(tuple(row), PersonId(row.canonical_id))

    def decision(self, decision_id: DecisionId) -> LoggedDecision:
        """Return a logged decision; an unknown id raises `NotFound`."""
        with self._reader.connect() as connection:
            row = connection.execute(select(DECISION).where(DECISION.c.decision_id == decision_id)).first()
        if row is None:
            raise NotFound(f"there is no decision {decision_id!r}")
        return LoggedDecision(*row)

    def decisions_of(self, person_id: PersonId, at_most: int) -> list[LoggedDecision]:
        """Return the latest decisions for the person that a node belongs to, newest first."""
        with self._reader.connect() as connection:
            graph = Graph(connection)
            graph.load([person_id])
            statement = (
                select(DECISION)
                .where(DECISION.c.person_id.in_(graph.person(person_id)))
                .order_by(DECISION.c.at.desc(), DECISION.c.decision_id.desc())
                .limit(at_most)
            )
            return [LoggedDecision(*row) for row in connection.execute(statement)]

    def decisions(self, purpose: str | None = None) -> Iterator[LoggedDecision]:
        """Return logged decisions, of one purpose if given, by person as they were decided for."""
        statement = select(DECISION).order_by(DECISION.c.person_id, DECISION.c.decision_id)
        if purpose is not None:
            statement = statement.where(DECISION.c.purpose == purpose)
        with self._reader.connect() as connection:
            for row in connection.execute(statement).yield_per(_PAGE):
                yield LoggedDecision(*row)

    def changes(self, kind: str | None = None) -> list[Change]:
        """Return the audit log in the order of time."""
        statement = select(CHANGE).order_by(CHANGE.c.at, CHANGE.c.change_id)
        if kind is not None:
            statement = statement.where(CHANGE.c.kind == kind)
        with self._reader.connect() as connection:
            return [Change(*row) for row in connection.execute(statement)]

    def kept(self, digest: str) -> bytes:
        """Return the state of that content; an unknown digest raises `NotFound`."""
        with self._reader.connect() as connection:
            body = connection.execute(select(BLOB.c.body).where(BLOB.c.digest == digest)).scalar()
        if body is None:
            raise NotFound(f"nothing is kept under {digest!r}")
        return bytes(body)

    def dead_letters(self) -> Iterator[DeadLetter]:
        """Return the refused messages, in the order in which they came."""
        statement = select(DEAD_LETTER).order_by(DEAD_LETTER.c.received_at, DEAD_LETTER.c.letter_id)
        with self._reader.connect() as connection:
            for row in connection.execute(statement).yield_per(_PAGE):
                yield DeadLetter(
                    row.letter_id, Instant(row.received_at), Reason(row.reason), row.detail, row.raw
                )

    def counts(self) -> dict[str, int]:
        """Return how many events, persons, ids, linked pairs of ids, decisions and dead letters there are."""
        first, second = LINK.c.person_id, LINK.c.other_id
        device, claimant = CLAIM.c.person_id, CLAIM.c.other_id
        pairs = union(
            select(first, second).where(first < second),
            select(func.min(device, claimant), func.max(device, claimant)),
        )
        leads = PERSON.c.person_id == PERSON.c.canonical_id
        statements = {
            "events": select(func.count()).select_from(EVENT),
            "persons": select(func.count()).select_from(PERSON).where(leads),
            "ids": select(func.count()).select_from(PERSON),
            "links": select(func.count()).select_from(pairs.subquery()),
            "decisions": select(func.count()).select_from(DECISION),
            "dead_letters": select(func.count()).select_from(DEAD_LETTER),
        }
        with self._reader.connect() as connection:
            return {name: int(connection.execute(made).scalar_one()) for name, made in statements.items()}

    def connect(self) -> Connection:
        """Return a connection for reading; close it or use `with`."""
        return self._reader.connect()

    def _view(
        self, connection: Connection, root: dialect.Row, node: PersonId, external: ExternalId
    ) -> Person:
        profile = decode(root[8])
        if profile is None:
            profile = fold(EMPTY, in_order(_rows_at(connection, root[0], None)))
        return Person(root[0], node, external, root[4], root[5], Instant(root[6]), bool(root[7]), profile)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        raise Damaged(f"{path} can't be read as a database ({error.orig}); {sqlite.REMEDY}") from error


def _person_row(connection: Connection, node_id: PersonId) -> dialect.Row | None:
    return next(iter(dialect.persons(connection, [node_id])), None)


def _rows_at(connection: Connection, person_id: PersonId, version: int | None) -> Iterator[dialect.Row]:
    graph = Graph(connection, version)
    graph.load([person_id])
    for row in dialect.events(connection, graph.person(person_id)):
        if version is None or event_version(row) <= version:
            yield row


def _agree_on_salt(connection: Connection, salt: str) -> None:
    dialect.insert_missing(connection, META, [("salt", keyed_bytes(salt, "fingerprint").hex())])
    _check_salt(connection, salt)


def _check_salt(connection: Connection, salt: str) -> None:
    kept = connection.execute(select(META.c.value).where(META.c.name == "salt")).scalar()
    if kept != keyed_bytes(salt, "fingerprint").hex():
        raise Conflict("the database was made with another seed; put the old one back into company.toml")
