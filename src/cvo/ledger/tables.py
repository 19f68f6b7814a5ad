"""The tables the ledger works on: facts as columns, in the order of person and time.

Money is in minor units of the company's currency; what came in another currency is not in them.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
import polars as pl

from cvo.events.event import Activity, Decided, Event, Order, Refund, Response

ORDERS = pl.Schema(
    {"person_id": pl.Binary(), "at": pl.Int64(), "order_id": pl.String(), "revenue_minor": pl.Int64()}
)
"""One row a completed order."""

REFUNDS = pl.Schema(
    {"person_id": pl.Binary(), "at": pl.Int64(), "order_id": pl.String(), "amount_minor": pl.Int64()}
)
"""One row a refund."""

RESPONSES = pl.Schema(
    {
        "person_id": pl.Binary(),
        "at": pl.Int64(),
        "kind": pl.String(),
        "action": pl.String(),
        "decision_id": pl.String(),
    }
)
"""One row a response or activity: `kind` as an action's `response` names it, `action` if it names one."""

DECISIONS = pl.Schema(
    {
        "person_id": pl.Binary(),
        "at": pl.Int64(),
        "decision_id": pl.String(),
        "placement": pl.String(),
        "chosen": pl.String(),
        "delivered": pl.String(),
        "team": pl.String(),
        "stage": pl.String(),
        "contact_cost_minor": pl.Float64(),
        "propensity": pl.Float64(),
        "options": pl.List(pl.String()),
        "probabilities": pl.List(pl.Float64()),
    }
)
"""One row a slot of a decision that was live; nothing is the empty string.

`probabilities` are of delivery, given the arm and coins fallen; `propensity` is the policy's, of what was chosen.
"""


class Tables(msgspec.Struct, frozen=True, eq=False):
    """All facts that bear on value, as columns.

    `unvalued` counts orders and refunds in other currencies: they are kept, and in no figure.
    """

    orders: pl.DataFrame
    refunds: pl.DataFrame
    responses: pl.DataFrame
    decisions: pl.DataFrame
    unvalued: int


def tabulate(events: Iterable[Event], currency: str) -> Tables:
    """Sort events into tables; money in another currency than `currency` is counted, not valued."""
    rows: dict[str, list[tuple[Any, ...]]] = {"orders": [], "refunds": [], "responses": [], "decisions": []}
    unvalued = 0
    for event in events:
        body, common = event.body, (event.person_id, event.at)
        match body:
            case Order() if body.currency == currency:
                rows["orders"].append((*common, body.order_id, body.revenue_minor))
            case Refund() if body.currency == currency:
                rows["refunds"].append((*common, body.order_id, body.amount_minor))
            case Order() | Refund():
                unvalued += 1
            case Response():
                rows["responses"].append((*common, body.kind.value, body.action, body.decision_id))
            case Activity():
                rows["responses"].append((*common, f"activity:{body.name}", None, None))
            case Decided():
                rows["decisions"].append((*common, *_decision(body)))
    return Tables(
        orders=_frame(rows["orders"], ORDERS),
        refunds=_frame(rows["refunds"], REFUNDS),
        responses=_frame(rows["responses"], RESPONSES),
        decisions=_frame(rows["decisions"], DECISIONS),
        unvalued=unvalued,
    )


def _decision(body: Decided) -> tuple[Any, ...]:
    return (
        body.decision_id,
        body.placement,
        body.action or "",
        body.delivered,
        body.team,
        body.stage,
        body.contact_cost_minor,
        body.propensity,
        list(body.options),
        list(body.options.values()),
    )


def _frame(rows: list[tuple[Any, ...]], schema: pl.Schema) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=schema, orient="row")
