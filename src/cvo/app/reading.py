"""What learning has read of the log, as tables: gone on with from the tail of the log, not begun anew.

A customer whose facts only went on is read on from where the reading stopped. One to whom something came late, whose
ids are others than before, or who told of an order again, is read anew from the log. So a reading gone on with is the
one that reading everything would have made, to the byte, and there is nothing in it that could go stale.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

import msgspec
import polars as pl
from sqlalchemy import Connection

from cvo.actions.catalogue import Catalogue
from cvo.app.history import NEVER, Customers, Moment, Walk, everybody
from cvo.core.digest import digest
from cvo.core.errors import Damaged
from cvo.core.ids import PersonId
from cvo.events.event import Decided, Event, Order
from cvo.ledger.tables import Tables, tabulate
from cvo.profiles.profile import EMPTY, LAYOUT, decode, encode
from cvo.storage.store import Store
from cvo.storage.tail import composition, fact_before, facts_of, facts_since, position
from cvo.valuation.encoder import level_of, number_of
from cvo.valuation.features import FeatureReader

READING = 2
"""Version of what a reading holds; one of another version is not gone on with."""

_FACTS = 20_000
"""Facts of so many, and of whole customers, are in memory at a time."""

_PEOPLE = pl.Schema(
    {
        "person_id": pl.Binary(),
        "ids": pl.Binary(),
        "at": pl.Int64(),
        "event_id": pl.Binary(),
        "decision_id": pl.String(),
        "received_at": pl.Int64(),
        "profile": pl.Binary(),
    }
)
"""One row a customer: a digest of their ids, the last fact and decision read, when the latest came in, the profile."""

_MOMENT = {
    "person_id": pl.Binary(),
    "at": pl.Int64(),
    "decision_id": pl.String(),
    "delivered": pl.String(),
    "creative": pl.String(),
}

FEATURE = "feature:"
"""What the columns of features are called, before their names."""

TABLES = ("orders", "refunds", "costs", "incentives", "predictions", "responses", "decisions")


class Reading(msgspec.Struct, frozen=True, eq=False):
    """Facts as tables by customer and time (`ledger.tables`), up to `position` of the log and its `last_fact`.

    `moments` has a row a slot of a decision: what was delivered, and the features of the situation it was decided in.
    `people` says how far every customer was read. `key` names what the reading depends on besides the log.
    """

    key: str
    position: int
    last_fact: bytes
    frames: dict[str, pl.DataFrame]
    moments: pl.DataFrame
    people: pl.DataFrame

    def of(self, customers: Customers) -> "Reading":
        """Return what was read of some customers."""
        if customers is everybody:
            return self
        others = {person for person in self.people["person_id"].to_list() if not customers(person)}
        return msgspec.structs.replace(
            self,
            frames={name: _without(frame, others) for name, frame in self.frames.items()},
            moments=_without(self.moments, others),
            people=_without(self.people, others),
        )

    @property
    def tables(self) -> Tables:
        """Return the tables as the ledger takes them; what is in another currency is not counted."""
        return Tables(**self.frames, unvalued=0)


def key_of(catalogue: Catalogue, currency: str) -> str:
    """Return the name of what a reading depends on besides the log: features, currency, and how facts are read."""
    features = {name: (each.kind, each.value) for name, each in catalogue.features.items()}
    traits = {name: msgspec.to_builtins(trait) for name, trait in catalogue.traits.items()}
    return digest([READING, LAYOUT, currency, features, traits])


def features_of(moments: pl.DataFrame) -> dict[str, list[object]]:
    """Return the features of rows of `moments` by name."""
    return {
        name.removeprefix(FEATURE): moments[name].to_list()
        for name in moments.columns
        if name.startswith(FEATURE)
    }


def read(store: Store, catalogue: Catalogue, currency: str, kept: Reading | None = None) -> Reading:
    """Return the log as it is now, gone on with from a reading kept earlier if it is of the same key."""
    key = key_of(catalogue, currency)
    with store.connect() as connection:
        # A database restored from a backup may have gone another way since.
        if kept is None or kept.key != key or kept.last_fact != fact_before(connection, kept.position):
            kept = _nothing(key, catalogue, currency)
        return _Further(kept, catalogue, currency).read(connection)


def _nothing(key: str, catalogue: Catalogue, currency: str) -> Reading:
    tables, moments = tabulate([], currency), _Moments(FeatureReader(catalogue, currency)).frame([])
    frames = {name: getattr(tables, name) for name in TABLES}
    return Reading(key, 0, b"", frames, moments, pl.DataFrame(schema=_PEOPLE))


Facts = tuple[PersonId, list[Event]]
"""Facts of one customer, in their order."""

_BEFORE_ALL = (NEVER, b"")


class _Further:
    """One going on with a reading."""

    def __init__(self, kept: Reading, catalogue: Catalogue, currency: str) -> None:
        self._kept, self._currency = kept, currency
        self._moments = _Moments(FeatureReader(catalogue, currency))
        people = kept.people
        self._row = {PersonId(person): row for row, person in enumerate(people["person_id"].to_list())}
        self._ids_before = dict(zip(self._row, people["ids"].to_list(), strict=True))
        self._added: list[dict[str, pl.DataFrame]] = []
        self._people: list[tuple[Any, ...]] = []

    def read(self, connection: Connection) -> Reading:
        """Read what has come since, and anew those with whom it can't be gone on."""
        until, ids = position(connection), dict(composition(connection))
        before = self._ids_before
        gone: set[PersonId] = before.keys() - ids.keys()
        anew = {person for person in before.keys() & ids.keys() if before[person] != ids[person]}
        if gone or anew:
            # Ids that left somebody may be a customer of their own now, whose facts had been read of the other.
            anew |= ids.keys() - before.keys()
        for block in _blocks(facts_since(connection, self._kept.position), anew):
            further = self._further(block)
            anew |= {person for person, _ in block} - {person for person, _ in further}
            self._add([(facts, self._walk(person)) for person, facts in further], ids)
        for block in _blocks(facts_of(connection, sorted(anew)), set()):
            self._add([(facts, Walk()) for _, facts in block], ids)
        return self._joined((until, fact_before(connection, until)), ids, anew | gone)

    def _further(self, block: list[Facts]) -> list[Facts]:
        """Return those whose facts go on where the reading stopped."""
        told = [
            (person, each.body.order_id)
            for person, facts in block
            for each in facts
            if isinstance(each.body, Order)
        ]
        keys = pl.DataFrame(told, schema={"person_id": pl.Binary(), "order_id": pl.String()}, orient="row")
        orders = self._kept.frames["orders"]
        again = set(keys.join(orders, on=["person_id", "order_id"], how="semi")["person_id"].to_list())
        return [each for each in block if each[0] not in again and self._goes_on(*each)]

    def _goes_on(self, person: PersonId, facts: list[Event]) -> bool:
        row = self._row.get(person)
        if row is None:
            return True
        people = self._kept.people
        decision = next((each.body.decision_id for each in facts if isinstance(each.body, Decided)), "")
        last = (people["at"][row], people["event_id"][row])
        # Slots of one decision saw the same: one more of the last decision has to be read with the others.
        goes_on = facts[0].order > last and (not decision or decision != people["decision_id"][row])
        return bool(goes_on) and self._walk(person).goes_on(facts)

    def _walk(self, person: PersonId) -> Walk:
        row = self._row.get(person)
        if row is None:
            return Walk()
        people = self._kept.people
        profile = decode(people["profile"][row])
        if profile is None:
            raise Damaged("a profile in the reading of the log is of another layout than its key says")
        return Walk(profile, people["decision_id"][row], people["received_at"][row])

    def _add(self, walks: list[tuple[list[Event], Walk]], ids: dict[PersonId, bytes]) -> None:
        tables = tabulate((fact for facts, _ in walks for fact in facts), self._currency)
        added = {name: getattr(tables, name) for name in TABLES}
        found = [moment for facts, walk in walks for moment in walk.moments(facts)]
        self._added.append({**added, _MOMENTS: self._moments.frame(found)})
        for facts, walk in walks:
            person, last = facts[-1].person_id, facts[-1].order
            self._people.append(
                (person, ids[person], *last, walk.decision_id, walk.received, encode(walk.profile))
            )

    def _joined(
        self, until: tuple[int, bytes], ids: dict[PersonId, bytes], dropped: set[PersonId]
    ) -> Reading:
        kept = self._kept
        read_now = {row[0] for row in self._people}
        stays = _without(kept.people, dropped | read_now)
        silent = ids.keys() - read_now - set(stays["person_id"].to_list())
        nothing = encode(EMPTY)
        rows = [
            *self._people,
            *((person, ids[person], *_BEFORE_ALL, "", NEVER, nothing) for person in silent),
        ]
        people = pl.concat([stays, pl.DataFrame(rows, schema=_PEOPLE, orient="row")])
        frames = {
            # Facts read now are later than a customer's others: in order among themselves, they go after them.
            name: pl.concat([_without(frame, dropped), *(added[name] for added in self._added)]).sort(
                "person_id", maintain_order=True
            )
            for name, frame in (*kept.frames.items(), (_MOMENTS, kept.moments))
        }
        return Reading(kept.key, *until, frames, frames.pop(_MOMENTS), people.sort("person_id"))


