"""What happens in a world as the messages that a company's shops, mailers and apps would send."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np

from cvo.core.clock import DAY, Instant, format_rfc3339, parse_rfc3339
from cvo.events.message import ExternalId, anonymous, user
from cvo.simulate import Kind, Reports, Step, Touches, World, observe, visible_traits
from cvo.simulate.draws import Floats

START = parse_rfc3339("2026-01-05T00:00:00Z")
"""The Monday on which every world begins."""

_NAMES = {
    Kind.IMPRESSION: "Action Presented",
    Kind.CLICK: "Action Clicked",
    Kind.ACCEPTANCE: "Action Accepted",
}


class Sent(msgspec.Struct, frozen=True):
    """A message, and when it reaches the company."""

    at: Instant
    message: dict[str, Any]


def moment(days: float) -> Instant:
    """Return the instant so many days after the world began."""
    return Instant(START + round(days * DAY))


def customer_id(customer: int) -> ExternalId:
    """Return the id under which the company knows a customer."""
    return user(f"customer-{customer:06}")


def device_id(customer: int, device: int) -> ExternalId:
    """Return the id of one of a customer's browsers."""
    return anonymous(f"device-{customer:06}-{device}")


def met_as(met: Touches, touch: int) -> ExternalId:
    """Return the id that a touch carries: the browser's, until the customer is known to use it."""
    customer = int(met.customer[touch])
    return customer_id(customer) if met.known[touch] else device_id(customer, int(met.device[touch]))


class Sender:
    """Turns the steps of one world into messages."""

    def __init__(self, world: World, margin_rate: float) -> None:
        self._world, self._margin_rate = world, margin_rate
        traits = visible_traits(world)
        columns = [
            values if isinstance(values, list) else np.round(values, 2).tolist() for values in traits.values()
        ]
        rows = list(zip(*columns, strict=True)) if columns else [()] * world.people.count
        self._traits = [dict(zip(traits, row, strict=True)) for row in rows]
        self._outbound = [c.name for c in world.scenario.channels if not c.inbound]

    def known_before(self) -> Iterator[Sent]:
        """Yield what the company knew of its customers when the world began."""
        for customer in np.flatnonzero(self._world.people.known_before).tolist():
            traits = {"type": "identify", "traits": self._traits[customer]}
            yield _sent(START, START, customer_id(customer), "traits", traits)

    def of_step(self, step: Step, decision_ids: Sequence[str]) -> Iterator[Sent]:
        """Yield all that is reported of a step; `decision_ids` has one id for each of its touches."""
        for kind, reports in observe(self._world, step).items():
            if kind in _NAMES:
                yield from self._responses(kind, step, reports, decision_ids)
            else:
                yield from getattr(self, f"_{kind.value}s")(step, reports)
        yield from self._links(step)

    def fees(self, week: int, fees: Floats) -> Iterator[Sent]:
        """Yield the invoices of a week: of what brings the contract's margin at the company's margin rate."""
        at = moment(7 * (week + 1) - 0.01)
        for customer in np.flatnonzero(fees > 0).tolist():
            order_id = f"fee-{customer:06}-{week}"
            invoice = {"order_id": order_id, "revenue": round(float(fees[customer]) / self._margin_rate, 2)}
            yield _sent(at, at, customer_id(customer), order_id, _track("Order Completed", invoice))

    def _responses(
        self, kind: Kind, step: Step, reports: Reports, decision_ids: Sequence[str]
    ) -> Iterator[Sent]:
        contacts, scenario = step.contacts, self._world.scenario
        for row, at, reported_at in _rows(reports):
            touch = int(contacts.touch[row])
            properties = {
                "action": scenario.actions[int(contacts.action[row])].name,
                "placement": scenario.channels[int(contacts.channel[row])].name,
                "decisionId": decision_ids[touch],
            }
            message_id = f"{kind.value}-{step.step}-{contacts.customer[row]}"
            sender = met_as(step.touches, touch)
            yield _sent(at, reported_at, sender, message_id, _track(_NAMES[kind], properties))
            cost = scenario.actions[int(contacts.action[row])].cost_if_accepted
            if kind is Kind.ACCEPTANCE and cost:
                served = _track("Service Delivered", {"service_cost": cost})
                yield _sent(at, reported_at, sender, f"{message_id}-service", served)

    def _complaints(self, step: Step, reports: Reports) -> Iterator[Sent]:
        cost = self._world.scenario.reaction.complaint_cost
        for row, at, reported_at in _rows(reports):
            sender = met_as(step.touches, int(step.contacts.touch[row]))
            message_id = f"complaint-{step.step}-{step.contacts.customer[row]}"
            heard = {"service_cost": cost} if cost else {}
            yield _sent(at, reported_at, sender, message_id, _track("Complaint Received", heard))
            withdrawn = {"purposes": dict.fromkeys(self._outbound, False)}
            yield _sent(
                at, reported_at, sender, f"{message_id}-consent", _track("Consent Updated", withdrawn)
            )

    def _orders(self, step: Step, reports: Reports) -> Iterator[Sent]:
        orders = step.orders
        for row, at, reported_at in _rows(reports):
            order_id = f"order-{step.step}-{row}"
            properties = {
                "order_id": order_id,
                "revenue": round(float(orders.revenue[row]), 2),
                "product": self._world.scenario.products[int(orders.product[row])].name,
            }
            sender = customer_id(int(orders.customer[row]))
            yield _sent(at, reported_at, sender, order_id, _track("Order Completed", properties))

    def _refunds(self, step: Step, reports: Reports) -> Iterator[Sent]:
        orders = step.orders
        for row, at, reported_at in _rows(reports):
            order_id = f"order-{step.step}-{row}"
            properties = {"order_id": order_id, "total": round(float(orders.revenue[row]), 2)}
            sender = customer_id(int(orders.customer[row]))
            yield _sent(at, reported_at, sender, f"refund-{order_id}", _track("Order Refunded", properties))

    def _departures(self, step: Step, reports: Reports) -> Iterator[Sent]:
        for row, at, reported_at in _rows(reports):
            sender = customer_id(int(step.departed[row]))
            left = _track("Contract Ended", {})
            yield _sent(at, reported_at, sender, f"departure-{step.step}", left)

    def _links(self, step: Step) -> Iterator[Sent]:
        """Yield the log-ins and first orders by which a browser becomes a customer's, with what shows of them."""
        links = step.links
        rows = zip(links.customer.tolist(), links.device.tolist(), links.at_days.tolist(), strict=True)
        for customer, device, days in rows:
            body = {
                "type": "identify",
                "anonymousId": device_id(customer, device).value,
                "traits": self._traits[customer],
            }
            at = moment(days)
            yield _sent(at, at, customer_id(customer), f"login-{device}", body)


def _rows(reports: Reports) -> Iterator[tuple[int, Instant, Instant]]:
    columns = (reports.row.tolist(), reports.at_days.tolist(), reports.reported_at_days.tolist())
    for row, at, reported_at in zip(*columns, strict=True):
        yield row, moment(at), moment(reported_at)


def _track(name: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "track", "event": name, "properties": properties}


def _sent(
    at: Instant, reported_at: Instant, sender: ExternalId, message_id: str, body: dict[str, Any]
) -> Sent:
    whose = "userId" if sender.known else "anonymousId"
    message = {**body, whose: sender.value, "messageId": message_id, "timestamp": format_rfc3339(at)}
    return Sent(reported_at, message)
