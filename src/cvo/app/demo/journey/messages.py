"""The data as messages, the way the grocer's own systems would send them.

A campaign that nobody drew by lot has no propensity, and none is made up: that a household got it is
`Action Presented`, never `Decision Recorded`. A redeemed coupon is `Action Accepted`.
"""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from cvo.app.demo.journey.data import Data

Message = dict[str, Any]
PLACEMENT = "mailbox"
CURRENCY = "USD"
_KNOWN_AT = "2016-11-01T00:00:00Z"


def messages(data: Data, since: date, until: date) -> Iterator[Message]:
    """Yield what happened from `since` up to `until`, the day not included: contacts, redemptions, baskets."""
    starts = dict(data.campaigns.select("campaign", "start").iter_rows())
    for household, campaign in data.contacts.select("household", "campaign").iter_rows():
        if since <= starts[campaign] < until:
            yield _response(household, "Action Presented", campaign, f"{starts[campaign]}T08:00:00Z")
    for row in data.redemptions.iter_rows(named=True):
        if since <= row["on"] < until:
            at = f"{row['on']}T12:00:00Z"
            yield _response(row["household"], "Action Accepted", row["campaign"], at, str(row["coupon_upc"]))
    for row in data.baskets.iter_rows(named=True):
        if since <= row["at"].date() < until:
            yield _order(row)


def traits(data: Data) -> Iterator[Message]:
    """Yield what is known of households from the beginning."""
    for row in data.traits.iter_rows(named=True):
        known = {name: value for name, value in row.items() if name != "household" and value is not None}
        yield {
            "type": "identify",
            "userId": row["household"],
            "messageId": f"journey-traits-{row['household']}",
            "timestamp": _KNOWN_AT,
            "traits": known,
        }


def _response(household: str, event: str, campaign: str, at: str, coupon: str = "") -> Message:
    return {
        "type": "track",
        "userId": household,
        "messageId": f"journey-{event.split()[1].lower()}-{household}-{campaign}-{at[:10]}-{coupon}",
        "event": event,
        "timestamp": at,
        "properties": {"action": campaign, "placement": PLACEMENT},
    }


def _order(row: dict[str, Any]) -> Message:
    at: datetime = row["at"]
    properties = {"order_id": row["basket"], "revenue": row["revenue"], "currency": CURRENCY}
    if row["discount"] > 0:
        properties["discount"] = row["discount"]
    return {
        "type": "track",
        "userId": row["household"],
        "messageId": f"journey-basket-{row['basket']}",
        "event": "Order Completed",
        "timestamp": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "properties": properties,
    }
