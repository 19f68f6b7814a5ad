"""The programme over time: what it has caused by the end of every week, and by weeks since the first decision."""

import msgspec
import polars as pl

from cvo.app.company import Company
from cvo.app.value.programme import Facts, Programme, effect_until
from cvo.core.clock import Instant
from cvo.core.evidence import Estimate, NotEstimable
from cvo.ledger.exposure import WeekSince, weeks_since_first
from cvo.ledger.programme import WEEK


class Reached(msgspec.Struct, frozen=True):
    """What was caused among so many treated customers from the begin of the period to `at`, in all.

    Intervals hold together: at week k of the programme their level is 1 − α/(k(k+1)).
    """

    at: Instant
    customers: int
    total: Estimate | NotEstimable


def cumulative(company: Company, facts: Facts, found: Programme) -> list[Reached]:
    """Return the total at the end of every full week; the last is the headline."""
    if facts.started_at is None or found.weeks == 0:
        return []
    ends = [facts.started_at + week * WEEK for week in range(1, found.weeks + 1)]
    return [_reached(company, facts, found, Instant(end)) for end in ends if end > facts.since]


def _reached(company: Company, facts: Facts, found: Programme, end: Instant) -> Reached:
    effect, treated = effect_until(company, facts, found.cap, end)
    total = effect if isinstance(effect, NotEstimable) else effect.scaled(treated, company.config.currency)
    return Reached(end, treated, total)


def since_first(company: Company, facts: Facts, found: Programme) -> list[WeekSince]:
    """Return what each week after a customer's first decision brought, beyond what it brought in control."""
    if isinstance(found.effect, NotEstimable):
        return []
    decisions = facts.tables.decisions
    firsts = (
        decisions.filter(pl.col("decision_id").is_in(facts.own.implode()))
        .group_by("person_id")
        .agg(pl.col("at").min())
        # The first of all: who comes back in a later period has been treated, or not, before.
        .filter(pl.col("at").is_between(facts.since, facts.until, closed="left"))
        .join(facts.persons.select("person_id", "arm", "control_rate"), on="person_id")
        .sort("person_id")
    )
    earned = facts.money.select(
        "person_id",
        "at",
        (pl.col("revenue_minor") > 0).cast(pl.Int64).alias("orders"),
        (pl.col("margin_minor") - pl.col("service_cost_minor")).cast(pl.Float64).alias("value_minor"),
    )
    spent = decisions.filter(pl.col("delivered") != "").select(
        "person_id",
        "at",
        pl.lit(0, pl.Int64).alias("orders"),
        (-pl.col("contact_cost_minor")).alias("value_minor"),
    )
    return weeks_since_first(
        firsts,
        pl.concat([earned, spent]),
        facts.until,
        company.config.currency,
        level=found.effect.interval.level,
    )
