"""What is left of the company's resources, and at what price: counted in the commit of the decisions that use them."""

from collections.abc import Iterable, Mapping

import msgspec

from cvo.actions.catalogue import Catalogue, Resource
from cvo.actions.scarcity import Scarcity
from cvo.budget import Pace, begin, paced
from cvo.core.clock import DAY, Instant
from cvo.decisions.decision import Decision, Purpose
from cvo.decisions.policy import Deciding, Policy
from cvo.decisions.turns import used
from cvo.storage.unit_of_work import UnitOfWork


class Counted(msgspec.Struct, frozen=True, array_like=True):
    """A resource in its period: when that began, what was used since, and the price in force."""

    began_at: Instant
    pace: Pace


Count = dict[str, Counted]


def count(work: UnitOfWork, catalogue: Catalogue, at: Instant) -> Count:
    """Return how every resource of the catalogue stands; a period that is over gives its price to the next."""
    if not catalogue.resources:
        return {}
    kept = {name: msgspec.msgpack.decode(body, type=Counted) for name, body in work.resources().items()}
    return {
        name: _standing(resource, kept.get(name), catalogue, at)
        for name, resource in catalogue.resources.items()
    }


def counted_in(deciding: Deciding) -> Catalogue:
    """Return the running catalogue with the resources that only the candidate of a rollout has: all are counted."""
    running, *others = (policy.catalogue for policy in deciding.policies)
    if all(other.resources.keys() <= running.resources.keys() for other in others):
        return running
    every = {name: each for other in others for name, each in other.resources.items()}
    return msgspec.structs.replace(running, resources={**every, **running.resources})


def scarcity_of(counted: Count, prices: Mapping[str, float] | None = None) -> Scarcity:
    """Return what decisions see, at the prices in force or others that have been solved."""
    in_force = {name: each.pace.price for name, each in counted.items()}
    left = {name: max(each.pace.left, 0.0) for name, each in counted.items()}
    return Scarcity(left, {**in_force, **(prices or {})})


def spend(
    work: UnitOfWork,
    counted: Count,
    catalogue: Catalogue,
    made: Iterable[tuple[Decision, Policy]],
    *,
    prices: Mapping[str, float] | None = None,
) -> None:
    """Count what live decisions used, and set the next prices: by how that compares with the plan, or those solved."""
    decided = [each for each in made if each[0].purpose is Purpose.LIVE]
    if not counted or not decided:
        return
    taken: dict[str, float] = {}
    for decision, policy in decided:
        for resource, use in used(decision, policy).items():
            taken[resource] = taken.get(resource, 0.0) + use
    at = max(decision.at for decision, _ in decided)
    for name, each in counted.items():
        use = taken.get(name, 0.0)
        if prices is not None:
            # A price of nothing could never rise again.
            price = max(prices.get(name, each.pace.price), each.pace.first * 1e-4)
            pace = msgspec.structs.replace(each.pace, used=each.pace.used + use, price=price)
        else:
            elapsed = (at - each.began_at) / (catalogue.resources[name].period_days * DAY)
            pace = paced(each.pace, use, min(max(elapsed, each.pace.elapsed), 1.0))
        work.put_resource(name, msgspec.msgpack.encode(Counted(each.began_at, pace)))


def _standing(resource: Resource, kept: Counted | None, catalogue: Catalogue, at: Instant) -> Counted:
    period = resource.period_days * DAY
    began_at = Instant(at - at % period)
    capacity = float(resource.amount)
    if kept is not None and kept.began_at >= began_at:
        # What was used stays used when the amount is changed meanwhile.
        pace = msgspec.structs.replace(kept.pace, capacity=max(capacity, kept.pace.used))
        return Counted(kept.began_at, pace)
    price = kept.pace.price if kept is not None else float(resource.price)
    return Counted(began_at, begin(capacity, price, grain=_grain(resource, catalogue)))


def _grain(resource: Resource, catalogue: Catalogue) -> float:
    if resource.unit != "money":
        return float(resource.use)
    costs = [float(action.contact_cost) for action in catalogue.actions.values() if action.contact_cost > 0]
    return sum(costs) / len(costs) if costs else 1.0
