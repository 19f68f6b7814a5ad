"""What a live decision does to the facts: an event a slot, as the profile and the ledger will read it."""

from decimal import Decimal
from functools import lru_cache

from cvo.actions.catalogue import Catalogue
from cvo.core.ids import DecisionId, EventId
from cvo.core.money import Money
from cvo.core.random import keyed_bytes
from cvo.decisions.decision import Decision, Purpose, Slot
from cvo.events.event import Decided, Event


def effects(decision: Decision, catalogue: Catalogue) -> list[Decided]:
    """Return the facts a decision leaves behind: none for a rehearsal."""
    if decision.purpose is not Purpose.LIVE:
        return []
    return [_decided(decision, slot, catalogue) for slot in decision.slots]


def effect_id(decision_id: DecisionId, slot: int) -> EventId:
    """Return the id of the fact that a slot of our own decision leaves behind.

    Slots share the decision's time; the end of the id keeps them in order in the log.
    """
    return EventId(keyed_bytes("decided", decision_id, size=14) + slot.to_bytes(2, "big"))


def is_own(event: Event) -> bool:
    """Tell whether a fact is an effect of our own decision, and not of one recorded elsewhere."""
    body = event.body
    return isinstance(body, Decided) and event.event_id[:14] == effect_id(body.decision_id, 0)[:14]


def _decided(decision: Decision, slot: Slot, catalogue: Catalogue) -> Decided:
    action = catalogue.actions.get(slot.chosen)
    cost = _minor_units(action.contact_cost, decision.currency) if action else 0.0
    return Decided(
        decision_id=decision.decision_id,
        placement=decision.placement,
        channel=decision.channel,
        action=slot.chosen or None,
        team=action.team if action else None,
        stage=action.stage.value if action else None,
        delivery=slot.delivery,
        propensity=slot.propensity,
        options=slot.delivered_with,
        contact_cost_minor=cost,
        currency=decision.currency,
        creative=slot.creative or "",
    )


@lru_cache(maxsize=4096)
def _minor_units(amount: Decimal, currency: str) -> float:
    return Money(amount, currency).minor_units()
