"""The programme: who is in which arm, what they brought in full weeks since it began, and what it caused."""

import msgspec
import polars as pl

from cvo.app.company import Company
from cvo.app.learn import windows_of
from cvo.app.state import running_catalogue
from cvo.app.value.question import Question
from cvo.core.clock import Instant
from cvo.core.evidence import Estimate, NotEstimable
from cvo.core.money import minor_unit
from cvo.decisions.decision import Purpose
from cvo.ledger.account import accounts
from cvo.ledger.cap import capped, margin_cap
from cvo.ledger.caused import cells
from cvo.ledger.contrast import contrasts
from cvo.ledger.margin import margins
from cvo.ledger.programme import WEEK, programme_effect
from cvo.ledger.reconcile import Reconciled, reconcile
from cvo.ledger.tables import Tables, tabulate
from cvo.valuation.assumptions import assumptions_of

PERSONS = pl.Schema(
    {
        "person_id": pl.Binary(),
        "arm": pl.String(),
        "contaminated": pl.Boolean(),
        "assigned_at": pl.Int64(),
        "control_rate": pl.Float64(),
    }
)


class ArmSize(msgspec.Struct, frozen=True):
    """How many customers an arm has, how many of them bought, and how many were merged from ids of both arms."""

    customers: int
    buyers: int
    contaminated: int
    contaminated_rate: float


class Programme(msgspec.Struct, frozen=True, kw_only=True):
    """The headline and what it rests on.

    `effect` is value a customer, capped where `cap`, in major units, could be taken from before the programme;
    `uncapped` is the same without. Weeks are full ones since the first live decision.
    """

    started_at: Instant | None
    until: Instant
    weeks: int
    effect: Estimate | NotEstimable
    uncapped: Estimate | NotEstimable
    cap: float | NotEstimable
    arms: dict[str, ArmSize]


