"""Status: how an experiment stands, judged by its registration from all that its customers brought."""

import msgspec
import polars as pl

from cvo.app.company import Company
from cvo.app.experiments.outcomes import enrolled, outcomes
from cvo.app.experiments.registry import Registered, experiment, registered
from cvo.core.clock import DAY, Instant
from cvo.core.evidence import NotEstimable
from cvo.experiments import Exposure, Interaction, Looks, Metric, Report, exposure, interaction, report

WEEK = 7 * DAY


class Status(msgspec.Struct, frozen=True):
    """An experiment as it stands at `as_of`: the promise, who is in it, and the report once horizons closed."""

    registered: Registered
    as_of: Instant
    enrolled: dict[str, int]
    contaminated: int
    closed: int
    exposure: Exposure | NotEstimable
    interactions: dict[str, Interaction | NotEstimable]
    report: Report | NotEstimable


def status(company: Company, name: str, exploratory: tuple[Metric, ...] = ()) -> Status:
    """Report on an experiment; what isn't in its registration is marked exploratory."""
    found = experiment(company.store, name)
    promise = found.registration
    people = enrolled(company, name)
    now = company.clock.now()
    look, as_of = _look(people, promise.horizon_days, promise.timetable, now)
    table = outcomes(company, people, promise.horizon_days, as_of)
    # Merges make fewer customers of as many arms; they must not keep an experiment from ending.
    ended = table.height == people.height and int(people["given"].sum()) >= promise.customers > 0
    judged: Report | NotEstimable
    if not table.height or not look:
        judged = NotEstimable("too early", _when(people, promise.horizon_days, look))
    else:
        judged = report(promise, table, look=look, ended=ended, exploratory=exploratory)
    return Status(
        registered=found,
        as_of=as_of,
        enrolled={arm: int((people["arm"] == arm).sum()) for arm in promise.shares},
        contaminated=int(people["contaminated"].sum()),
        closed=table.height,
        exposure=exposure(table["arm"].to_list(), table["exposed"].to_numpy(), promise.shares),
        interactions=_interactions(company, found, table),
        report=judged,
    )


def _look(people: pl.DataFrame, days: int, timetable: Looks, now: Instant) -> tuple[int, Instant]:
    """Return which look it is, and until when data count: on a weekly timetable, to the last full week."""
    if timetable is not Looks.WEEKLY or not people.height:
        return 1, now
    first_closed = Instant(int(people["at"][0]) + days * DAY)
    look = max(0, (now - first_closed) // WEEK)
    return look, Instant(first_closed + look * WEEK) if look else now


def _when(people: pl.DataFrame, days: int, look: int) -> str:
    if not people.height:
        return "nobody has an arm yet; `cvo experiment enrol` gives them"
    if not look:
        return "the first weekly look comes a week after the first horizon has closed"
    return f"no horizon of {days} days has closed yet"


def _interactions(
    company: Company, found: Registered, table: pl.DataFrame
) -> dict[str, Interaction | NotEstimable]:
    """Check against every other experiment that the same customers are in."""
    shown: dict[str, Interaction | NotEstimable] = {}
    for other in registered(company.store):
        name = other.registration.name
        if name == found.registration.name or not table.height:
            continue
        both = table.join(
            enrolled(company, name).select("person_id", other="arm"), on="person_id", maintain_order="left"
        )
        if both.height:
            goal = both[found.registration.goal.column].to_numpy()
            shown[name] = interaction(both["arm"].to_numpy(), both["other"].to_numpy(), goal)
    return shown
