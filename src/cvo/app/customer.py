"""Customer: everything known of one, as somebody who serves them reads it."""

import msgspec
import polars as pl

from cvo.app.company import Company
from cvo.app.records import records
from cvo.app.state import running_catalogue
from cvo.core.clock import Instant
from cvo.core.errors import NotFound
from cvo.core.ids import PersonId
from cvo.core.money import Money
from cvo.decisions.decision import Decision
from cvo.events.message import ExternalId
from cvo.ledger.account import accounts
from cvo.ledger.bank import closed
from cvo.ledger.margin import margins
from cvo.ledger.tables import Tables, tabulate
from cvo.profiles.profile import Profile
from cvo.valuation.assumptions import assumptions_of

RECENT = 20
"""Decisions that are shown."""


class Account(msgspec.Struct, frozen=True):
    """What one customer has brought so far, whoever caused it; `value` is margin less costs of contact and service.

    `incentives` are all that was given: discounts that revenue is already less of, and what lowered margin.
    """

    orders: int
    revenue: Money
    refunds: Money
    margin: Money
    contacts: int
    contact_cost: Money
    service_cost: Money
    incentives: Money
    value: Money


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """A lifetime value as it was predicted: discounted margin expected within `days`.

    `came` is what came, discounted alike, once they had passed.
    """

    made_at: Instant
    model: str
    days: int
    expected: Money
    p10: Money
    p90: Money
    came: Money | None


class Customer(msgspec.Struct, frozen=True):
    """One customer: ids, arm, profile, account, predictions and the latest decisions, newest first.

    `predictions` are all that were ever made, the latest with what has not come yet.
    """

    customer: str
    ids: list[ExternalId]
    arm: str
    assigned_at: Instant
    contaminated: bool
    version: int
    profile: Profile
    account: Account
    predictions: list[Prediction]
    decisions: list[Decision]


def customer(company: Company, external: ExternalId) -> Customer:
    """Return a customer as they stand; one never met raises `NotFound`."""
    person = company.store.person(external)
    if person is None:
        raise NotFound(f"there is no customer {external.value!r}")
    logged = company.store.decisions_of(person.person_id, RECENT)
    tables, margin = _facts(company, person.person_id)
    return Customer(
        customer=external.value,
        ids=company.store.external_ids(person.person_id),
        arm=person.arm,
        assigned_at=person.assigned_at,
        contaminated=person.contaminated,
        version=person.version,
        profile=person.profile,
        account=_account(tables, margin, company.config.currency),
        predictions=_predictions(tables, margin, company.clock.now(), company.config.currency),
        decisions=[records(company.store)(each.body) for each in logged],
    )


def _facts(company: Company, person_id: PersonId) -> tuple[Tables, pl.DataFrame]:
    facts = [
        # Facts stay under the id they were sent for; the account is of all ids of the person.
        msgspec.structs.replace(event, person_id=person_id)
        for event in company.store.history(person_id)
    ]
    tables = tabulate(facts, company.config.currency)
    rate = assumptions_of(running_catalogue(company.store))["margin_rate"].value
    return tables, margins(tables.orders, tables.refunds, rate, tables.costs)


def _account(tables: Tables, margin: pl.DataFrame, currency: str) -> Account:
    found = accounts(tables.decisions, margin).to_dicts()
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
        service_cost=money("service_cost"),
        incentives=Money.from_minor(int(tables.incentives["amount_minor"].sum()), currency),
        value=money("value"),
    )


def _predictions(tables: Tables, margin: pl.DataFrame, now: Instant, currency: str) -> list[Prediction]:
    came = {
        (row["at"], row["model"], row["days"]): Money.from_minor(row["came_minor"], currency)
        for row in closed(tables.predictions, margin, now).iter_rows(named=True)
    }
    return [
        Prediction(
            made_at=Instant(row["at"]),
            model=row["model"],
            days=row["days"],
            expected=Money.from_minor(row["expected_minor"], currency),
            p10=Money.from_minor(row["p10_minor"], currency),
            p90=Money.from_minor(row["p90_minor"], currency),
            came=came.get((row["at"], row["model"], row["days"])),
        )
        for row in tables.predictions.sort("at", "days", descending=[True, False]).iter_rows(named=True)
    ]
