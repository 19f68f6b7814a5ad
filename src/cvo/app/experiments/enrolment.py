"""Enrolment: every customer of an experiment's traffic is given an arm, as a fact on the record.

The arm is the trait `experiment_<name>`: rules can ask for it, replays see it as it was, and it is given once.
"""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from cvo.app.company import Company
from cvo.app.experiments.outcomes import PREFIX, enrolled
from cvo.app.experiments.registry import experiment
from cvo.core.errors import Conflict
from cvo.core.ids import EventId
from cvo.core.random import keyed_bytes
from cvo.events.event import Event, TraitsSet
from cvo.events.message import ExternalId
from cvo.experiments import assigned

BATCH = 4_000


class Enrolled(msgspec.Struct, frozen=True):
    """How many customers were given an arm now, by arm, and how many have one."""

    name: str
    version: str
    new: dict[str, int]
    total: int


def without_arm(company: Company, name: str) -> list[tuple[ExternalId, str]]:
    """Return the customers of the experiment's traffic who have no arm, each with the one they are to get.

    Where a number of customers is planned, it ends there. Raises `Conflict` for an experiment that ended.
    """
    found = experiment(company.store, name)
    if found.ended_at is not None:
        raise Conflict(f"{name} has ended; nobody else is given an arm")
    registration, trait = found.registration, PREFIX + name
    free = [person for person in company.store.persons() if trait not in person.profile.traits]
    arms = assigned(
        [person.person_id for person in free],
        experiment=name,
        shares=registration.shares,
        seed=company.config.seed,
        traffic=registration.traffic,
    )
    chosen = [(person.external, arm) for person, arm in zip(free, arms, strict=True) if arm is not None]
    if not registration.customers:
        return chosen
    return chosen[: max(0, registration.customers - _given(company, name))]


def messages(company: Company, name: str) -> Iterator[dict[str, Any]]:
    """Yield what would enrol them as `identify` messages, for a server that has the company open."""
    for external, arm in without_arm(company, name):
        sender = "userId" if external.known else "anonymousId"
        yield {
            "type": "identify",
            sender: external.value,
            "messageId": PREFIX + name,
            "traits": {PREFIX + name: arm},
        }


def _given(company: Company, name: str) -> int:
    return int(enrolled(company, name)["given"].sum())


def enrol(
    company: Company, name: str, progress: Callable[[int, int], None] = lambda _done, _total: None
) -> Enrolled:
    """Give an arm to every customer of the experiment's traffic who has none; run again for those met since.

    Raises `Conflict` for an experiment that ended.
    """
    given = without_arm(company, name)
    for start in range(0, len(given), BATCH):
        part = given[start : start + BATCH]
        _give(company, PREFIX + name, part)
        progress(len(part), len(given))
    found = experiment(company.store, name)
    new = {arm: sum(each == arm for _, each in given) for arm in found.registration.shares}
    return Enrolled(name, found.version, new, _given(company, name))


def _give(company: Company, trait: str, given: list[tuple[ExternalId, str]]) -> None:
    now = company.clock.now()
    with company.store.unit_of_work() as work:
        people = work.persons([external for external, _ in given], now)
        work.apply_all(
            (
                person,
                [
                    Event(
                        EventId(keyed_bytes("experiment", person.node_id, trait)),
                        person.node_id,
                        now,
                        now,
                        TraitsSet({trait: arm}),
                    )
                ],
            )
            for person, (_, arm) in zip(people, given, strict=True)
        )
