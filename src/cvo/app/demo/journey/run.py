"""The demo's steps: a year read in two halves, lifetime value predicted after each, accounts, growth, campaigns."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from cvo.app.apply import apply
from cvo.app.clv import CompanyClv, value_customers
from cvo.app.company import Company
from cvo.app.demo.journey import messages as source
from cvo.app.demo.journey.campaigns import Campaign, campaigns, picked_for_spending
from cvo.app.demo.journey.company import OWNER, make_company
from cvo.app.demo.journey.data import Data, read_data
from cvo.app.demo.journey.likeness import WEEKS, Habits, habits_of, scenario_like
from cvo.app.ingest import Ingested, ingest
from cvo.app.simulate import Simulated, simulate
from cvo.app.value import Bank, Growth, Question, Value, facts_of, growth_of, value, value_bank
from cvo.core.clock import SECOND, FixedClock, Instant, parse_rfc3339
from cvo.core.evidence import NotEstimable

BEGIN, MIDDLE, END = date(2017, 1, 2), date(2017, 7, 3), date(2018, 1, 1)
"""Two halves of 26 full weeks; the data begins the day before."""
FIRST, LAST = date(2017, 1, 1), date(2017, 12, 31)
_LEFT_ALONE = 0.4
"""Share of made-up customers in control; large, because they are few."""
_AFTER = parse_rfc3339("2018-01-01T08:00:00Z")
_LONG_AGO, _AFTER_ALL = date(2016, 1, 1), date(2019, 1, 1)

Progress = Callable[[str, int, int], None]
"""Told the step, how much of it has just been done, and how much it is in all."""


class CampaignsSummary(msgspec.Struct, frozen=True, kw_only=True):
    """All campaigns, and how many times what others spent before those spent who were picked for one."""

    rows: list[Campaign]
    picked: float | NotEstimable


class Rehearsed(msgspec.Struct, frozen=True, kw_only=True):
    """A made-up half-year among customers who buy like the households."""

    habits: Habits
    simulated: Simulated


class Journey(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """All figures of the demo; none is of anything caused.

    `predicted` and `predicted_again` are lifetime values at the middle and at the end of the year, `growth` compares
    the second half with the first. Only `rehearsed` has decisions drawn by lot, in a made-up world.
    """

    seed: int
    households: int
    ingested: Ingested
    predicted: CompanyClv
    predicted_again: CompanyClv
    bank: Bank
    growth: Growth
    campaigns: CampaignsSummary
    value: Value
    rehearsed: Rehearsed | None


def run(
    folder: Path,
    seed: int = 0,
    *,
    households: int | None = None,
    rehearse: int = 300,
    progress: Progress = lambda _step, _done, _total: None,
) -> Journey:
    """Make the grocer's company in `folder` and go through all steps; a second run adds nothing.

    `households` takes only so many, picked by hash; `rehearse` is how many made-up customers live through a half-year
    with decisions, in a company of their own that is not kept, 0 for none.

    Raises `InvalidInput` without the data's package, `Conflict` if the folder holds a company made otherwise.
    """
    progress("Reading the data", 0, 1)
    data = read_data(households, seed)
    progress("Reading the data", 1, 1)
    slice_of = "" if households is None else f"-{households}"
    make_company(folder, data.campaigns, f"journey-{seed}{slice_of}")
    # A second before the half ends: nothing of the second half may be seen, in a second run either.
    clock = FixedClock(Instant(_midnight(MIDDLE) - SECOND))
    rehearsed = _rehearse(data, seed, rehearse, progress) if rehearse else None
    with Company.open(folder, clock=clock) as company:
        apply(company, OWNER, approve=True)
        # What came later is not there yet when the first predictions are made.
        first = _ingest(company, data, (_LONG_AGO, MIDDLE), progress)
        predicted = _predict(company, seed, "Lifetime value at midsummer", progress)
        company.clock = FixedClock(_AFTER)
        second = _ingest(company, data, (MIDDLE, _AFTER_ALL), progress)
        again = _predict(company, seed, "Lifetime value at the year's end", progress)
        return Journey(
            seed=seed,
            households=data.baskets["household"].n_unique(),
            ingested=_sum(first, second),
            predicted=predicted,
            predicted_again=again,
            rehearsed=rehearsed,
            **_figures(company, data, progress),
        )


def _figures(company: Company, data: Data, progress: Progress) -> dict[str, Any]:
    """Return the figures that the log gives at the year's end."""
    step, halves = "Adding up", Question(since=_midnight(MIDDLE), until=_midnight(END))
    progress(step, 0, 3)
    bank = value_bank(company)
    progress(step, 1, 3)
    facts = facts_of(company, Question())
    rows = campaigns(data.campaigns, facts.tables, company.config.currency, FIRST, LAST)
    growth = growth_of(company, facts, halves)
    progress(step, 1, 3)
    report = value(company)
    progress(step, 1, 3)
    seen = CampaignsSummary(rows=rows, picked=picked_for_spending(rows))
    return {"bank": bank, "growth": growth, "campaigns": seen, "value": report}


def _sum(first: Ingested, second: Ingested) -> Ingested:
    refused = {
        reason: first.refused.get(reason, 0) + second.refused.get(reason, 0)
        for reason in sorted(first.refused.keys() | second.refused.keys())
    }
    return Ingested(first.accepted + second.accepted, first.duplicates + second.duplicates, refused)


def _rehearse(data: Data, seed: int, customers: int, progress: Progress) -> Rehearsed:
    habits = habits_of(data, FIRST, LAST)
    with TemporaryDirectory() as folder:
        done = simulate(
            Path(folder) / "rehearsal",
            scenario_like(habits),
            customers,
            WEEKS,
            control_rate=_LEFT_ALONE,
            seed=f"journey-{seed}",
            progress=progress,
        )
    return Rehearsed(habits=habits, simulated=done)


def _ingest(company: Company, data: Data, days: tuple[date, date], progress: Progress) -> Ingested:
    began = days[0] == _LONG_AGO
    step = "Reading the first half" if began else "Reading the second half"
    every = [*(source.traits(data) if began else ()), *source.messages(data, *days)]
    return ingest(company, every, lambda done: progress(step, done, len(every)))


def _predict(company: Company, seed: int, step: str, progress: Progress) -> CompanyClv:
    progress(step, 0, 1)
    found = value_customers(company, seed=seed)
    progress(step, 1, 1)
    return found


def _midnight(day: date) -> Instant:
    return parse_rfc3339(f"{day}T00:00:00Z")
