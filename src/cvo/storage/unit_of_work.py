"""The unit of work: everything that happens together, in one transaction.

Messages are de-duplicated, resolved to persons, folded into profiles and written together with the position
of the log, so that a crash neither loses nor repeats any of it. A server drains its queue into one unit of
work, decides for the persons in it, and commits once for all of them.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat

import msgspec
from sqlalchemy import Connection, select
from sqlalchemy.exc import IntegrityError

from cvo.actions.stock import Stock
from cvo.core.clock import Instant
from cvo.core.errors import Conflict, InvalidInput
from cvo.core.ids import DecisionId, EventId, PersonId
from cvo.core.random import keyed_bytes
from cvo.events.event import Event
from cvo.events.identity import Link, LinkKind
from cvo.events.message import Accepted, DeadLetter, Duplicate, ExternalId, Message, Receipt
from cvo.events.stock import StockLevel
from cvo.profiles.profile import Profile
from cvo.storage import dialect
from cvo.storage.claims import Claims
from cvo.storage.people import People, State
from cvo.storage.rows import PARTITION, event_row, link_rows
from cvo.storage.schema import (
    BLOB,
    CHANGE,
    DEAD_LETTER,
    DECISION,
    EVENT,
    IDEMPOTENCY,
    LINK,
    POSITION,
    RESOURCE,
)
from cvo.storage.stock import resources, stock, take_levels


class Settings(msgspec.Struct, frozen=True):
    """What a store is opened with: the company's secret `salt`, and the share of customers in control."""

    salt: str
    control_rate: float = 0.0


class Person(msgspec.Struct, frozen=True):
    """One customer as the unit of work sees them.

    `person_id` is the canonical id; `node_id` that of the external id asked for, under which facts are kept.
    """

    person_id: PersonId
    node_id: PersonId
    external: ExternalId
    version: int
    arm: str
    assigned_at: Instant
    contaminated: bool
    profile: Profile


class Assigned(msgspec.Struct, frozen=True):
    """The arm of one person, and the share of customers that was in control when it was drawn.

    `control_rate` is missing where the arm was given before rates were written down.
    """

    person_id: PersonId
    arm: str
    control_rate: float | None


class LoggedDecision(msgspec.Struct, frozen=True):
    """A decision as the log keeps it; `body` is the record in the caller's encoding."""

    person_id: PersonId
    decision_id: DecisionId
    at: Instant
    placement: str
    purpose: str
    body: bytes


class Repeatable(msgspec.Struct, frozen=True):
    """A request that its sender may repeat under one key; `request` is the content hash of what was asked."""

    sender_key: bytes
    idempotency_key: str
    received_at: Instant
    request: str
    decision: LoggedDecision

    @property
    def key(self) -> tuple[bytes, str]:
        """Return what names the request."""
        return self.sender_key, self.idempotency_key


class Change(msgspec.Struct, frozen=True):
    """An entry of the audit log: who changed what, when; `body` is the change in the caller's encoding."""

    change_id: str
    at: Instant
    author: str
    kind: str
    body: bytes


