"""Facts for tests of the ledger: events written down in a line each, and the tables they make."""

from collections.abc import Mapping

from cvo.core.clock import DAY, Instant
from cvo.core.ids import DecisionId, EventId, PersonId
from cvo.core.random import keyed_bytes
from cvo.events.event import Body, Decided, Delivery, Event, Order, Refund, Response, ResponseKind
from cvo.ledger.tables import Tables, tabulate

START = Instant(1_400 * 14 * DAY)
"""A midnight at which a calendar window of 14 days begins."""


def person(number: int | str) -> PersonId:
    return PersonId(keyed_bytes("person", number))


def event(who: int | str, day: float, body: Body, key: object = "") -> Event:
    at = Instant(START + int(day * DAY))
    return Event(
        EventId(keyed_bytes("event", str(who), str(day), str(body), str(key))), person(who), at, at, body
    )


def order(who: int | str, day: float, minor: int, order_id: str = "o", currency: str = "EUR") -> Event:
    return event(who, day, Order(order_id, minor, currency))


def refund(who: int | str, day: float, minor: int, order_id: str = "o", currency: str = "EUR") -> Event:
    return event(who, day, Refund(order_id, minor, currency))


def response(
    who: int | str,
    day: float,
    action: str = "a",
    decision_id: str | None = None,
    kind: ResponseKind = ResponseKind.CLICKED,
) -> Event:
    named = None if decision_id is None else DecisionId(decision_id)
    return event(who, day, Response(kind, action, "sales", "grow", "email", named))


def decided(
    who: int | str,
    day: float,
    options: Mapping[str, float],
    got: str,
    *,
    chosen: str | None = None,
    propensity: float | None = None,
    decision_id: str = "d",
    cost_minor: int = 10,
    stage: str = "grow",
) -> Event:
    """One decision: `got` is what was delivered, `chosen` what was picked, `propensity` with which chance."""
    picked = got if chosen is None else chosen
    delivery = Delivery.DELIVERED if got else Delivery.WITHHELD if picked else Delivery.NOTHING
    body = Decided(
        decision_id=DecisionId(decision_id),
        placement="newsletter",
        channel="email",
        action=picked or None,
        team="sales" if picked else None,
        stage=stage if picked else None,
        delivery=delivery,
        propensity=options[picked] if propensity is None else propensity,
        options=dict(options),
        contact_cost_minor=cost_minor if picked else 0,
        currency="EUR",
    )
    return event(who, day, body)


def tables(*events: Event) -> Tables:
    """Return the tables of facts in the order in which a log hands them out."""
    return tabulate(sorted(events, key=lambda each: (each.person_id, each.at, each.event_id)), "EUR")
