"""The tables the ledger works on: facts as columns, in the order of person and time.

Money is in minor units of the company's currency; what came in another currency is not in them.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
import polars as pl

from cvo.core.money import Money
from cvo.events.event import Activity, Decided, Event, Order, Refund, Response

ORDERS = pl.Schema(
    {"person_id": pl.Binary(), "at": pl.Int64(), "order_id": pl.String(), "revenue_minor": pl.Int64()}
)
"""One row a completed order."""

REFUNDS = pl.Schema(
    {"person_id": pl.Binary(), "at": pl.Int64(), "order_id": pl.String(), "amount_minor": pl.Int64()}
)
"""One row a refund."""

COSTS = pl.Schema({"person_id": pl.Binary(), "at": pl.Int64(), "cost_minor": pl.Int64()})
"""One row an activity that cost service: a call, a visit, a claim."""

SERVICE_COST = "service_cost"
"""The property of an activity that says, in major units, what serving the customer cost; `currency` may go with it."""

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

    `unvalued` counts orders, refunds and service costs in other currencies: they are kept, and in no figure.
    """

    orders: pl.DataFrame
    refunds: pl.DataFrame
    costs: pl.DataFrame
    responses: pl.DataFrame
    decisions: pl.DataFrame
    unvalued: int


def tabulate(events: Iterable[Event], currency: str) -> Tables:
    """Sort events into tables; money in another currency than `currency` is counted, not valued."""
    rows: dict[str, list[tuple[Any, ...]]] = {
        name: [] for name in ("orders", "refunds", "costs", "responses", "decisions")
    }
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
                cost = _service_cost(body, currency)
                unvalued += cost is None
                rows["costs"] += [(*common, cost)] if cost else []
            case Decided():
                rows["decisions"].append((*common, *_decision(body)))
    return Tables(
        orders=_frame(rows["orders"], ORDERS),
        refunds=_frame(rows["refunds"], REFUNDS),
        costs=_frame(rows["costs"], COSTS),
        responses=_frame(rows["responses"], RESPONSES),
        decisions=_frame(rows["decisions"], DECISIONS),
        unvalued=unvalued,
    )


def _service_cost(body: Activity, currency: str) -> int | None:
    """Return what an activity cost in minor units, 0 if it says nothing, `None` in another currency."""
    cost = body.properties.get(SERVICE_COST)
    if isinstance(cost, bool) or not isinstance(cost, int | float) or cost <= 0:
        return 0
    if body.properties.get("currency") not in {None, currency}:
        return None
    return Money.of(cost, currency).to_minor()


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
