"""Check that what is stored is what the log says."""

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import DatabaseError

from cvo.core.errors import Damaged
from cvo.core.ids import PersonId
from cvo.profiles.fold import fold
from cvo.profiles.profile import EMPTY, decode, encode
from cvo.storage import dialect
from cvo.storage.graph import Graph
from cvo.storage.rows import PARTITION, in_order
from cvo.storage.schema import EVENT, PERSON, POSITION
from cvo.storage.stock import wrong_levels
from cvo.storage.store import Store

_PAGE = 500


def check(store: Store) -> list[str]:
    """Return what is wrong with a store, one sentence each; nothing if all is well.

    The file itself is checked, then that every person is who the links say, that every profile equals the
    fold of its facts, that the log has no gap, and that stock is what its reports say.
    """
    try:
        with store.connect() as connection:
            findings = [
                f"the database file is damaged: {row[0]}"
                for row in connection.exec_driver_sql("PRAGMA integrity_check(10)")
                if row[0] != "ok"
            ]
            return findings or [*_log(connection), *wrong_levels(connection), *_persons(connection)]
    except DatabaseError as error:
        return [f"the database file can't be read: {error.orig}"]
    except Damaged as error:
        return [str(error)]


def _log(connection: Connection) -> list[str]:
    count, last = connection.execute(
        select(func.count(), func.max(EVENT.c.log_offset)).select_from(EVENT)
    ).one()
    end = connection.execute(
        select(POSITION.c.next_offset).where(POSITION.c.log_partition == PARTITION)
    ).scalar()
    expected = 0 if last is None else last + 1
    if (end or 0) == expected and count == expected:
        return []
    return [f"the log has {count} events, its last is number {last}, and its position says {end or 0}"]


def _persons(connection: Connection) -> list[str]:
    findings: list[str] = []
    last = b""
    while True:
        page = connection.execute(
            select(PERSON).where(PERSON.c.person_id > last).order_by(PERSON.c.person_id).limit(_PAGE)
        ).all()
        if not page:
            return findings
        last = page[-1].person_id
        findings += _page(connection, {row.person_id: tuple(row) for row in page})


def _page(connection: Connection, nodes: dict[PersonId, dialect.Row]) -> list[str]:
    graph = Graph(connection)
    graph.load(nodes)
    findings = []
    owner: dict[PersonId, PersonId] = {}
    for node, row in nodes.items():
        canonical = graph.canonical(node)[node]
        if row[3] != canonical:
            findings.append(f"the id {row[1]}:{row[2]} belongs to another person than its links say")
        if canonical == node:
            owner |= dict.fromkeys(graph.person(node), node)
    facts: dict[PersonId, list[dialect.Row]] = {node: [] for node in owner.values()}
    for event in dialect.events(connection, owner):
        facts[owner[event[0]]].append(event)
    for node, rows in facts.items():
        stored = nodes[node][8]
        try:
            # A profile of an older layout is folded anew when it is next needed.
            same = encode(fold(EMPTY, in_order(rows))) == stored or decode(stored) is None
        except Damaged as error:
            findings.append(f"{nodes[node][1]}:{nodes[node][2]}: {error}")
            continue
        if not same:
            findings.append(f"the profile of {nodes[node][1]}:{nodes[node][2]} is not what its events say")
    return findings
