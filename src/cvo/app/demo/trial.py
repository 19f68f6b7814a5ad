"""The Hillstrom e-mail trial as messages, the way a company's own systems would send them."""

from collections.abc import Callable, Iterator
from importlib import resources
from typing import Any

import msgspec

ASSUMPTIONS = {
    "customer ids": "The file has none: row numbers, from row-00001.",
    "traits known at": "2008-01-01T00:00:00Z",
    "e-mail decided at": "2008-01-07T08:00:00Z",
    "visited at": "2008-01-08T12:00:00Z",
    "ordered at": "2008-01-08T13:00:00Z",
}
"""What the file does not say and the demo fixes; only the 14-day window connects it with an estimate."""

ARMS: dict[str, str | None] = {"Mens E-Mail": "mens", "Womens E-Mail": "womens", "No E-Mail": None}


class Customer(msgspec.Struct, frozen=True):
    """One row of the file, as it came."""

    recency: int
    history_segment: str
    history: float
    mens: int
    womens: int
    zip_code: str
    newbie: int
    channel: str
    segment: str
    visit: int
    conversion: int
    spend: float


Messages = Callable[[str, Customer], Iterator[dict[str, Any]]]
"""Makes messages of a customer's id and row."""


def customers() -> list[tuple[str, Customer]]:
    """Return all 64,000 customers with the ids they are given."""
    import polars as pl

    with resources.as_file(resources.files(__package__) / "hillstrom.parquet") as file:
        rows = pl.read_parquet(file).rows(named=True)
    return [(f"row-{number:05}", msgspec.convert(row, Customer)) for number, row in enumerate(rows, 1)]


def traits_of(customer_id: str, customer: Customer) -> Iterator[dict[str, Any]]:
    """Yield the message that says what was known of a customer before the trial."""
    yield {
        **_common(customer_id, "traits"),
        "type": "identify",
        "timestamp": ASSUMPTIONS["traits known at"],
        "traits": {
            "recency": customer.recency,
            "history": customer.history,
            "mens": bool(customer.mens),
            "womens": bool(customer.womens),
            "newbie": bool(customer.newbie),
            "zip_code": customer.zip_code,
            "channel": customer.channel,
        },
    }


def trial(customer_id: str, customer: Customer) -> Iterator[dict[str, Any]]:
    """Yield the messages of the trial itself: the e-mail decided by lot, the visit, the order."""
    yield {
        **_common(customer_id, "decision"),
        "type": "track",
        "event": "Decision Recorded",
        "timestamp": ASSUMPTIONS["e-mail decided at"],
        "properties": {
            "decisionId": f"trial-{customer_id}",
            "placement": "newsletter",
            "action": ARMS[customer.segment],
            "propensity": 1 / 3,
            "options": {"mens": 1 / 3, "womens": 1 / 3, "": 1 / 3},
        },
    }
    if customer.visit:
        yield {
            **_common(customer_id, "visit"),
            "type": "track",
            "event": "Site Visited",
            "timestamp": ASSUMPTIONS["visited at"],
        }
    if customer.spend > 0:
        yield {
            **_common(customer_id, "order"),
            "type": "track",
            "event": "Order Completed",
            "timestamp": ASSUMPTIONS["ordered at"],
            "properties": {"order_id": f"order-{customer_id}", "revenue": customer.spend, "currency": "USD"},
        }


def _common(customer_id: str, what: str) -> dict[str, Any]:
    return {"userId": customer_id, "messageId": f"hillstrom-{customer_id}-{what}"}
