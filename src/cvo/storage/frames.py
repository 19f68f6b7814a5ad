"""The log as the ledger's tables, by canonical person and time."""

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from cvo.events.event import Activity, Body, Decided, Order, Refund, Response
from cvo.storage.rows import body_of, kind_of
from cvo.storage.schema import EVENT, PERSON
from cvo.storage.store import Store

if TYPE_CHECKING:
    import polars as pl


def orders(store: Store, currency: str) -> "pl.DataFrame":
    """Return completed orders in `currency` as `ledger.tables.ORDERS`."""
    from cvo.ledger.tables import ORDERS

    rows = (
        (person, at, body.order_id, body.revenue_minor)
        for person, at, body in _bodies(store, Order)
        if body.currency == currency
    )
    return _frame(rows, ORDERS)


def refunds(store: Store, currency: str) -> "pl.DataFrame":
    """Return refunds in `currency` as `ledger.tables.REFUNDS`."""
    from cvo.ledger.tables import REFUNDS

    rows = (
        (person, at, body.order_id, body.amount_minor)
        for person, at, body in _bodies(store, Refund)
        if body.currency == currency
    )
    return _frame(rows, REFUNDS)


def responses(store: Store) -> "pl.DataFrame":
    """Return responses, and activities named `activity:<name>`, as `ledger.tables.RESPONSES`."""
    from cvo.ledger.tables import RESPONSES

    rows = [
        (person, at, body.kind.value, body.action, body.decision_id)
        for person, at, body in _bodies(store, Response)
    ]
    rows += [
        (person, at, f"activity:{body.name}", None, None) for person, at, body in _bodies(store, Activity)
    ]
    rows.sort(key=lambda row: row[:2])
    return _frame(rows, RESPONSES)


def decisions(store: Store) -> "pl.DataFrame":
    """Return decisions that customers got, ours and recorded ones, as `ledger.tables.DECISIONS`."""
    from cvo.ledger.tables import DECISIONS

    rows = (
        (
            person,
            at,
            body.decision_id,
            body.placement,
            body.action or "",
            body.delivered,
            body.team or "",
            body.stage or "",
            body.contact_cost_minor,
            list(body.options),
            list(body.options.values()),
        )
        for person, at, body in _bodies(store, Decided)
    )
    return _frame(rows, DECISIONS)


def other_currencies(store: Store, currency: str) -> dict[str, int]:
    """Return how many orders and refunds came in each other currency: accepted, and not valued."""
    counts: dict[str, int] = {}
    for kind in (Order, Refund):
        for _, _, body in _bodies(store, kind):
            if body.currency != currency:
                counts[body.currency] = counts.get(body.currency, 0) + 1
    return dict(sorted(counts.items()))


def _bodies(store: Store, kind: type[Body]) -> "list[tuple[bytes, int, Any]]":
    statement = (
        select(PERSON.c.canonical_id, EVENT.c.at, EVENT.c.body)
        .join(PERSON, EVENT.c.person_id == PERSON.c.person_id)
        .where(EVENT.c.kind == kind_of(kind))
        .order_by(PERSON.c.canonical_id, EVENT.c.at, EVENT.c.event_id)
    )
    with store.connect() as connection:
        return [(person, at, body_of(body)) for person, at, body in connection.execute(statement)]


def _frame(rows: Any, schema: "pl.Schema") -> "pl.DataFrame":
    import polars as pl

    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    data = {
        name: _lists(column, dtype.inner) if isinstance(dtype, pl.List) else pl.Series(column, dtype=dtype)
        for column, (name, dtype) in zip(columns, schema.items(), strict=True)
    }
    return pl.DataFrame(data, schema=schema)


def _lists(lists: Any, inner: Any) -> "pl.Series":
    """Return a column of lists, made from one flat column: polars takes 20 times as long list by list."""
    import polars as pl

    index = pl.DataFrame({"row": range(len(lists))}, schema={"row": pl.Int64})
    rows = [row for row, items in enumerate(lists) for _ in items]
    flat = pl.DataFrame(
        {"row": rows, "item": [item for items in lists for item in items]},
        schema={"row": pl.Int64, "item": inner},
    )
    grouped = flat.group_by("row", maintain_order=True).agg("item")
    joined = index.join(grouped, on="row", how="left", maintain_order="left")
    return joined["item"].fill_null([])