class UnitOfWork:
    """Works inside one transaction, which the store that made it commits or rolls back."""

    def __init__(self, connection: Connection, settings: Settings) -> None:
        self._connection = connection
        self._claims = Claims(connection)
        self._people = People(connection, settings.salt, settings.control_rate)
        self._events: list[dialect.Row] = []
        self._links: list[dialect.Row] = []
        self._decisions: list[dialect.Row] = []
        self._first_offset = self._offset = _position(connection)

    def accept(self, messages: Iterable[Message | DeadLetter]) -> list[Receipt]:
        """Take in what intake has read, and return a receipt for each, in the same order.

        Messages seen before, in this batch or ever, change nothing. Refused ones are kept with their reason.
        """
        messages = list(messages)
        fresh = self._take_in([each for each in messages if isinstance(each, Message)])
        self._keep([each for each in messages if isinstance(each, DeadLetter)])
        self._people.load(_nodes(fresh.values()))
        self._people.load_clusters(_nodes(self._joining(fresh.values())))
        receipts: list[Receipt] = []
        for message in messages:
            if isinstance(message, DeadLetter):
                receipts.append(message)
            # A message that comes twice in one batch counts at its first occurrence.
            elif fresh.pop(message.event_id, None) is None:
                receipts.append(Duplicate(message.event_id))
            else:
                receipts.append(Accepted(message.event_id, self._take(message)))
        self._settle()
        return [
            Accepted(each.event_id, self._people.of(each.person_id).person_id)
            if isinstance(each, Accepted) and each.person_id
            else each
            for each in receipts
        ]

    def stock(self, products: Iterable[str]) -> Stock:
        """Return the levels of some products as they are, with what this work took in."""
        return stock(self._connection, products)

    def resources(self) -> dict[str, bytes]:
        """Return what is kept of the company's resources, in the caller's encoding."""
        return resources(self._connection)

    def put_resource(self, name: str, body: bytes) -> None:
        """Keep how a resource stands, in place of what was kept."""
        dialect.put_position(self._connection, RESOURCE, (name, body))

    def person(self, external: ExternalId, at: Instant) -> Person:
        """Return a customer, who is met (and assigned an arm) at `at` if never seen before."""
        return self.persons([external], at)[0]

    def persons(self, externals: Sequence[ExternalId], at: Instant | Sequence[Instant]) -> list[Person]:
        """Return many customers, in the order asked for; those never seen before are met, at one time or each."""
        self._people.load(externals)
        nodes = [self._people.node_id(external) for external in externals]
        self._settle()
        for node, met_at in zip(nodes, repeat(at) if isinstance(at, int) else at, strict=False):
            self._people.meet(self._people.of(node), met_at)
        return [self._view(node) for node in nodes]

    def assigned_nodes(self, persons: Sequence[Person]) -> list[PersonId]:
        """Return the node by which each was first assigned an arm: what they are merged into does not change it."""
        return self._people.assigned_nodes([person.node_id for person in persons])

    def apply(self, person: Person, events: Iterable[Event]) -> Person:
        """Add effects of our own, such as `Decided`, to a customer; return them as they are then."""
        return self.apply_all([(person, events)])[0]

    def apply_all(self, effects: Iterable[tuple[Person, Iterable[Event]]]) -> list[Person]:
        """Add effects to many customers; each event has to be of one of the customer's ids.

        An event that the log has already raises `Conflict`.
        """
        nodes = []
        for person, events in effects:
            state = self._people.of(person.node_id)
            for event in events:
                if not self._people.known(event.person_id) or self._people.of(event.person_id) is not state:
                    raise InvalidInput("the event is of another customer; give it the person's node_id")
                self._record(state, event)
            nodes.append(person.node_id)
        self._settle()
        return [self._view(node) for node in nodes]

    def link(self, first: ExternalId, second: ExternalId, at: Instant, kind: LinkKind, author: str) -> None:
        """Join two ids, even of two known customers, or take that back; `author` answers for it."""
        if first == second:
            raise InvalidInput(f"{first.value!r} can't be linked to itself")
        if not author or kind is LinkKind.CLIENT:
            raise InvalidInput("an override or reversal needs an author")
        self._people.load((first, second))
        self._people.load_clusters((first, second))
        link_id = EventId(keyed_bytes("link", kind.value, *_text(first), *_text(second), at))
        self._link(self._link_of(first, second, at, link_id, kind), at, author)
        if kind is LinkKind.REVERSAL:
            for node in (self._people.node_id(first), self._people.node_id(second)):
                self._hear_claims(node, at)
        self._settle()

    def log_decision(self, decision: LoggedDecision) -> None:
        """Log a decision."""
        self.log_decisions([decision])

    def log_decisions(self, decisions: Iterable[LoggedDecision]) -> None:
        """Log many decisions; one that the log has already raises `Conflict` when the work is committed."""
        self._decisions += [msgspec.structs.astuple(decision) for decision in decisions]

    def repeated(self, keys: Iterable[tuple[bytes, str]]) -> Iterator[Repeatable]:
        """Return the requests that were decided under these (sender key, idempotency key) before."""
        for row, logged in dialect.repeats(self._connection, keys):
            yield Repeatable(row[0], row[1], row[2], row[3], LoggedDecision(*logged))

    def remember(self, requests: Iterable[Repeatable]) -> None:
        """Keep under its key that a request was decided, so that a repeat gets the same decision."""
        rows = [
            (*each.key, each.received_at, each.request, each.decision.person_id, each.decision.decision_id)
            for each in requests
        ]
        dialect.insert(self._connection, IDEMPOTENCY, rows)

    def record_change(self, change: Change) -> None:
        """Write an entry of the audit log; the id of an earlier one raises `Conflict`."""
        try:
            dialect.insert(self._connection, CHANGE, [msgspec.structs.astuple(change)])
        except IntegrityError:
            raise Conflict(f"change {change.change_id!r} is recorded already") from None

    def keep(self, digest: str, body: bytes) -> None:
        """Keep a state under the name of its content; keeping it again changes nothing."""
        dialect.insert_missing(self._connection, BLOB, [(digest, body)])

    def flush(self) -> None:
        """Write everything that is still in memory; the store calls this before it commits."""
        self._write_events()
        self._people.write()
        dialect.insert_missing(self._connection, LINK, self._links)
        self._claims.write()
        try:
            dialect.insert(self._connection, DECISION, self._decisions)
        except IntegrityError:
            raise Conflict("one of the decisions is in the log already; nothing was written") from None
        self._links, self._decisions = [], []
        if self._offset != self._first_offset:
            dialect.put_position(self._connection, POSITION, (PARTITION, self._offset))

    def _take_in(self, messages: list[Message]) -> dict[EventId, Message]:
        """Return the messages that were never seen, by event id: an id is made of sender and message id.

        A message that leaves an event is known again by it for ever; any other has to be written down.
        """
        fresh: dict[EventId, Message] = {}
        for message in messages:
            fresh.setdefault(message.event_id, message)
        levels = {id_: (each, each.body) for id_, each in fresh.items() if isinstance(each.body, StockLevel)}
        if levels:
            for seen in levels.keys() - take_levels(self._connection, list(levels.values())):
                del fresh[seen]
        node_id = self._people.node_id
        keys = [(node_id(each.sender), each.event_id) for each in fresh.values() if _of_a_person(each)]
        for event_id in dialect.known_events(self._connection, keys):
            del fresh[EventId(event_id)]
        silent = {(each.sender_key, each.message_id): each for each in fresh.values() if each.body is None}
        rows = [(*key, each.received_at) for key, each in silent.items()]
        taken = dialect.take_in(self._connection, rows)
        for key, message in silent.items():
            if key not in taken:
                del fresh[message.event_id]
        return fresh

    def _keep(self, letters: list[DeadLetter]) -> None:
        rows = [
            (each.letter_id, each.received_at, each.reason.value, each.detail, each.raw) for each in letters
        ]
        dialect.insert_missing(self._connection, DEAD_LETTER, rows)

    def _take(self, message: Message) -> PersonId:
        if isinstance(message.body, StockLevel):
            return PersonId(b"")
        people = self._people
        node = people.node_id(message.sender)
        if message.link is not None:
            self._link(self._client_link(message, message.link), message.received_at, None)
        state = people.of(node)
        people.meet(state, message.received_at)
        if message.body is not None:
            self._record(state, Event(message.event_id, node, message.at, message.received_at, message.body))
        return node

    def _record(self, state: State, event: Event) -> None:
        self._events.append(event_row(event, self._people.record(state, event), self._offset))
        self._offset += 1

    def _link_of(
        self, first: ExternalId, second: ExternalId, at: Instant, link_id: EventId, kind: LinkKind
    ) -> Link:
        ids = (self._people.node_id(first), self._people.node_id(second))
        return Link(at, link_id, kind, *ids, first.known, second.known)

    def _client_link(self, message: Message, to: ExternalId) -> Link:
        return self._link_of(message.sender, to, message.at, message.event_id, LinkKind.CLIENT)

    def _joining(self, messages: Iterable[Message]) -> list[Message]:
        """Return the messages whose link may join something, for which everything that it reaches is needed."""
        links = [(each, self._client_link(each, each.link)) for each in messages if each.link is not None]
        self._people.look_at([link.second for _, link in links])
        return [message for message, link in links if not self._people.comes_too_late(link)]

    def _hear_claims(self, device: PersonId, at: Instant) -> None:
        """Link those to a device who claimed it first, now that a reversal may have set it free."""
        for claim in self._claims.at(device):
            if self._people.comes_too_late(claim):
                return
            self._people.load_clusters_around([claim.first, device])
            self._link(claim, at, None)
            self._claims.remove(claim)

    def _link(self, link: Link, met_at: Instant, author: str | None) -> None:
        if author is None and self._people.comes_too_late(link):
            self._claims.add(link)
            return
        version = self._people.link(link, met_at)
        if version is not None:
            self._links += link_rows(link, author, version)

    def _settle(self) -> None:
        if not self._people.settled:
            self._write_events()
            self._people.settle()

    def _write_events(self) -> None:
        events, self._events = self._events, []
        try:
            dialect.insert(self._connection, EVENT, events)
        except IntegrityError:
            raise Conflict("one of the events is in the log already; nothing was written") from None

    def _view(self, node: PersonId) -> Person:
        state = self._people.of(node)
        return Person(
            state.person_id,
            node,
            self._people.external(node),
            state.version,
            state.arm,
            state.assigned_at,
            state.contaminated,
            state.profile,
        )


def _nodes(messages: Iterable[Message]) -> list[ExternalId]:
    nodes = []
    for message in messages:
        if isinstance(message.body, StockLevel):
            continue
        nodes.append(message.sender)
        if message.link is not None:
            nodes.append(message.link)
    return nodes


def _of_a_person(message: Message) -> bool:
    """Tell whether a message leaves an event of a person."""
    return message.body is not None and not isinstance(message.body, StockLevel)


def _text(external: ExternalId) -> tuple[str, str]:
    return external.kind.value, external.value


_NEXT_OFFSET = select(POSITION.c.next_offset).where(POSITION.c.log_partition == PARTITION)


def _position(connection: Connection) -> int:
    row = connection.execute(_NEXT_OFFSET).first()
    return 0 if row is None else int(row[0])
