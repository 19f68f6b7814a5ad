"""Decide: what is next for a customer here, logged before it is answered."""

from collections.abc import Callable, Mapping, Sequence
from itertools import islice

import msgspec

from cvo.app.company import Company
from cvo.app.records import records
from cvo.app.scarcity import Prices, count, period_of, scarcity_of, spend
from cvo.app.state import keep_policy
from cvo.core.ids import PersonId
from cvo.decisions.case import Case
from cvo.decisions.decision import Arm, Decision, Purpose, Request, Subject, encode
from cvo.decisions.effects import effect_id, effects
from cvo.decisions.policy import Deciding, Policy
from cvo.decisions.turns import decide_in_turn
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
    deciding = company.deciding()
    request = Request(
        placement=placement, at=company.clock.now(), context=dict(context or {}), purpose=purpose
    )
    with company.store.unit_of_work() as work:
        for policy in deciding.policies:
            keep_policy(work, policy)
        return decide_in(work, deciding, [(user(customer), request)])[0]


def rehearse(
    company: Company,
    customers: Sequence[str],
    placement: str,
    progress: Callable[[int], None] = lambda _count: None,
) -> list[Decision]:
    """Decide for many customers without delivering: logged, and neither contact nor value.

    A customer whom this policy has rehearsed for at this placement keeps that decision.
    """
    policy = company.policy()
    request = Request(placement=placement, at=company.clock.now(), purpose=Purpose.REHEARSAL)
    done = _rehearsed(company, policy, placement)
    missing = iter([customer for customer in dict.fromkeys(customers) if customer not in done])
    progress(len(done))
    with company.store.unit_of_work() as work:
        keep_policy(work, policy)
    while batch := list(islice(missing, BATCH)):
        with company.store.unit_of_work() as work:
            made = decide_in(work, policy, [(user(each), request) for each in batch])
        done.update(zip(batch, made, strict=True))
        progress(len(batch))
    return [done[customer] for customer in customers]


def _rehearsed(company: Company, policy: Policy, placement: str) -> dict[str, Decision]:
    """Return the rehearsals that this very policy has made already, by customer."""
    pins = policy.pins(0)
    logged = map(records(company.store), (each.body for each in company.store.decisions(Purpose.REHEARSAL)))
    return {
        decision.customer: decision
        for decision in logged
        # A rehearsal with a context is somebody's preview of that moment, and no answer without it.
        if decision.placement == placement
        and not decision.context
        and msgspec.structs.replace(decision.pins, person_version=0, stock=0) == pins
    }


def decide_in(
    work: UnitOfWork,
    deciding: Deciding,
    requests: Sequence[tuple[ExternalId, Request]],
    *,
    prices: Prices | None = None,
) -> list[Decision]:
    """Decide and log many requests inside a unit of work; return the decisions in the same order.

    Requests of one customer, under whatever ids, go one after the other: each sees what the one before did. So do those
    of one period of a resource and the next.
    Every policy that may decide has to be kept already. Where `prices` of resources have been solved, for each side,
    they hold for all; else those in force do, and are set anew afterwards.
    """
    made: dict[int, Decision] = {}
    waiting = list(range(len(requests)))
    while waiting:
        persons = work.persons([requests[i][0] for i in waiting], [requests[i][1].at for i in waiting])
        firsts: dict[PersonId, tuple[int, Person]] = {}
        for i, person in zip(waiting, persons, strict=True):
            firsts.setdefault(person.person_id, (i, person))
        now = _of_one_period(deciding, list(firsts.values()), requests)
        asked = [(person, requests[i][1]) for i, person in now]
        decided = _decide_apart(work, deciding, asked, prices)
        made.update(zip((i for i, _ in now), decided, strict=True))
        waiting = [i for i in waiting if i not in made]
    return [made[i] for i in range(len(requests))]


def _of_one_period(
    deciding: Deciding, waiting: list[tuple[int, Person]], requests: Sequence[tuple[ExternalId, Request]]
) -> list[tuple[int, Person]]:
    """Return those of the requests that wait whose resources are counted together, beginning with the earliest."""
    periods = {i: period_of(deciding, requests[i][1].at) for i, _ in waiting}
    earliest = min(waiting, key=lambda each: requests[each[0]][1].at)
    return [each for each in waiting if periods[each[0]] == periods[earliest[0]]]


def _decide_apart(
    work: UnitOfWork,
    deciding: Deciding,
    requests: Sequence[tuple[Person, Request]],
    prices: Prices | None,
) -> list[Decision]:
    """Decide for customers who are all different: one decision sees of another only what that left of resources."""
    met = subjects(work, [person for person, _ in requests])
    policies = [deciding.of(subject) for subject in met]
    asked = {
        product
        for policy, (_, request) in zip(policies, requests, strict=True)
        for product in policy.qualifier(request.placement).products
    }
    stock = work.stock(asked)
    cases = [
        Case(subject, person.profile, request, stock)
        for subject, (person, request) in zip(met, requests, strict=True)
    ]
    counted = count(work, deciding, min(request.at for _, request in requests))
    made: dict[int, Decision] = {}
    by_side: list[list[Decision]] = []
    for side, scarcity in zip(deciding.sides, scarcity_of(counted, deciding, prices), strict=True):
        mine = [number for number, policy in enumerate(policies) if policy is side.policy]
        by_side.append(decide_in_turn([cases[number] for number in mine], side.policy, scarcity))
        made.update(zip(mine, by_side[-1], strict=True))
    spend(work, counted, deciding, by_side, prices=prices)
    decisions = [made[number] for number in range(len(cases))]
    work.log_decisions(logged(decision) for decision in decisions)
    work.apply_all(
        (person, _events(person, decision, policy))
        for (person, _), decision, policy in zip(requests, decisions, policies, strict=True)
    )
    return decisions


def subjects(work: UnitOfWork, persons: Sequence[Person]) -> list[Subject]:
    """Return customers as decisions are about them."""
    met = work.assigned_nodes(persons)
    return [_subject(person, node) for person, node in zip(persons, met, strict=True)]


def _subject(person: Person, met_as: PersonId) -> Subject:
    return Subject(
        person_id=person.person_id,
        customer=person.external.value,
        version=person.version,
        arm=Arm(person.arm),
        met_as=PersonId(b"") if met_as == person.person_id else met_as,
    )


def logged(decision: Decision) -> LoggedDecision:
    """Return a decision as the log keeps it."""
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
            effect_id(decision.decision_id, slot),
            person.node_id,
            decision.at,
            decision.at,
            body,
        )
        for slot, body in enumerate(effects(decision, policy.catalogue))
    ]