class Facts(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What the programme's figures are made of: the log as tables, who is who, and when it ran.

    `own` are the ids of its live decisions, `as_of` is now or the end asked for, `since` and `until` are the stretch
    reported, in full weeks.
    """

    tables: Tables
    money: pl.DataFrame
    persons: pl.DataFrame
    own: pl.Series
    as_of: Instant
    started_at: Instant | None
    since: Instant
    until: Instant

    def customers(self, since: int, until: int) -> pl.DataFrame:
        """Return a row for every person met before `until`: arm, and what they brought in the stretch."""
        within = pl.col("at").is_between(since, until, closed="left")
        account = accounts(self.tables.decisions.filter(within), self.money.filter(within))
        counted = [name for name in account.columns if name != "person_id"]
        return (
            self.persons.filter(pl.col("assigned_at") < until)
            .join(account, on="person_id", how="left", maintain_order="left")
            .with_columns(pl.col(counted).fill_null(0))
        )


def facts_of(company: Company, question: Question) -> Facts:
    """Read the log, who is in which arm, and when the programme began."""
    assumptions = assumptions_of(running_catalogue(company.store))
    tables = tabulate(company.store.events(), company.config.currency)
    now = company.clock.now()
    as_of = now if question.until is None else Instant(min(now, question.until))
    live = [
        (logged.decision_id, logged.at)
        for logged in company.store.decisions(Purpose.LIVE)
        if logged.at <= as_of
    ]
    started_at = min((at for _, at in live), default=None)
    # Looks come at full weeks, however often the report is asked for. What was bought before there was a
    # programme is the same in both arms, and nothing but noise.
    began = as_of if started_at is None else started_at
    return Facts(
        tables=tables,
        money=margins(tables.orders, tables.refunds, assumptions["margin_rate"].value, tables.costs),
        as_of=as_of,
        persons=_persons(company),
        own=pl.Series([decision_id for decision_id, _ in live], dtype=pl.String),
        started_at=started_at,
        since=Instant(max(began, question.since or began)),
        until=Instant(began + (as_of - began) // WEEK * WEEK),
    )


def _persons(company: Company) -> pl.DataFrame:
    """Return who is in which arm, and which share was in control when they were assigned.

    Where that was not yet written down it is the one set now. Customers assigned while nobody was left alone
    have nobody to be compared with, and are left out where there are others.
    """
    rates = {each.person_id: each.control_rate for each in company.store.assigned()}
    rows = [
        (person.person_id, person.arm, person.contaminated, person.assigned_at, rates.get(person.person_id))
        for person in company.store.persons()
    ]
    persons = pl.DataFrame(rows, schema=PERSONS, orient="row").with_columns(
        pl.col("control_rate").fill_null(company.config.decisions.control_rate)
    )
    comparable = persons.filter(pl.col("control_rate") > 0)
    return persons if comparable.is_empty() else comparable


def programme(company: Company, facts: Facts) -> Programme:
    """Compare the control group with everybody else."""
    everybody = facts.customers(facts.since, facts.until)
    cap = margin_cap(facts.money, facts.started_at or facts.since, max(facts.until - facts.since, 0))
    major = cap if isinstance(cap, NotEstimable) else cap * minor_unit(company.config.currency)
    return Programme(
        started_at=facts.started_at,
        until=facts.until,
        weeks=0 if facts.started_at is None else (facts.until - facts.started_at) // WEEK,
        effect=effect_until(company, facts, major, facts.until)[0],
        uncapped=effect_until(company, facts, NotEstimable("uncapped", "as asked"), facts.until)[0],
        cap=major,
        arms={name: _arm(everybody.filter(pl.col("arm") == name)) for name in ("treated", "control")},
    )


def effect_until(
    company: Company, facts: Facts, cap: float | NotEstimable, until: Instant
) -> tuple[Estimate | NotEstimable, int]:
    """Return the effect a customer from the begin of the period to the end of a week, and the treated customers."""
    began = facts.started_at
    if began is not None and until - began >= WEEK and until <= facts.since:
        return NotEstimable("no full week", "the period holds no full week of the programme"), 0
    customers = _held(facts.customers(facts.since, until), cap, company.config.currency)
    effect = programme_effect(
        customers,
        company.config.decisions.control_rate,
        facts.started_at,
        until,
        company.config.currency,
    )
    return effect, int((customers["arm"] == "treated").sum())


def _held(customers: pl.DataFrame, cap: float | NotEstimable, currency: str) -> pl.DataFrame:
    return customers if isinstance(cap, NotEstimable) else capped(customers, cap / minor_unit(currency))


def _arm(customers: pl.DataFrame) -> ArmSize:
    mixed = int(customers["contaminated"].sum())
    count = customers.height
    return ArmSize(count, int((customers["orders"] > 0).sum()), mixed, mixed / count if count else 0.0)


def split_headline(
    company: Company, facts: Facts, found: Programme, question: Question
) -> Reconciled | NotEstimable:
    """Split the headline into what own deliveries caused in their windows, and the rest.

    Rows are on the headline's population and time: decisions for treated customers between the same two instants, with
    windows that closed by then, at the headline's level.
    """
    if isinstance(found.effect, NotEstimable):
        return found.effect
    currency = company.config.currency
    everybody = facts.customers(facts.since, facts.until)
    treated = everybody.filter(pl.col("arm") == "treated")["person_id"]
    decisions = facts.tables.decisions.filter(
        pl.col("decision_id").is_in(facts.own.implode()),
        pl.col("person_id").is_in(treated.implode()),
        pl.col("at").is_between(facts.since, facts.until, closed="left"),
    )
    compared = contrasts(decisions, facts.money, windows_of(running_catalogue(company.store)), facts.until)
    parts = cells(
        compared,
        question.by,
        currency,
        time_zone=company.config.time_zone,
        level=found.effect.interval.level,
    )
    held = _held(everybody, found.cap, currency)
    return reconcile(found.effect, held, everybody, parts, currency)
