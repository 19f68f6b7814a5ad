"""What a customer looks like on the wire."""

from typing import Any

from cvo.api.answers import Wire, policy_version
from cvo.app.customer import Customer, Prediction
from cvo.core.clock import Instant, format_rfc3339
from cvo.core.money import Money
from cvo.decisions.decision import Decision
from cvo.events.event import Value
from cvo.events.message import IdKind
from cvo.profiles.profile import Tally


class Count(Wire, frozen=True):
    """How often something happened, and when first and last."""

    count: int
    first_at: str
    last_at: str
    amount_minor: int | None


class Account(Wire, frozen=True):
    """What the customer has brought so far, whoever caused it, in `currency`."""

    currency: str
    orders: int
    revenue: float
    refunds: float
    margin: float
    contacts: int
    contact_cost: float
    service_cost: float
    incentives: float
    value: float


class Foreseen(Wire, frozen=True):
    """Margin a customer was expected to bring within `days`, and what came once they had passed, in `currency`."""

    made_at: str
    model: str
    days: int
    currency: str
    expected: float
    p10: float
    p90: float
    came: float | None


class Chosen(Wire, frozen=True):
    """One slot of a recent decision; `action` is empty for nothing."""

    rank: int
    action: str | None
    delivery: str


class Recent(Wire, frozen=True):
    """A recent decision in short."""

    decision_id: str
    made_at: str
    placement: str
    policy_version: str
    slots: list[Chosen]


class View(Wire, frozen=True):
    """A customer: who, what is known and allowed, what they brought and may bring, what was decided for them lately."""

    customer_id: str
    user_ids: list[str]
    anonymous_ids: list[str]
    arm: str
    assigned_at: str
    contaminated: bool
    version: int
    first_seen_at: str | None
    last_seen_at: str | None
    traits: dict[str, Value]
    consent: dict[str, bool]
    counts: dict[str, Count]
    account: Account
    predictions: list[Foreseen]
    decisions: list[Recent]


def view(found: Customer) -> View:
    """Return a customer as it is sent."""
    profile = found.profile
    return View(
        customer_id=found.customer,
        user_ids=[each.value for each in found.ids if each.kind is IdKind.USER],
        anonymous_ids=[each.value for each in found.ids if each.kind is IdKind.ANONYMOUS],
        arm=found.arm,
        assigned_at=format_rfc3339(found.assigned_at),
        contaminated=found.contaminated,
        version=found.version,
        first_seen_at=_time(profile.first_at, profile.events),
        last_seen_at=_time(profile.last_at, profile.events),
        traits=profile.traits,
        consent=profile.consent,
        counts={name: _count(tally) for name, tally in sorted(profile.tallies.items())},
        account=_account(found),
        predictions=[_foreseen(each) for each in found.predictions],
        decisions=[_recent(decision) for decision in found.decisions],
    )


def _time(at: Instant, events: int) -> str | None:
    return format_rfc3339(at) if events else None


def _count(tally: Tally) -> Count:
    return Count(
        count=tally.count,
        first_at=format_rfc3339(tally.first_at),
        last_at=format_rfc3339(tally.last_at),
        amount_minor=tally.amount_minor if tally.amounts else None,
    )


def _account(found: Customer) -> Account:
    account = found.account
    money: dict[str, Any] = {
        name: float(value.amount)
        for name in Account.__struct_fields__
        if isinstance(value := getattr(account, name, None), Money)
    }
    return Account(currency=account.value.currency, orders=account.orders, contacts=account.contacts, **money)


def _foreseen(made: Prediction) -> Foreseen:
    return Foreseen(
        made_at=format_rfc3339(made.made_at),
        model=made.model,
        days=made.days,
        currency=made.expected.currency,
        expected=float(made.expected.amount),
        p10=float(made.p10.amount),
        p90=float(made.p90.amount),
        came=None if made.came is None else float(made.came.amount),
    )


def _recent(decision: Decision) -> Recent:
    return Recent(
        decision_id=decision.decision_id,
        made_at=format_rfc3339(decision.at),
        placement=decision.placement,
        policy_version=policy_version(decision),
        slots=[
            Chosen(rank=slot.rank, action=slot.chosen or None, delivery=slot.delivery.value)
            for slot in decision.slots
        ],
    )
