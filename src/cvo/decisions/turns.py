"""Several decisions that draw on the same resources: each sees what those before it left.

They are decided together as long as there is enough of everything for any decision, which is nearly always. After a
decision that leaves less than that, or takes of what a rule of the catalogue asks about, the rest is decided anew, with
what is left.
"""

import math
from collections.abc import Sequence

import msgspec

from cvo.actions.scarcity import Scarcity
from cvo.decisions.case import Case
from cvo.decisions.decide import decide_all
from cvo.decisions.decision import Decision, Purpose
from cvo.decisions.policy import Policy
from cvo.events.event import Delivery

_AHEAD = 64
"""Cases decided together at first, and one once something became scarce; then twice as many each time nothing does."""


def decide_in_turn(cases: Sequence[Case], policy: Policy, scarcity: Scarcity) -> list[Decision]:
    """Decide many cases in their order; no resource is overrun."""
    if not scarcity.left:
        return decide_all(cases, policy)
    made: list[Decision] = []
    most, ahead = _most(policy), _AHEAD
    while len(made) < len(cases):
        start, before = len(made), scarcity
        rest = [msgspec.structs.replace(case, scarcity=scarcity) for case in cases[start : start + ahead]]
        ahead *= 2
        for decision in decide_all(rest, policy):
            made.append(decision)
            scarcity = scarcity.less(used(decision, policy))
            if any(scarcity.left_of(r) < min(before.left_of(r), need) for r, need in most.items()):
                ahead = 1
                break
    return made


def used(decision: Decision, policy: Policy) -> dict[str, float]:
    """Return what a decision takes of each resource: what is withheld or rehearsed takes nothing."""
    uses = policy.qualifier(decision.placement).uses
    taken: dict[str, float] = {}
    for slot in decision.slots:
        if slot.delivery is Delivery.DELIVERED and decision.purpose is Purpose.LIVE:
            for resource, use in uses.get(slot.chosen, {}).items():
                taken[resource] = taken.get(resource, 0.0) + use
    return taken


def _most(policy: Policy) -> dict[str, float]:
    """Return the most that one decision could take of each resource: the dearest action in every slot.

    A rule may refuse at any level of what it watches, so of that each use counts.
    """
    slots = max(placement.slots for placement in policy.catalogue.placements.values())
    most = {resource: use * slots for resource, use in policy.dearest_uses.items()}
    return {**most, **dict.fromkeys(policy.kept_back, math.inf)}
