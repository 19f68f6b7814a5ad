"""Customers for whom nothing the company could do was worth doing: where products or services are missing."""

from collections import Counter

import msgspec

from cvo.app.company import Company
from cvo.app.records import records
from cvo.app.value.programme import Facts
from cvo.core.clock import Instant
from cvo.core.evidence import NotEstimable
from cvo.core.ids import PersonId
from cvo.decisions.decision import Arm, Decision, Purpose

NOT_WORTH_IT = "qualified actions would cost more than they bring"


class Group(msgspec.Struct, frozen=True):
    """Under-served customers with one reason: the rule that refused most actions, or that none was worth it."""

    because: str
    customers: int


class Underserved(msgspec.Struct, frozen=True, kw_only=True):
    """Of the treated customers decided for in the period, those whose latest decision had no action worth doing.

    Worth is the score that the decision went by, of the model of that time; groups come largest first.
    """

    customers: int
    decided_for: int
    groups: list[Group]


def underserved(company: Company, facts: Facts) -> Underserved | NotEstimable:
    """Read the latest live decision of every treated customer in the period."""
    # A decision stays under the id it was made for; who that was is in the facts, once for all ids of a customer.
    whose = dict(facts.tables.decisions.select("decision_id", "person_id").iter_rows())
    treated = {person.person_id for person in company.store.persons() if person.arm == Arm.TREATED}
    latest: dict[PersonId, tuple[Instant, bytes]] = {}
    for logged in company.store.decisions(Purpose.LIVE):
        customer = PersonId(whose.get(logged.decision_id, b""))
        if customer not in treated or not facts.since <= logged.at <= facts.as_of:
            continue
        known = latest.get(customer)
        if known is None or known[0] <= logged.at:
            latest[customer] = logged.at, logged.body
    made = map(records(company.store), (body for _, body in latest.values()))
    reasons = Counter(because for each in made if (because := _because(each)) is not None)
    decided_for = len(latest)
    if not decided_for:
        return NotEstimable("no live decisions", "nobody was decided for in this period")
    ranked = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    return Underserved(
        customers=sum(reasons.values()),
        decided_for=decided_for,
        groups=[Group(because, customers) for because, customers in ranked],
    )


def _because(decision: Decision) -> str | None:
    """Return why a decision had nothing worth doing, or `None` where it had."""
    scores = decision.scored.worth()
    if decision.scored.actions:
        return None if max(scores, default=0.0) > 0 else NOT_WORTH_IT
    refusals = Counter(refusal.rule for refusal in decision.refused.values())
    # Where the catalogue is empty there is no rule either.
    return min(refusals, key=lambda rule: (-refusals[rule], rule), default="there is no action at all")
