"""Stock in the database: every report for ever, and the level it left for the next decision to see.

Stock belongs to the company and to no person, so it has no part in a person's version: it has one of its own, which
counts the reports, and decisions pin it. What is kept of resources is here, too.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select

from cvo.actions.stock import NO_STOCK, Stock
from cvo.core.clock import Instant
from cvo.core.ids import EventId
from cvo.events.message import Message
from cvo.events.stock import StockLevel
from cvo.storage import dialect
from cvo.storage.schema import RESOURCE, STOCK, STOCK_EVENT

_VERSION = select(func.max(STOCK_EVENT.c.version))


def resources(connection: Connection) -> dict[str, bytes]:
    """Return what is kept of the company's resources, in the caller's encoding."""
    return {row[0]: bytes(row[1]) for row in connection.execute(select(RESOURCE))}


def take_levels(connection: Connection, messages: Sequence[tuple[Message, StockLevel]]) -> set[EventId]:
    """Write reports that were never seen, in their order, and return their ids.

    What happened last is the level, however late a report comes in; of two at one instant, what was reported last.
    """
    if not messages:
        return set()
    known = dialect.known_reports(connection, [message.event_id for message, _ in messages])
    version = _version(connection)
    events: list[dialect.Row] = []
    for message, level in messages:
        if message.event_id not in known:
            known.add(message.event_id)
            version += 1
            place = (level.product, level.place)
            events.append(
                (version, message.event_id, *place, message.at, message.received_at, level.quantity)
            )
    dialect.insert(connection, STOCK_EVENT, events)
    dialect.put_latest(connection, STOCK, [(row[2], row[3], row[4], row[0], row[6]) for row in events])
    return {EventId(row[1]) for row in events}


def stock(connection: Connection, products: Iterable[str]) -> Stock:
    """Return the levels of some products as they are."""
    wanted = sorted(products)
    if not wanted:
        return NO_STOCK
    rows = connection.execute(
        select(STOCK.c.product, STOCK.c.place, STOCK.c.quantity).where(STOCK.c.product.in_(wanted))
    )
    return _stock(_version(connection), rows)


def stock_at(connection: Connection, version: int, products: Iterable[str]) -> Stock:
    """Return the levels of some products as they were at a version: what happened last of what was known then."""
    wanted = sorted(products)
    if not wanted or not version:
        return NO_STOCK
    return _stock(version, connection.execute(_levels(STOCK_EVENT.c.version <= version, wanted)))


def stock_then(connection: Connection, at: Instant, products: Iterable[str]) -> Stock:
    """Return the levels of some products as far as they had been reported by `at`, for asking what would have been."""
    wanted = sorted(products)
    if not wanted:
        return NO_STOCK
    known = STOCK_EVENT.c.received_at <= at
    version = connection.execute(select(func.max(STOCK_EVENT.c.version)).where(known)).scalar() or 0
    return _stock(version, connection.execute(_levels(known, wanted)))


def wrong_levels(connection: Connection) -> list[str]:
    """Return where the level that decisions see is not what the reports of it say, one sentence each."""
    event = STOCK_EVENT.c
    reported = {
        (row[0], row[1]): (row[2], row[3])
        for row in connection.execute(
            select(event.product, event.place, event.version, event.quantity).order_by(
                event.at, event.version
            )
        )
    }
    kept = {
        (row[0], row[1]): (row[2], row[3])
        for row in connection.execute(
            select(STOCK.c.product, STOCK.c.place, STOCK.c.version, STOCK.c.quantity)
        )
    }
    return [
        f"the stock of {product!r} at {place!r} is not what was last reported"
        for product, place in sorted(reported.keys() | kept.keys())
        if reported.get((product, place)) != kept.get((product, place))
    ]


def _levels(known: ColumnElement[bool], products: list[str]) -> Select[Any]:
    event = STOCK_EVENT.c
    latest = (
        func.row_number()
        .over(partition_by=(event.product, event.place), order_by=(event.at.desc(), event.version.desc()))
        .label("latest")
    )
    found = (
        select(event.product, event.place, event.quantity, latest)
        .where(event.product.in_(products), known)
        .subquery()
    )
    return select(found.c.product, found.c.place, found.c.quantity).where(found.c.latest == 1)


def _stock(version: int, rows: Iterable[Any]) -> Stock:
    levels: dict[str, dict[str, int]] = {}
    for product, place, quantity in rows:
        levels.setdefault(product, {})[place] = quantity
    return Stock(version, levels)


def _version(connection: Connection) -> int:
    return connection.execute(_VERSION).scalar() or 0
