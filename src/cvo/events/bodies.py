"""From a named event to a typed body: the names cvo understands, and `Activity` for all others."""

import math
from collections.abc import Callable
from typing import Any

from cvo.core.errors import InvalidInput
from cvo.core.ids import DecisionId
from cvo.core.money import Money
from cvo.events.event import (
    Activity,
    Body,
    ConsentSet,
    Decided,
    Delivery,
    Order,
    Refund,
    Response,
    ResponseKind,
)
from cvo.events.message import Labels, Reason, Refused
from cvo.events.stock import StockLevel
from cvo.events.values import INTEGER_LIMIT, flatten, text

Properties = dict[str, Any]

SUM_TOLERANCE = 1e-3
"""How far from one recorded probabilities may add up, before they are scaled: clients write 1/3 as 0.333."""


def body_of(name: str, properties: Properties, labels: Labels, currency: str) -> Body | StockLevel:
    """Return the typed body of an event called `name`; what is typed wrongly raises `Refused`.

    `currency` stands in where an order names none.
    """
    known = _KNOWN.get(name)
    if known is None:
        return Activity(name, flatten(properties, "properties"))
    return known(name, properties, labels, currency)


def _order(name: str, properties: Properties, _labels: Labels, currency: str) -> Order:
    order_id = _text(properties, "order_id", name)
    code = _currency(properties, name, currency)
    revenue_minor = _minor(properties, "revenue", name, code)
    rest = {k: v for k, v in properties.items() if k not in {"order_id", "revenue", "currency"}}
    return Order(order_id, revenue_minor, code, flatten(rest, "properties"))


def _refund(name: str, properties: Properties, _labels: Labels, currency: str) -> Refund:
    order_id = _text(properties, "order_id", name)
    code = _currency(properties, name, currency)
    # Segment's specification names the amount of a refund `total`, and that of an order `revenue`.
    key = "total" if properties.get("revenue") is None else "revenue"
    return Refund(order_id, _minor(properties, key, name, code), code)


def _response(name: str, properties: Properties, labels: Labels, _currency: str) -> Response:
    action = _text(properties, "action", name)
    about = labels.action(action)
    placement = _optional_text(properties, "placement", name)
    decision_id = _optional_text(properties, "decisionId", name)
    return Response(
        kind=_RESPONSES[name],
        action=action,
        team=about.team,
        stage=about.stage,
        channel="" if placement is None else labels.channel(placement),
        decision_id=None if decision_id is None else DecisionId(decision_id),
    )


def _decided(name: str, properties: Properties, labels: Labels, currency: str) -> Decided:
    placement = _text(properties, "placement", name)
    action = _optional_text(properties, "action", name)
    options = _options(properties, name, labels)
    propensity = _probability(properties.get("propensity"), "propensity", name)
    if propensity == 0.0:
        raise Refused(Reason.INVALID_PROPERTY, f"{name}: propensity is 0, yet the option was picked")
    if not math.isclose(options.get(action or "", 0.0), propensity, rel_tol=1e-6):
        raise Refused(
            Reason.INVALID_PROPERTY,
            f"{name}: propensity is {propensity}, but options give {options.get(action or '')} "
            f"to {action or 'doing nothing'!r}",
        )
    total = math.fsum(options.values())
    options = {option: probability / total for option, probability in options.items()}
    about = None if action is None else labels.action(action)
    return Decided(
        decision_id=DecisionId(_text(properties, "decisionId", name)),
        placement=placement,
        channel=labels.channel(placement),
        action=action,
        team=None if about is None else about.team,
        stage=None if about is None else about.stage,
        delivery=Delivery.NOTHING if action is None else Delivery.DELIVERED,
        propensity=options[action or ""],
        options=options,
        contact_cost_minor=0 if about is None else about.contact_cost_minor,
        currency=currency if about is None else about.currency,
    )


def _consent(name: str, properties: Properties, _labels: Labels, _currency: str) -> ConsentSet:
    purposes = properties.get("purposes")
    if not isinstance(purposes, dict):
        raise Refused(Reason.INVALID_PROPERTY, f'{name}: purposes has to be an object like {{"email": true}}')
    for purpose, allowed in purposes.items():
        if not isinstance(purpose, str) or not isinstance(allowed, bool):
            raise Refused(
                Reason.INVALID_PROPERTY, f"{name}: purposes.{purpose} is {allowed!r}, not true or false"
            )
        text(purpose, name)
    return ConsentSet(purposes)


