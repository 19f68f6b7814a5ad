"""The value report: what was caused, split as asked, what was realised, what was assumed."""

import msgspec
import polars as pl

from cvo.app.company import Company
from cvo.app.learn import longest_window, windows_of
from cvo.app.state import running_catalogue
from cvo.app.value.growth import Growth, growth_of
from cvo.app.value.over_time import Reached, cumulative, since_first
from cvo.app.value.programme import Programme, facts_of, programme, split_headline
from cvo.app.value.question import Question
from cvo.app.value.underserved import Underserved, underserved
from cvo.app.what_if import Displacement
from cvo.core.clock import Instant
from cvo.core.evidence import Estimate, NotEstimable
from cvo.core.money import Money
from cvo.ledger.account import accounts
from cvo.ledger.caused import Caused, cells
from cvo.ledger.contrast import contrasts, half_of
from cvo.ledger.exposure import WeekSince
from cvo.ledger.reconcile import Reconciled
from cvo.ledger.stop import Stop, actions_to_stop
from cvo.ledger.tables import Tables
from cvo.valuation.assumptions import Assumptions, assumptions_of


class Realised(msgspec.Struct, frozen=True):
    """What customers have brought in the period, whoever caused it."""

    customers: int
    orders: int
    revenue: Money
    refunds: Money
    margin: Money
    contact_cost: Money
    unvalued: int
    service_cost: Money | None = None


class Value(msgspec.Struct, frozen=True):
    """The value report: the headline, its parts by action and stage, what was realised, what was assumed.

    Every action is compared in its own window; `window_days` is the longest of them. `rows` are the cells of the
    columns asked for, over all decisions of the period; `split` has those of the programme alone, which add up to its
    headline. `cumulative` is that headline as it grew, `since_first` the effect by weeks since the first decision.
    `displacement` is there if it was asked for.
    """

    as_of: Instant
    window_days: int
    programme: Estimate | NotEstimable
    actions: list[Caused]
    stages: list[Caused]
    realised: Realised
    assumptions: Assumptions
    question: Question = Question()
    headline: Programme | None = None
    rows: list[Caused] = []
    split: Reconciled | NotEstimable | None = None
    cumulative: list[Reached] = []
    since_first: list[WeekSince] = []
    growth: Growth | None = None
    stop: list[Stop] = []
    underserved: Underserved | NotEstimable | None = None
    displacement: Displacement | NotEstimable | None = None


def value(company: Company, question: Question = Question()) -> Value:  # noqa: B008  frozen
    """Report caused and realised value from the log as it stands; windows still open are left out.

    A period takes the decisions made in it and the windows that closed by its end; the headline takes the full weeks
    of the programme in it.
    """
    catalogue, currency = running_catalogue(company.store), company.config.currency
    facts = facts_of(company, question)
    tables, money, as_of = facts.tables, facts.money, facts.as_of
    found = programme(company, facts)
    asked = pl.col("at") >= (question.since or 0)
    compared = contrasts(tables.decisions.filter(asked), money, windows_of(catalogue), as_of)

    def by(*columns: str) -> list[Caused]:
        return [
            each.caused for each in cells(compared, columns, currency, time_zone=company.config.time_zone)
        ]

    def on_half(half: int) -> list[Caused]:
        some = half_of(compared, company.config.seed, half)
        return [each.caused for each in cells(some, ["action"], currency)]

    actions = by("action")
    stage_of = {key: action.stage.value for key, action in catalogue.actions.items()}
    return Value(
        as_of=as_of,
        window_days=longest_window(catalogue),
        programme=found.effect,
        actions=actions,
        stages=by("stage"),
        realised=_realised(tables, money, question, currency),
        assumptions=assumptions_of(catalogue),
        question=question,
        headline=found,
        rows=by(*question.by),
        split=split_headline(company, facts, found, question),
        cumulative=cumulative(company, facts, found),
        since_first=since_first(company, facts, found),
        growth=growth_of(company, facts, question),
        underserved=underserved(company, facts),
        stop=actions_to_stop(actions, stage_of, on_half),
    )


def _realised(tables: Tables, money: pl.DataFrame, question: Question, currency: str) -> Realised:
    within = pl.col("at") >= (question.since or 0)
    if question.until is not None:
        within &= pl.col("at") < question.until
    account = accounts(tables.decisions.filter(within), money.filter(within))

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
        service_cost=total("service_cost_minor"),
        unvalued=tables.unvalued,
    )
