"""The value bank of a company and of one customer: brought so far, expected to come, and how expectations came out."""

import msgspec
import polars as pl

from cvo.app.company import Company
from cvo.app.later import CLV_HORIZONS_DAYS
from cvo.app.learn import windows_of
from cvo.app.state import running_catalogue
from cvo.app.value.programme import facts_of
from cvo.app.value.question import Question
from cvo.core.clock import Instant
from cvo.core.evidence import NotEstimable
from cvo.core.money import Money
from cvo.ledger.bank import Score, bank, scores
from cvo.ledger.clv_change import ClvChange, clv_changes
from cvo.ledger.contrast import contrasts
from cvo.ledger.tables import Tables

NO_PREDICTION = NotEstimable(
    "no prediction", "no lifetime value has been predicted yet; `cvo clv --company DIR` predicts them"
)
_REALISED = (
    "revenue",
    "refunds",
    "incentives",
    "incentive_cost",
    "margin",
    "contact_cost",
    "service_cost",
    "value",
)


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What customers who have a prediction are expected to bring within `days` of it, discounted margin."""

    days: int
    customers: int
    expected: Money


class Bank(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The bank of all customers.

    `rows` has one a customer, in minor units (see `ledger.bank.bank`), with the `customer` id; the other figures are
    its sums. `incentives` are what was given, by kind: `discount`, which revenue is already less, and what else facts
    name, which margin is less. `expected` sums latest predictions, whenever each was made. `clv_changes` are by action.
    """

    as_of: Instant
    currency: str
    customers: int
    realised: dict[str, Money]
    incentives: dict[str, Money]
    expected: list[Expected] | NotEstimable
    scores: list[Score]
    clv_changes: list[ClvChange]
    rows: pl.DataFrame


def value_bank(company: Company, question: Question = Question()) -> Bank:  # noqa: B008  frozen
    """Return what every customer has brought and is expected to bring, to the end asked for or as the log stands.

    A refund counts at the date of its order, whenever it came.
    """
    facts = facts_of(company, question)
    tables, money, as_of, currency = facts.tables, facts.money, facts.as_of, company.config.currency
    if question.until is not None:
        by_then = pl.col("at") < as_of
        money, given = money.filter(by_then), tables.incentives.filter(by_then)
        tables = msgspec.structs.replace(tables, decisions=tables.decisions.filter(by_then), incentives=given)
    windows = windows_of(running_catalogue(company.store))
    rows = bank(tables, money, as_of)
    names = {person.person_id: person.external.value for person in company.store.persons()}
    shown = rows.select(
        pl.Series("customer", [names[each] for each in rows["person_id"]], dtype=pl.String),
        pl.exclude("person_id"),
    )
    return Bank(
        as_of=as_of,
        currency=currency,
        customers=rows.height,
        realised={name: Money.from_minor(round(rows[f"{name}_minor"].sum()), currency) for name in _REALISED},
        incentives=_incentives(tables, currency),
        expected=_expected(rows, currency),
        scores=scores(tables.predictions, money, as_of),
        clv_changes=clv_changes(
            contrasts(tables.decisions, money, windows, as_of),
            money,
            decisions=tables.decisions,
            window_days=windows,
            horizons_days=CLV_HORIZONS_DAYS,
            as_of=as_of,
            currency=currency,
        ),
        rows=shown.sort("customer"),
    )


def _incentives(tables: Tables, currency: str) -> dict[str, Money]:
    given = tables.incentives.group_by("kind").agg(pl.col("amount_minor").sum()).sort("kind")
    return {kind: Money.from_minor(minor, currency) for kind, minor in given.iter_rows()}


def _expected(rows: pl.DataFrame, currency: str) -> list[Expected] | NotEstimable:
    found = []
    for column in rows.columns:
        if column.startswith("expected_") and column.endswith("d_minor"):
            known = rows[column].drop_nulls()
            total = Money.from_minor(int(known.sum()), currency)
            days = int(column.removeprefix("expected_").removesuffix("d_minor"))
            found.append(Expected(days=days, customers=len(known), expected=total))
    return found or NO_PREDICTION
