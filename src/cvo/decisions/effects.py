"""What a live decision does to the facts: an event a slot, as the profile and the ledger will read it."""

from decimal import Decimal
from functools import lru_cache

from cvo.actions.catalogue import Catalogue
from cvo.core.money import Money
from cvo.decisions.decision import Decision, Purpose, Slot
from cvo.events.event import Decided


def effects(decision: Decision, catalogue: Catalogue) -> list[Decided]:
    """Return the facts a decision leaves behind: none for a rehearsal."""
    if decision.purpose is not Purpose.LIVE:
        return []
    return [_decided(decision, slot, catalogue) for slot in decision.slots]


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
        options=dict(zip(slot.options, slot.delivery_probabilities, strict=True)),
        contact_cost_minor=cost,
        currency=decision.currency,
        creative=slot.creative or "",
    )


@lru_cache(maxsize=4096)
def _minor_units(amount: Decimal, currency: str) -> float:
    return Money(amount, currency).minor_units()
