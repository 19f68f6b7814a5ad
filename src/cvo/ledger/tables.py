"""The tables the ledger works on: facts as columns, in the order of person and time.

Money is in minor units of the company's currency; what came in another currency is not in them.
"""

from collections.abc import Iterable, Mapping
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

COSTS = pl.Schema(
    {"person_id": pl.Binary(), "at": pl.Int64(), "cost_minor": pl.Int64(), "incentive_cost_minor": pl.Int64()}
)
"""One row a fact that cost service or an incentive: a call, a claim; a voucher paid out, points credited, a gift."""

SERVICE_COST = "service_cost"
"""The property of an activity that says, in major units, what serving the customer cost; `currency` may go with it."""

INCENTIVE_COST = "incentive_cost"
"""The property of an activity or order that says, in major units, what an incentive cost that is not in revenue."""

INCENTIVE = "incentive"
"""The property beside it that names its kind: voucher, points, gift."""

DISCOUNT, UNNAMED = "discount", "other"
"""Kinds of incentives: off the price of an order, whose revenue is already less it; and those nobody named."""

INCENTIVES = pl.Schema(
    {"person_id": pl.Binary(), "at": pl.Int64(), "kind": pl.String(), "amount_minor": pl.Int64()}
)
"""One row an incentive that was given; a discount is off revenue already, what any other cost is off margin."""

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
        "annual_discount_rate": pl.Float64(),
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

    `unvalued` counts orders, refunds and costs in other currencies: they are kept, and in no figure.
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
    unvalued, known = 0, set[tuple[bytes, str]]()
    for event in events:
        body, common = event.body, (event.person_id, event.at)
        match body:
            case Order() if body.currency == currency:
                rows["orders"].append((*common, body.order_id, body.revenue_minor))
                # An order reported twice gave its incentives once.
                if (event.person_id, body.order_id) not in known:
                    known.add((event.person_id, body.order_id))
                    discount = _amount(body.properties.get(DISCOUNT), currency)
                    rows["incentives"] += [(*common, DISCOUNT, discount)] if discount else []
                    unvalued += _add_costs(rows, common, body.properties, currency)
            case Refund() if body.currency == currency:
                rows["refunds"].append((*common, body.order_id, body.amount_minor))
            case Order() | Refund():
                unvalued += 1
            case Response():
                rows["responses"].append((*common, body.kind.value, body.action, body.decision_id))
            case Activity():
                rows["responses"].append((*common, f"activity:{body.name}", None, None))
                unvalued += _add_costs(rows, common, body.properties, currency)
            case Valued() if body.currency == currency:
                rows["predictions"] += [
                    (*common, body.model, *msgspec.structs.astuple(each), body.annual_discount_rate)
                    for each in body.horizons
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


def _add_costs(
    rows: dict[str, list[tuple[Any, ...]]],
    common: tuple[bytes, int],
    properties: Mapping[str, object],
    currency: str,
) -> int:
    """Add what a fact says it cost to serve the customer or to give them; return 1 if it is in another currency."""
    served, given = (_amount(properties.get(name), currency) for name in (SERVICE_COST, INCENTIVE_COST))
    if not served and not given:
        return 0
    if properties.get("currency") not in {None, currency}:
        return 1
    rows["costs"].append((*common, served, given))
    if given:
        kind = properties.get(INCENTIVE)
        rows["incentives"].append((*common, kind if isinstance(kind, str) and kind else UNNAMED, given))
    return 0


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
