"""Forgetting what is kept only so that a repeat is known again, once the promise to know it has passed."""

from sqlalchemy import Connection, Table, delete, select

from cvo.core.clock import Instant
from cvo.storage.schema import IDEMPOTENCY, INTAKE


def forget_repeats(connection: Connection, before: Instant, at_most: int) -> int:
    """Delete what was received before a time, oldest first, at most so many rows a table; return how many."""
    return sum(_forget(connection, table, before, at_most) for table in (INTAKE, IDEMPOTENCY))


def _forget(connection: Connection, table: Table, before: Instant, at_most: int) -> int:
    """Delete a table's oldest rows one by one by key, which locks and reads no others."""
    keys = list(table.primary_key)
    oldest = select(*keys).where(table.c.received_at < before).order_by(table.c.received_at).limit(at_most)
    rows = connection.execute(oldest).all()
    for row in rows:
        connection.execute(delete(table).where(*(key == value for key, value in zip(keys, row, strict=True))))
    return len(rows)
