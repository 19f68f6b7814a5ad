"""Decide: what is next for a customer here, logged before it is answered."""

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import islice

from cvo.app.company import Company
from cvo.app.state import keep_policy, running_policy
from cvo.core.clock import Instant
from cvo.core.ids import EventId
from cvo.core.random import keyed_bytes
from cvo.decisions.decide import Case, decide_all
from cvo.decisions.decision import Arm, Decision, Purpose, Request, Subject, encode
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

    Rehearsing again in the same state makes the same decisions, and logs none twice.
    """
    policy = running_policy(company.store, company.config.settings)
    request = Request(placement=placement, at=company.clock.now(), purpose=Purpose.REHEARSAL)
    decisions: list[Decision] = []
    known = {logged.decision_id for logged in company.store.decisions(Purpose.REHEARSAL)}
    waiting = iter(customers)
    while batch := list(islice(waiting, BATCH)):
        with company.store.unit_of_work() as work:
            decisions += decide_in(work, policy, [(user(each), request) for each in batch], known=known)
        progress(len(batch))
    return decisions


def decide_in(
    work: UnitOfWork,
    policy: Policy,
    requests: Sequence[tuple[ExternalId, Request]],
    *,
    known: Collection[str] = (),
) -> list[Decision]:
    """Decide many requests of different customers inside a unit of work, and log those not `known` already.

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
    work.log_decisions(_logged(decision) for decision in decisions if decision.decision_id not in known)
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
            EventId(keyed_bytes("decided", decision.decision_id, slot)),
            person.node_id,
            decision.at,
            decision.at,
            body,
        )
        for slot, body in enumerate(effects(decision, policy.catalogue))
    ]
