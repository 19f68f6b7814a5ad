"""A case: one request, and all that a decision about it is made from besides the policy."""

import msgspec

from cvo.actions.scarcity import NOTHING_SCARCE, Scarcity
from cvo.actions.stock import NO_STOCK, Stock
from cvo.decisions.decision import Request, Subject
from cvo.decisions.policy import Policy
from cvo.profiles.profile import Profile


class Case(msgspec.Struct, frozen=True):
    """One request with the customer it is about, the stock of the products that rules ask about, and what is scarce."""

    subject: Subject
    profile: Profile
    request: Request
    stock: Stock = NO_STOCK
    scarcity: Scarcity = NOTHING_SCARCE


def room_of(case: Case, policy: Policy) -> int:
    """Return how many slots there are to fill."""
    slots = policy.catalogue.placements[case.request.placement].slots
    return slots if case.request.limit is None else min(slots, case.request.limit)
