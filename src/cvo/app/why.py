"""Why not mine: what became of an action over a stretch of time, for one customer or for everybody."""

from collections.abc import Callable, Iterator

import msgspec

from cvo.actions.qualify import Objection
from cvo.actions.situation import Situation
from cvo.app.company import Company
from cvo.app.records import records
from cvo.app.scarcity import count, scarcity_of
from cvo.app.value.question import Question
from cvo.core.clock import Instant
from cvo.core.errors import NotFound
from cvo.decisions.decision import Decision, Purpose
from cvo.decisions.why_not import WhyNot, why_not
from cvo.events.message import user
from cvo.storage.unit_of_work import LoggedDecision, Person

_LATEST = 10_000
"""How many decisions of one customer are looked through, the latest first."""


class Standing(msgspec.Struct, frozen=True):
    """How an action stands now for one customer at a placement: all that speaks against it, nothing if it qualifies."""

    placement: str
    at: Instant
    objections: list[Objection]


class Why(msgspec.Struct, frozen=True):
    """What became of an action; `now` is how it stands for the one customer who was asked about."""

    customer: str | None
    since: Instant | None
    until: Instant | None
    found: WhyNot
    now: list[Standing]


def why(
    company: Company,
    action: str,
    period: Question,
    *,
    customer: str | None = None,
    progress: Callable[[int], None] = lambda _count: None,
) -> Why:
    """Tell what became of an action in the live decisions of a period, of one customer or of all.

    Raises `NotFound` for an action that the running catalogue does not have, or a customer never met.
    """
    policy = company.policy()
    if action not in policy.catalogue.actions:
        known = ", ".join(policy.catalogue.actions) or "none yet"
        raise NotFound(f"there is no action {action!r} in the running catalogue; it has: {known}")
    person = None if customer is None else _met(company, customer)
    logged = _logged(company, person)
    found = why_not(action, _decoded(records(company.store), logged, period, progress))
    now = [] if person is None else _standings(company, person, action)
    return Why(customer, period.since, period.until, found, now)


def _met(company: Company, customer: str) -> Person:
    person = company.store.person(user(customer))
    if person is None:
        raise NotFound(f"customer {customer!r} was never met")
    return person


def _logged(company: Company, person: Person | None) -> Iterator[LoggedDecision]:
    if person is None:
        yield from company.store.decisions(Purpose.LIVE)
    else:
        latest = company.store.decisions_of(person.person_id, _LATEST)
        yield from (each for each in latest if each.purpose == Purpose.LIVE)


def _decoded(
    read: Callable[[bytes], Decision],
    logged: Iterator[LoggedDecision],
    period: Question,
    progress: Callable[[int], None],
) -> Iterator[Decision]:
    for each in logged:
        progress(1)
        begun = period.since is None or each.at >= period.since
        if begun and (period.until is None or each.at < period.until):
            yield read(each.body)


def _standings(company: Company, person: Person, action: str) -> list[Standing]:
    """Return how an action stands at every placement it has a creative for, with nothing known of the moment."""
    policy, at = company.policy(), company.clock.now()
    (scarcity,) = scarcity_of(count(company.store, policy, at), policy)
    found = []
    for placement in sorted({each.placement for each in policy.catalogue.actions[action].creatives.values()}):
        qualifier = policy.qualifier(placement)
        here = Situation(
            person.profile,
            at,
            placement,
            qualifier.channel,
            {},
            policy.settings.time_zone,
            company.store.stock(qualifier.products),
            scarcity,
        )
        found.append(Standing(placement, at, qualifier.objections(action, here)))
    return found
