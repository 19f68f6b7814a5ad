"""Registrations: kept append-only in the log of changes, each made before its first assignment."""

from enum import StrEnum

import msgspec

from cvo.app.company import Company
from cvo.app.experiments.outcomes import COLUMNS
from cvo.app.state import recorded
from cvo.core.clock import Instant
from cvo.core.errors import Conflict, InvalidInput, NotFound
from cvo.experiments import Looks, Metric, Registration
from cvo.storage.store import Store
from cvo.storage.unit_of_work import Change

EXPERIMENT_CHANGE = "experiment"


class Step(StrEnum):
    """What was recorded about an experiment."""

    REGISTERED = "registered"
    ENDED = "ended"


class Entry(msgspec.Struct, frozen=True):
    """A line of the record: `registration` where one was made, with its hash as it was then."""

    step: Step
    name: str
    registration: Registration | None = None
    version: str = ""
    because: str = ""


class Registered(msgspec.Struct, frozen=True):
    """An experiment on the record: what was promised, its hash, when and by whom, and when it ended."""

    registration: Registration
    version: str
    at: Instant
    author: str
    ended_at: Instant | None = None
    because: str = ""


def registered(store: Store) -> list[Registered]:
    """Return all experiments, in the order in which they were registered."""
    found: dict[str, Registered] = {}
    for change in recorded(store, EXPERIMENT_CHANGE):
        entry = msgspec.msgpack.decode(change.body, type=Entry)
        if entry.registration is not None:
            found[entry.name] = Registered(entry.registration, entry.version, change.at, change.author)
        else:
            found[entry.name] = msgspec.structs.replace(
                found[entry.name], ended_at=change.at, because=entry.because
            )
    return list(found.values())


def experiment(store: Store, name: str) -> Registered:
    """Return an experiment; raises `NotFound` for one that was not registered."""
    for each in registered(store):
        if each.registration.name == name:
            return each
    raise NotFound(f"there is no experiment {name!r}; `cvo experiment list` names them")


def register(company: Company, registration: Registration, author: str) -> Registered:
    """Put a registration on the record, before anybody is given an arm.

    Raises `Conflict` for a name that was registered before or traffic that another running experiment takes,
    `InvalidInput` for metrics that the log doesn't hold.
    """
    for each in registered(company.store):
        if each.registration.name == registration.name:
            raise Conflict(
                f"{registration.name} was registered by {each.author} already; a promise isn't changed"
            )
        if each.ended_at is None and each.registration.traffic.overlaps(registration.traffic):
            raise Conflict(
                f"{each.registration.name} has that traffic of layer {registration.traffic.layer}; take another "
                "stretch or layer, or end it"
            )
    _check_metrics(registration)
    if registration.timetable is Looks.ONCE and not registration.customers:
        raise InvalidInput(
            "say how many `customers` are planned: an experiment judged once ends when their horizons have closed; "
            "`cvo experiment plan` tells how many are needed"
        )
    _record(company, Entry(Step.REGISTERED, registration.name, registration, registration.version), author)
    return experiment(company.store, registration.name)


def end(company: Company, name: str, author: str, because: str = "") -> Registered:
    """End an experiment: nobody else is given an arm, and its traffic is free again; arms given are kept."""
    if experiment(company.store, name).ended_at is not None:
        raise Conflict(f"{name} has ended already")
    _record(company, Entry(Step.ENDED, name, because=because), author)
    return experiment(company.store, name)


def _check_metrics(registration: Registration) -> None:
    metrics = [registration.goal, *(rail.metric for rail in registration.guardrails)]
    for metric in metrics:
        for column in used_columns(metric):
            if column not in COLUMNS:
                raise InvalidInput(
                    f"metric {metric.name}: the log holds no {column}, only {', '.join(COLUMNS)}"
                )


def used_columns(metric: Metric) -> list[str]:
    """Return the columns that a metric is made of."""
    return [column for column in (metric.column, metric.per, metric.before, metric.strata) if column]


def _record(company: Company, entry: Entry, author: str) -> None:
    number = len(recorded(company.store, EXPERIMENT_CHANGE)) + 1
    change = Change(
        f"{EXPERIMENT_CHANGE}-{number:06}",
        company.clock.now(),
        author,
        EXPERIMENT_CHANGE,
        msgspec.msgpack.encode(entry),
    )
    with company.store.unit_of_work() as work:
        work.record_change(change)
