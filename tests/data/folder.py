"""A company in a folder, for tests that go through the product's own verbs."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cvo.app.apply import apply
from cvo.app.company import Company
from cvo.app.decide import decide_in
from cvo.app.state import keep_policy, running_policy
from cvo.core.clock import FixedClock, Instant, format_rfc3339
from cvo.decisions.decision import Decision, Request
from cvo.events.message import user

OWNER = "ann"

ONE_MAIL = """
teams: {sales: {name: Sales}}
channels: {email: {consent: none}}
placements: {newsletter: {channel: email}}
actions:
  offer:
    {team: sales, stage: grow, status: live, name: Offer, contact_cost: 0.10, value: 10, response: order,
     window_days: 14, creatives: {mail: {placement: newsletter}}}
traits: {age: {type: number}}
features: {age: {value: customer.age, kind: number}}
assumptions: {margin_rate: {value: 0.5, because: tests}}
"""


def make(folder: Path, text: str = ONE_MAIL, *, owners: Iterable[str] = (OWNER,), **decisions: float) -> Path:
    """Write a company's folder: settings, and a catalogue of one file."""
    (folder / "catalogue").mkdir(parents=True, exist_ok=True)
    (folder / "catalogue" / "all.yaml").write_text(text, encoding="utf-8")
    shares = "".join(f"{name} = {value}\n" for name, value in decisions.items())
    names = ", ".join(f'"{owner}"' for owner in owners)
    (folder / "company.toml").write_text(
        f'name = "Test"\ncurrency = "EUR"\nseed = "test"\nowners = [{names}]\n[decisions]\n{shares}',
        encoding="utf-8",
    )
    return folder


def running(folder: Path, at: Instant, text: str = ONE_MAIL, **decisions: float) -> Company:
    """Make a company whose catalogue is approved, open for writing, its clock standing at `at`."""
    company = Company.open(make(folder, text, **decisions), clock=FixedClock(at))
    apply(company, OWNER, approve=True)
    return company


def decide_for(company: Company, customers: Iterable[str], placement: str = "newsletter") -> list[Decision]:
    """Decide live for many customers in one unit of work."""
    policy = running_policy(company.store, company.config.settings)
    request = Request(placement=placement, at=company.clock.now())
    with company.store.unit_of_work() as work:
        keep_policy(work, policy)
        return decide_in(work, policy, [(user(customer), request) for customer in customers])


def message(kind: str, who: str, at: Instant, message_id: str, **rest: Any) -> dict[str, Any]:
    return {"type": kind, "userId": who, "timestamp": format_rfc3339(at), "messageId": message_id, **rest}


def track(who: str, at: Instant, message_id: str, name: str, **properties: Any) -> dict[str, Any]:
    return message("track", who, at, message_id, event=name, properties=properties)


def ordered(who: str, at: Instant, revenue: float, order_id: str | None = None) -> dict[str, Any]:
    key = order_id or f"{who}-{at}"
    return track(who, at, f"order-{key}", "Order Completed", order_id=key, revenue=revenue)


def recorded(
    who: str, at: Instant, action: str | None, options: dict[str, float], decision_id: str | None = None
) -> dict[str, Any]:
    """A decision made elsewhere, by lot."""
    key = decision_id or f"{who}-{at}"
    return track(
        who,
        at,
        f"decision-{key}",
        "Decision Recorded",
        decisionId=key,
        placement="newsletter",
        action=action,
        propensity=options[action or ""],
        options=options,
    )
