"""The tables the ledger works on: facts as columns, in the order of person and time.

Money is in minor units of the company's currency; what came in another currency is not in them.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
import polars as pl

from cvo.core.money import Money
from cvo.events.event import Activity, Decided, Event, Order, Refund, Response, Valued

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

INCENTIVES = pl.Schema({"person_id": pl.Binary(), "at": pl.Int64(), "discount_minor": pl.Int64()})
"""One row an order that says what discount it had; its revenue is already less that."""

PREDICTIONS = pl.Schema(
    {
        "person_id": pl.Binary(),
        "at": pl.Int64(),
        "model": pl.String(),
        "days": pl.Int64(),
        "expected_minor": pl.Int64(),
        "p10_minor": pl.Int64(),
        "p50_minor": pl.Int64(),
        "p90_minor": pl.Int64(),
        "expected_orders": pl.Float64(),
    }
)
"""One row a lifetime value as it was predicted, and horizon."""

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
    incentives: pl.DataFrame
    predictions: pl.DataFrame
    responses: pl.DataFrame
    decisions: pl.DataFrame
    unvalued: int


def tabulate(events: Iterable[Event], currency: str) -> Tables:
    """Sort events into tables; money in another currency than `currency` is counted, not valued."""
    rows: dict[str, list[tuple[Any, ...]]] = {name: [] for name in _SCHEMAS}
    unvalued = 0
    for event in events:
        body, common = event.body, (event.person_id, event.at)
        match body:
            case Order() if body.currency == currency:
                rows["orders"].append((*common, body.order_id, body.revenue_minor))
                discount = _amount(body.properties.get("discount"), currency)
                rows["incentives"] += [(*common, discount)] if discount else []
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
            case Valued() if body.currency == currency:
                rows["predictions"] += [
                    (*common, body.model, *msgspec.structs.astuple(each)) for each in body.horizons
                ]
            case Decided():
                rows["decisions"].append((*common, *_decision(body)))
    frames = {name: _frame(rows[name], schema) for name, schema in _SCHEMAS.items()}
    return Tables(**frames, unvalued=unvalued)


_SCHEMAS = {
    "orders": ORDERS,
    "refunds": REFUNDS,
    "costs": COSTS,
    "incentives": INCENTIVES,
    "predictions": PREDICTIONS,
    "responses": RESPONSES,
    "decisions": DECISIONS,
}


def _service_cost(body: Activity, currency: str) -> int | None:
    """Return what an activity cost in minor units, 0 if it says nothing, `None` in another currency."""
    cost = _amount(body.properties.get(SERVICE_COST), currency)
    if cost and body.properties.get("currency") not in {None, currency}:
        return None
    return cost


def _amount(value: object, currency: str) -> int:
    """Return a property as minor units; what is no amount above zero is nothing."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        return 0
    return Money.of(value, currency).to_minor()


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
