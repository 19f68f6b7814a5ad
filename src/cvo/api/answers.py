"""What decisions look like on the wire."""

from functools import lru_cache
from typing import Any

import msgspec

from cvo.actions.catalogue import Catalogue
from cvo.actions.qualify import Refusal
from cvo.core.clock import format_rfc3339
from cvo.core.digest import digest
from cvo.decisions.decision import Candidate, Decision, Slot
from cvo.events.event import Delivery


class Wire(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """Base of what is sent: field names in camel case."""


class Amount(Wire, frozen=True):
    """An expected amount of money."""

    amount: float
    currency: str


class Content(Wire, frozen=True):
    """One part of a creative."""

    content: str
    attributes: dict[str, str | float | bool]


class Item(Wire, frozen=True):
    """What to show in one slot, best first."""

    rank: int
    action: str
    creative: str
    content: dict[str, Content]
    propensity: float
    expected_value: Amount
    grade: str


class Answer(Wire, frozen=True, omit_defaults=True):
    """The answer to a request for a decision; `items` is empty for those who get the baseline."""

    decision_id: str
    customer_id: str
    made_at: str
    arm: str
    policy_version: str
    items: list[Item]
    explanation: "Explanation | msgspec.UnsetType" = msgspec.UNSET


class Refused(Wire, frozen=True):
    """The rule that refuses an action, and when a rest that refuses ends."""

    tier: str
    rule: str
    until: str | None = None


class Considered(Wire, frozen=True, omit_defaults=True):
    """One action of the catalogue: refused by a rule, or scored term by term in the decision's currency.

    One that `comes_with` the first action of its bundle has the terms of the whole bundle.
    """

    action: str
    refused_by: Refused | None
    terms: dict[str, Any] | None
    comes_with: str | None = None


class SlotRecord(Wire, frozen=True):
    """How one slot was drawn: every option with the policy's and the delivered probability."""

    rank: int
    options: list[str]
    propensities: list[float]
    delivery_probabilities: list[float]
    draw: float
    chosen: str
    creative: str | None
    coin: float | None
    delivery: str
    creative_propensity: float


class Explanation(Wire, frozen=True):
    """Every action with its reasons, and every draw."""

    actions: list[Considered]
    slots: list[SlotRecord]


class Record(Wire, frozen=True):
    """A decision as it was logged."""

    decision_id: str
    customer_id: str
    made_at: str
    placement: str
    channel: str
    purpose: str
    context: dict[str, Any]
    arm: str
    policy_version: str
    pins: dict[str, Any]
    currency: str
    items: list[Item]
    explanation: Explanation


class Replayed(Wire, frozen=True):
    """Whether a decision, made again from the log, came out the same; else where it differs."""

    identical: bool
    differences: list[str]


def policy_version(decision: Decision) -> str:
    """Return a short name for everything but the customer that a decision depends on."""
    pins = decision.pins
    return _short(pins.catalogue, pins.models, pins.settings)


@lru_cache(maxsize=64)
def _short(*versions: str) -> str:
    return digest(versions)[:16]


# Decisions of one transaction share their time.
_time = lru_cache(maxsize=256)(format_rfc3339)


def answer(decision: Decision, catalogue: Catalogue, *, explain: bool = False) -> Answer:
    """Return the answer a decision is; `catalogue` is the one it pins."""
    return Answer(
        decision_id=decision.decision_id,
        customer_id=decision.customer,
        made_at=_time(decision.at),
        arm=decision.arm.value,
        policy_version=policy_version(decision),
        items=items(decision, catalogue),
        explanation=explanation(decision) if explain else msgspec.UNSET,
    )


def record(decision: Decision, catalogue: Catalogue) -> Record:
    """Return everything that was logged of a decision."""
    return Record(
        decision_id=decision.decision_id,
        customer_id=decision.customer,
        made_at=_time(decision.at),
        placement=decision.placement,
        channel=decision.channel,
        purpose=decision.purpose.value,
        context=dict(decision.context),
        arm=decision.arm.value,
        policy_version=policy_version(decision),
        pins=_camel(msgspec.structs.asdict(decision.pins)),
        currency=decision.currency,
        items=items(decision, catalogue),
        explanation=explanation(decision),
    )


def items(decision: Decision, catalogue: Catalogue) -> list[Item]:
    """Return what is delivered; a slot that is withheld, or gets nothing, has no item."""
    return [
        _item(decision, slot, catalogue) for slot in decision.slots if slot.delivery is Delivery.DELIVERED
    ]


def explanation(decision: Decision) -> Explanation:
    """Return every action with its reasons, and every draw."""
    return Explanation(
        actions=[
            Considered(
                action=each.action,
                refused_by=_refused(each.refusal) if each.refusal else None,
                terms=_camel(msgspec.structs.asdict(each.terms)) if each.terms else None,
                comes_with=_lead(decision, each),
            )
            for each in decision.candidates
        ],
        slots=[SlotRecord(**(slot.plain() | {"delivery": slot.delivery.value})) for slot in decision.slots],
    )


def _lead(decision: Decision, candidate: Candidate) -> str | None:
    lead = candidate.action if candidate.terms is None else decision.scored.lead(candidate.action)
    return None if lead == candidate.action else lead


def _refused(refusal: Refusal) -> Refused:
    return Refused(
        tier=refusal.tier,
        rule=refusal.rule,
        until=None if refusal.until is None else _time(refusal.until),
    )


def _item(decision: Decision, slot: Slot, catalogue: Catalogue) -> Item:
    scored = decision.scored
    position, leads = scored.actions.index(slot.chosen), scored.lead(slot.chosen) == slot.chosen
    creative = slot.creative or ""
    parts = catalogue.actions[slot.chosen].creatives[creative].parts
    return Item(
        rank=slot.rank,
        action=slot.chosen,
        creative=creative,
        content={
            name: Content(content=part.content, attributes=part.attributes) for name, part in parts.items()
        },
        propensity=slot.propensity,
        expected_value=Amount(amount=scored.worth()[position] if leads else 0.0, currency=decision.currency),
        grade=scored.grade[position],
    )


def _camel(fields: dict[str, Any]) -> dict[str, Any]:
    def name(key: str) -> str:
        head, *rest = key.split("_")
        return head + "".join(part.capitalize() for part in rest)

    return {name(key): value for key, value in fields.items()}