_MOMENTS = "moments"


def _blocks(facts: Iterable[Event], skipped: set[PersonId]) -> Iterator[list[Facts]]:
    """Return facts by customer, without some, in blocks of a size."""
    block, size = list[Facts](), 0
    for person, theirs in groupby(facts, key=lambda fact: fact.person_id):
        if person not in skipped:
            block.append((person, list(theirs)))
            size += len(block[-1][1])
        if size >= _FACTS:
            yield block
            block, size = [], 0
    if block:
        yield block


def _without(frame: pl.DataFrame, persons: set[PersonId]) -> pl.DataFrame:
    if not persons:
        return frame
    dropped = pl.DataFrame({"person_id": sorted(persons)}, schema={"person_id": pl.Binary()})
    return frame.join(dropped, on="person_id", how="anti", maintain_order="left")


class _Moments:
    """Decisions as a table, with the features of their situations."""

    def __init__(self, reader: FeatureReader) -> None:
        self._reader = reader

    def frame(self, moments: list[Moment]) -> pl.DataFrame:
        columns: dict[str, list[object]] = {
            "person_id": [each.person_id for each in moments],
            "at": [each.situation.at for each in moments],
            "decision_id": [each.decided.decision_id for each in moments],
            "delivered": [each.decided.delivered for each in moments],
            "creative": [each.decided.creative for each in moments],
        }
        schema: dict[str, pl.DataType] = dict(_MOMENT)
        values = self._reader.values([each.situation for each in moments])
        for name, kind in self._reader.kinds.items():
            number = kind == "number"
            schema[FEATURE + name] = pl.Float64() if number else pl.String()
            columns[FEATURE + name] = [number_of(each) if number else level_of(each) for each in values[name]]
        return pl.DataFrame(columns, schema=schema)
