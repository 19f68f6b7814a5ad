"""Decide: what is next for a customer here, logged before it is answered."""

from collections.abc import Callable, Mapping, Sequence
from itertools import islice

import msgspec

from cvo.app.company import Company
from cvo.app.state import keep_policy, running_policy
from cvo.core.clock import Instant
from cvo.core.ids import EventId
from cvo.core.random import keyed_bytes
from cvo.decisions.decide import Case, decide_all
from cvo.decisions.decision import Arm, Decision, Purpose, Request, Subject, decode, encode
from cvo.decisions.effects import effects
from cvo.decisions.policy import Policy
from cvo.events.event import Event, Scalar
from cvo.events.message import ExternalId, user
from cvo.storage.unit_of_work import LoggedDecision, Person, UnitOfWork

BATCH = 4_000


def decide(
    company: Company,
    customer: str,
    placement: str,
    *,
    context: Mapping[str, Scalar] | None = None,
    purpose: Purpose = Purpose.LIVE,
) -> Decision:
    """Decide for one customer, who is met if unknown; the decision is durable when this returns.

    Raises `InvalidInput` for an unknown placement, `NotFound` before a catalogue was approved.
    """
    policy = running_policy(company.store, company.config.settings)
    request = Request(
        placement=placement, at=company.clock.now(), context=dict(context or {}), purpose=purpose
    )
    with company.store.unit_of_work() as work:
        return decide_in(work, policy, [(user(customer), request)])[0]


def rehearse(
    company: Company,
    customers: Sequence[str],
    placement: str,
    progress: Callable[[int], None] = lambda _count: None,
) -> list[Decision]:
    """Decide for many customers without delivering: logged, and neither contact nor value.

    A customer whom this policy has rehearsed for at this placement keeps that decision.
    """
    policy = running_policy(company.store, company.config.settings)
    request = Request(placement=placement, at=company.clock.now(), purpose=Purpose.REHEARSAL)
    done = _rehearsed(company, policy, placement)
    missing = iter([customer for customer in dict.fromkeys(customers) if customer not in done])
    progress(len(done))
    while batch := list(islice(missing, BATCH)):
        with company.store.unit_of_work() as work:
            made = decide_in(work, policy, [(user(each), request) for each in batch])
        done.update(zip(batch, made, strict=True))
        progress(len(batch))
    return [done[customer] for customer in customers]


def _rehearsed(company: Company, policy: Policy, placement: str) -> dict[str, Decision]:
    """Return the rehearsals that this very policy has made already, by customer."""
    pins = policy.pins(0)
    logged = (decode(each.body) for each in company.store.decisions(Purpose.REHEARSAL))
    return {
        decision.customer: decision
        for decision in logged
        if decision.placement == placement
        and msgspec.structs.replace(decision.pins, person_version=0) == pins
    }


def decide_in(
    work: UnitOfWork,
    policy: Policy,
    requests: Sequence[tuple[ExternalId, Request]],
) -> list[Decision]:
    """Decide and log many requests of different customers inside a unit of work.

    Two requests of one customer have to come in two calls: the second must see what the first did.
    """
    keep_policy(work, policy)
    persons = work.persons(
        [external for external, _ in requests], requests[0][1].at if requests else Instant(0)
    )
    cases = [
        Case(_subject(person), person.profile, request)
        for person, (_, request) in zip(persons, requests, strict=True)
    ]
    decisions = decide_all(cases, policy)
    work.log_decisions(_logged(decision) for decision in decisions)
    work.apply_all(
        (person, _events(person, decision, policy))
        for person, decision in zip(persons, decisions, strict=True)
    )
    return decisions


def _subject(person: Person) -> Subject:
    return Subject(
        person_id=person.person_id,
        customer=person.external.value,
        version=person.version,
        arm=Arm(person.arm),
    )


def _logged(decision: Decision) -> LoggedDecision:
    return LoggedDecision(
        decision.person_id,
        decision.decision_id,
        decision.at,
        decision.placement,
        decision.purpose.value,
        encode(decision),
    )


def _events(person: Person, decision: Decision, policy: Policy) -> list[Event]:
    return [
        Event(
            # Slots share the decision's time; the end of the id keeps them in order in the log.
            EventId(keyed_bytes("decided", decision.decision_id, size=14) + slot.to_bytes(2, "big")),
            person.node_id,
            decision.at,
            decision.at,
            body,
        )
        for slot, body in enumerate(effects(decision, policy.catalogue))
    ]
