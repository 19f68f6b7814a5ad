"""Value: what has been caused, measured against customers left alone; and what was realised."""

import msgspec
import polars as pl

from cvo.app.company import Company
from cvo.app.learn import longest_window, windows_of
from cvo.app.state import running_catalogue
from cvo.core.clock import Instant
from cvo.core.evidence import Estimate, NotEstimable
from cvo.core.money import Money
from cvo.decisions.decision import Purpose
from cvo.ledger.account import accounts
from cvo.ledger.caused import Caused, caused_by_action, caused_by_stage
from cvo.ledger.contrast import contrasts
from cvo.ledger.margin import margins
from cvo.ledger.programme import WEEK, programme_effect
from cvo.ledger.tables import Tables, tabulate
from cvo.valuation.assumptions import Assumptions, assumptions_of


class Realised(msgspec.Struct, frozen=True):
    """What customers have brought so far, whoever caused it."""

    customers: int
    orders: int
    revenue: Money
    refunds: Money
    margin: Money
    contact_cost: Money
    unvalued: int


class Value(msgspec.Struct, frozen=True):
    """The value report: the headline, its parts by action and stage, what was realised, what was assumed.

    Every action is compared in its own window; `window_days` is the longest of them.
    """

    as_of: Instant
    window_days: int
    programme: Estimate | NotEstimable
    actions: list[Caused]
    stages: list[Caused]
    realised: Realised
    assumptions: Assumptions


def value(company: Company) -> Value:
    """Report caused and realised value from the log as it stands; windows still open are left out."""
    catalogue, currency = running_catalogue(company.store), company.config.currency
    assumptions = assumptions_of(catalogue)
    tables = tabulate(company.store.events(), currency)
    money = margins(tables.orders, tables.refunds, assumptions["margin_rate"].value)
    as_of = company.clock.now()
    compared = contrasts(tables.decisions, money, windows_of(catalogue), as_of)
    account = accounts(tables.decisions, money)
    return Value(
        as_of=as_of,
        window_days=longest_window(catalogue),
        programme=_programme(company, tables, money, as_of),
        actions=caused_by_action(compared, currency),
        stages=caused_by_stage(compared, currency),
        realised=_realised(account, tables, currency),
        assumptions=assumptions,
    )


def _programme(
    company: Company, tables: Tables, money: pl.DataFrame, as_of: Instant
) -> Estimate | NotEstimable:
    live = [logged.at for logged in company.store.decisions(Purpose.LIVE) if logged.at <= as_of]
    started_at = min(live, default=None)
    # Looks come at full weeks, however often the report is asked for. What was bought before there was a
    # programme is the same in both arms, and nothing but noise.
    began = as_of if started_at is None else started_at
    until = Instant(began + (as_of - began) // WEEK * WEEK)
    since = pl.col("at").is_between(began, until, closed="left")
    account = accounts(tables.decisions.filter(since), money.filter(since))
    arms = pl.DataFrame(
        [(person.person_id, person.arm) for person in company.store.persons()],
        schema={"person_id": pl.Binary, "arm": pl.String},
        orient="row",
    )
    customers = arms.join(account, on="person_id", how="left").with_columns(
        pl.col("orders", "value_minor").fill_null(0)
    )
    return programme_effect(
        customers,
        company.config.decisions.control_rate,
        started_at,
        until,
        company.config.currency,
    )


def _realised(account: pl.DataFrame, tables: Tables, currency: str) -> Realised:
    def total(column: str) -> Money:
        # Contacts may cost fractions of a minor unit; their sum is rounded once.
        return Money.from_minor(round(account[column].sum()), currency)

    return Realised(
        customers=account.height,
        orders=int(account["orders"].sum()),
        revenue=total("revenue_minor"),
        refunds=total("refunds_minor"),
        margin=total("margin_minor"),
        contact_cost=total("contact_cost_minor"),
        unvalued=tables.unvalued,
    )