def _inventory(name: str, properties: Properties, _labels: Labels, _currency: str) -> StockLevel:
    quantity = properties.get("quantity")
    if quantity is None:
        raise Refused(Reason.MISSING_PROPERTY, f"{name}: quantity is missing")
    if isinstance(quantity, bool) or not isinstance(quantity, int | float) or quantity % 1 != 0:
        raise Refused(Reason.INVALID_PROPERTY, f"{name}: quantity is {_show(quantity)}, not a whole number")
    if abs(quantity) > INTEGER_LIMIT:
        raise Refused(Reason.OUT_OF_RANGE, f"{name}: quantity is out of range")
    place = _optional_text(properties, "place", name)
    return StockLevel(_text(properties, "product", name), place or "", int(quantity))


def _options(properties: Properties, name: str, labels: Labels) -> dict[str, float]:
    raw = properties.get("options")
    if not isinstance(raw, dict) or not raw:
        raise Refused(
            Reason.MISSING_PROPERTY,
            f"{name}: options has to give the probability of every action that could have been picked, "
            'doing nothing as "": {"a": 0.5, "": 0.5}',
        )
    options = {}
    for option, probability in raw.items():
        if not isinstance(option, str):
            raise Refused(Reason.INVALID_PROPERTY, f"{name}: options has a key that is not text: {option!r}")
        if option:
            labels.action(option)
        options[option] = _probability(probability, f"options[{option!r}]", name)
    total = math.fsum(options.values())
    if abs(total - 1.0) > SUM_TOLERANCE:
        raise Refused(
            Reason.INVALID_PROPERTY, f"{name}: the probabilities of options add up to {total:g}, not 1"
        )
    return options


def _probability(value: object, key: str, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise Refused(Reason.INVALID_PROPERTY, f"{name}: {key} is {_show(value)}, not a probability")
    return float(value)


def _optional_text(properties: Properties, key: str, name: str) -> str | None:
    value = properties.get(key)
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= INTEGER_LIMIT:
        value = str(value)
    if not isinstance(value, str) or not value:
        raise Refused(Reason.INVALID_PROPERTY, f"{name}: {key} is {_show(value)}, not a text")
    return text(value, f"{name}: {key}")


def _text(properties: Properties, key: str, name: str) -> str:
    value = _optional_text(properties, key, name)
    if value is None:
        raise Refused(Reason.MISSING_PROPERTY, f"{name}: {key} is missing")
    return value


def _currency(properties: Properties, name: str, default: str) -> str:
    return _optional_text(properties, "currency", name) or default


def _minor(properties: Properties, key: str, name: str, currency: str) -> int:
    value = properties.get(key)
    if value is None:
        raise Refused(Reason.MISSING_PROPERTY, f"{name}: {key} is missing")
    # `not >= 0` also refuses NaN.
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise Refused(Reason.INVALID_PROPERTY, f"{name}: {key} is {_show(value)}, not an amount of money")
    if value > INTEGER_LIMIT:
        raise Refused(Reason.OUT_OF_RANGE, f"{name}: {key} is out of range")
    try:
        return Money.of(value, currency).to_minor()
    except InvalidInput as error:
        raise Refused(Reason.INVALID_PROPERTY, f"{name}: {error}") from None


def _show(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 80 else f"{shown[:77]}..."


_RESPONSES = {
    "Action Presented": ResponseKind.PRESENTED,
    "Action Dismissed": ResponseKind.DISMISSED,
    "Action Postponed": ResponseKind.POSTPONED,
    "Action Clicked": ResponseKind.CLICKED,
    "Action Accepted": ResponseKind.ACCEPTED,
    "Action Converted": ResponseKind.CONVERTED,
}

_KNOWN: dict[str, Callable[[str, Properties, Labels, str], Body | StockLevel]] = {
    "Order Completed": _order,
    "Order Refunded": _refund,
    "Decision Recorded": _decided,
    "Consent Updated": _consent,
    "Inventory Updated": _inventory,
    **dict.fromkeys(_RESPONSES, _response),
}
