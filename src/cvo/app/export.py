"""Export: the log as files that other tools open."""

from collections.abc import Callable, Collection, Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import msgspec

from cvo.app.company import Company
from cvo.app.learn import windows_of
from cvo.app.records import records
from cvo.app.state import kept_catalogue, running_catalogue
from cvo.app.value import Question, facts_of
from cvo.app.value.programme import Facts
from cvo.connectors import pdstools
from cvo.core.clock import Instant
from cvo.core.errors import InvalidInput, NotFound
from cvo.core.money import minor_unit
from cvo.decisions.decision import Decision, Purpose
from cvo.events.event import Decided, Response
from cvo.ledger.contrast import Contrast, contrasts
from cvo.ledger.programme import arm_weights

T = TypeVar("T")

Progress = Callable[[str, int, int], None]
"""Told the file, how many facts or decisions of it have just been read, and how many there may be."""

HISTORY = "interaction_history.parquet"
EXPLANATIONS = "decision_explanations.parquet"
ACTIONS = "impact_analyzer_actions.parquet"
PROGRAMME = "impact_analyzer_programme.parquet"

_UNLIKE = "plain counts would compare unlike with like"


class Exported(msgspec.Struct, frozen=True):
    """The files that were written, with their rows; `left_out` says what has no rows and why."""

    folder: str
    rows: dict[str, int]
    left_out: dict[str, str]


def export_pdstools(
    company: Company,
    folder: Path,
    period: Question,
    *,
    inbound: Collection[str] | None = None,
    progress: Progress = lambda _file, _done, _total: None,
) -> Exported:
    """Write live decisions and responses of a period as the Parquet files that pdstools opens.

    `inbound` are the channels that customers come to, those that take no consent if not given. Explanations and history
    are written as they are read, so memory does not grow with the log; the impact analyzer's are counts.
    """
    labels = pdstools.labels_of(running_catalogue(company.store), inbound)
    _check(inbound, company)
    folder.mkdir(parents=True, exist_ok=True)
    history = _history(company, labels, period, progress)
    explanations = _explanations(company, inbound, period, progress)
    compared, facts = _contrasts(company, period)
    unit = float(minor_unit(company.config.currency))
    channels = _channels(company, facts)
    actions = (
        row
        for each in compared
        for row in pdstools.contrast_rows(each, channels.get(each.action, ""), labels, unit)
    )
    programme = _programme(facts, unit)
    rows = {
        HISTORY: pdstools.write_rows(folder / HISTORY, history, pdstools.HISTORY),
        EXPLANATIONS: pdstools.write_rows(folder / EXPLANATIONS, explanations, pdstools.EXPLANATIONS),
        ACTIONS: pdstools.write_rows(folder / ACTIONS, actions, pdstools.IMPACT),
        PROGRAMME: pdstools.write_rows(folder / PROGRAMME, programme, pdstools.IMPACT),
    }
    return Exported(str(folder), rows, _left_out(compared, facts))


def _check(inbound: Collection[str] | None, company: Company) -> None:
    known = running_catalogue(company.store).channels
    for channel in inbound or ():
        if channel not in known:
            raise InvalidInput(
                f"there is no channel {channel!r}; the catalogue has: {', '.join(sorted(known)) or 'none'}"
            )


def _within(at: Instant, period: Question) -> bool:
    begun = period.since is None or at >= period.since
    return begun and (period.until is None or at < period.until)


def _history(
    company: Company, labels: pdstools.Labels, period: Question, progress: Progress
) -> Iterator[tuple[object, ...]]:
    names = {person.person_id: person.external.value for person in company.store.persons()}
    facts = (event for event in company.store.events((Decided, Response)) if _within(event.at, period))

    def record(body: Decided) -> Decision | None:
        try:
            return records(company.store)(company.store.decision(body.decision_id).body)
        except NotFound:
            return None

    return pdstools.Interactions(names, labels, record).rows(
        _counted(facts, HISTORY, company.store.counts()["events"], progress)
    )


def _counted(found: Iterable[T], file: str, total: int, progress: Progress) -> Iterator[T]:
    left = total
    for each in found:
        left -= 1
        progress(file, 1, total)
        yield each
    # Facts of other kinds, and rehearsals, were counted and not read.
    progress(file, left, total)


def _explanations(
    company: Company, inbound: Collection[str] | None, period: Question, progress: Progress
) -> Iterator[tuple[object, ...]]:
    @lru_cache(maxsize=16)
    def labels(version: str) -> pdstools.Labels:
        return pdstools.labels_of(kept_catalogue(company.store, version), inbound)

    found, read = company.store.decisions(Purpose.LIVE), records(company.store)
    for logged in _counted(found, EXPLANATIONS, company.store.counts()["decisions"], progress):
        if _within(logged.at, period):
            decision = read(logged.body)
            yield from pdstools.explanation_rows(decision, labels(decision.pins.catalogue))


def _contrasts(company: Company, period: Question) -> tuple[list[Contrast], Facts]:
    facts = facts_of(company, period)
    decisions = facts.tables.decisions
    if period.since is not None:
        decisions = decisions.filter(decisions["at"] >= period.since)
    windows = windows_of(running_catalogue(company.store))
    return contrasts(decisions, facts.money, windows, facts.as_of), facts


def _channels(company: Company, facts: Facts) -> dict[str, str]:
    """Return, for every action, the channel of the placement it was last chosen at."""
    placements = running_catalogue(company.store).placements
    chosen = facts.tables.decisions.sort("at", maintain_order=True).unique("chosen", keep="last")
    return {
        action: placements[placement].channel if placement in placements else placement
        for action, placement in chosen.select("chosen", "placement").iter_rows()
    }


def _programme(facts: Facts, unit: float) -> Iterator[tuple[object, ...]]:
    if facts.started_at is None or facts.until <= facts.since:
        return iter(())
    customers = facts.customers(facts.since, facts.until)
    if arm_weights(customers) is not None:
        return iter(())
    return pdstools.programme_rows(customers, facts.since, unit)


def _left_out(compared: list[Contrast], facts: Facts) -> dict[str, str]:
    """Return what is in neither impact file, with the reason."""
    found = {}
    for each in compared:
        if each.refusal is not None:
            found[each.action] = each.refusal.detail
        elif each.by == "draw":
            found[each.action] = f"nothing of it was withheld by coin; {_UNLIKE}"
        elif pdstools.weighed(each):
            found[each.action] = f"it was withheld by coins of different chances; {_UNLIKE}"
    if facts.started_at is None or facts.until <= facts.since:
        found["programme"] = "no full week of live decisions yet"
    elif arm_weights(facts.customers(facts.since, facts.until)) is not None:
        found["programme"] = f"the share of customers in control was changed; {_UNLIKE}"
    return found
