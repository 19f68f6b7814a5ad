"""Several decisions that draw on the same resources: each sees what those before it left.

They are decided together as long as nothing runs out, which is nearly always; from the first decision after which
something no longer reaches for some action, the rest is decided anew, without it.
"""

from collections.abc import Sequence

import msgspec

from cvo.actions.scarcity import Scarcity
from cvo.decisions.decide import Case
from cvo.decisions.decision import Decision, Purpose
from cvo.decisions.policy import Policy
from cvo.decisions.split import decide_each
from cvo.events.event import Delivery


def decide_in_turn(cases: Sequence[Case], policies: Sequence[Policy], scarcity: Scarcity) -> list[Decision]:
    """Decide many cases, each with its own policy, in their order; no resource is overrun."""
    if not scarcity.left:
        return decide_each(cases, policies)
    made: list[Decision] = []
    while len(made) < len(cases):
        start = len(made)
        rest = [msgspec.structs.replace(case, scarcity=scarcity) for case in cases[start:]]
        before = scarcity
        for decision, policy in zip(decide_each(rest, policies[start:]), policies[start:], strict=True):
            made.append(decision)
            scarcity = scarcity.less(used(decision, policy))
            if _runs_out(before, scarcity, policies):
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


def _runs_out(before: Scarcity, after: Scarcity, policies: Sequence[Policy]) -> bool:
    """Tell whether an action for which there was enough can no longer be done."""
    if before.left == after.left:
        return False
    return any(
        after.left_of(resource) < use <= before.left_of(resource)
        for policy in {id(policy): policy for policy in policies}.values()
        for resource, use in policy.all_uses
    )
