"""Customer: everything known of one, as somebody who serves them reads it."""

import msgspec

from cvo.app.company import Company
from cvo.app.state import running_catalogue
from cvo.core.clock import Instant
from cvo.core.errors import NotFound
from cvo.core.ids import PersonId
from cvo.core.money import Money
from cvo.decisions.decision import Decision, decode
from cvo.events.message import ExternalId
from cvo.ledger.account import accounts
from cvo.ledger.margin import margins
from cvo.ledger.tables import tabulate
from cvo.profiles.profile import Profile
from cvo.valuation.assumptions import assumptions_of

RECENT = 20
"""Decisions that are shown."""


class Account(msgspec.Struct, frozen=True):
    """What one customer has brought so far, whoever caused it; `value` is margin less the cost of contacts."""

    orders: int
    revenue: Money
    refunds: Money
    margin: Money
    contacts: int
    contact_cost: Money
    value: Money


class Customer(msgspec.Struct, frozen=True):
    """One customer: ids, arm, profile, account, and the latest decisions, newest first."""

    customer: str
    ids: list[ExternalId]
    arm: str
    assigned_at: Instant
    contaminated: bool
    version: int
    profile: Profile
    account: Account
    decisions: list[Decision]


def customer(company: Company, external: ExternalId) -> Customer:
    """Return a customer as they stand; one never met raises `NotFound`."""
    person = company.store.person(external)
    if person is None:
        raise NotFound(f"there is no customer {external.value!r}")
    logged = company.store.decisions_of(person.person_id, RECENT)
    return Customer(
        customer=external.value,
        ids=company.store.external_ids(person.person_id),
        arm=person.arm,
        assigned_at=person.assigned_at,
        contaminated=person.contaminated,
        version=person.version,
        profile=person.profile,
        account=_account(company, person.person_id),
        decisions=[decode(each.body) for each in logged],
    )


def _account(company: Company, person_id: PersonId) -> Account:
    currency = company.config.currency
    facts = [
        # Facts stay under the id they were sent for; the account is of all ids of the person.
        msgspec.structs.replace(event, person_id=person_id)
        for event in company.store.history(person_id)
    ]
    tables = tabulate(facts, currency)
    rate = assumptions_of(running_catalogue(company.store))["margin_rate"].value
    found = accounts(tables.decisions, margins(tables.orders, tables.refunds, rate)).to_dicts()
    row = found[0] if found else {}

    def money(column: str) -> Money:
        return Money.from_minor(row.get(f"{column}_minor", 0), currency)

    return Account(
        orders=row.get("orders", 0),
        revenue=money("revenue"),
        refunds=money("refunds"),
        margin=money("margin"),
        contacts=row.get("contacts", 0),
        contact_cost=money("contact_cost"),
        value=money("value"),
    )
