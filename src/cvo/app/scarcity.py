"""What is left of the company's resources, and at what price: counted in the commit of the decisions that use them.

While a rollout runs, what is left is split between the two policies by their shares of the customers. Out of one pot
the greedier one would take from the other, and the difference between them would no longer be what either does alone.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from cvo.actions.catalogue import Catalogue, Resource
from cvo.actions.scarcity import Scarcity
from cvo.budget import Pace, begin, paced
from cvo.core.clock import DAY, Instant
from cvo.core.random import keyed_uniform
from cvo.decisions.decision import Decision, Purpose
from cvo.decisions.policy import Deciding, Side
from cvo.decisions.turns import used
from cvo.storage.unit_of_work import UnitOfWork


class Counted(msgspec.Struct, frozen=True, array_like=True):
    """A resource in its period: when that began, what was used since, and the price in force.

    While two policies share it each has a pace of its own in `apart`, what runs first, `since` the `step` of the
    rollout or the period began.
    """

    began_at: Instant
    pace: Pace
    step: str = ""
    since: Instant = Instant(0)
    apart: tuple[Pace, ...] = ()

    @property
    def paces(self) -> tuple[Pace, ...]:
        """Return the pace of every side."""
        return self.apart or (self.pace,)


Count = dict[str, Counted]
Prices = Sequence[Mapping[str, float]]
"""The price of each resource, for every side."""


class Kept(Protocol):
    """Where the company's resources are kept: a unit of work, or a store that is only read."""

    def resources(self) -> dict[str, bytes]:
        """Return what is kept of each."""
        ...


def count(work: Kept, deciding: Deciding, at: Instant) -> Count:
    """Return how every resource stands that any side has; a period that is over gives its price to the next."""
    sides = deciding.sides
    resources = {name: each for side in sides[::-1] for name, each in side.policy.catalogue.resources.items()}
    if not resources:
        return {}
    kept = {name: msgspec.msgpack.decode(body, type=Counted) for name, body in work.resources().items()}
    return {name: _standing(name, kept.get(name), deciding, at) for name in resources}


def period_of(deciding: Deciding, at: Instant) -> tuple[int, ...]:
    """Return which period of every resource an instant lies in: use in two of them is not counted together."""
    lengths = {
        name: each.period_days * DAY
        for side in deciding.sides[::-1]
        for name, each in side.policy.catalogue.resources.items()
    }
    return tuple(at // lengths[name] for name in sorted(lengths))


def scarcity_of(counted: Count, deciding: Deciding, prices: Prices | None = None) -> list[Scarcity]:
    """Return what the decisions of each side see, at the prices in force or others that have been solved."""
    found = []
    for side in range(len(deciding.sides)):
        in_force = {name: each.paces[side].price for name, each in counted.items()}
        left = {name: max(each.paces[side].left, 0.0) for name, each in counted.items()}
        found.append(Scarcity(left, {**in_force, **(prices[side] if prices is not None else {})}))
    return found


def spend(
    work: UnitOfWork,
    counted: Count,
    deciding: Deciding,
    made: Sequence[Sequence[Decision]],
    *,
    prices: Prices | None = None,
) -> None:
    """Count what the live decisions `made` by each side used, and set the next prices.

    A price follows from how use compares with the plan, unless prices have been solved.
    """
    live = [[each for each in mine if each.purpose is Purpose.LIVE] for mine in made]
    if not counted or not any(live):
        return
    taken = [_taken(mine, side) for mine, side in zip(live, deciding.sides, strict=True)]
    at = max(decision.at for mine in live for decision in mine)
    for name, each in counted.items():
        period = _resource(name, deciding.sides).period_days * DAY
        uses = [mine.get(name, 0.0) for mine in taken]
        solved = None if prices is None else [mine.get(name) for mine in prices]
        work.put_resource(name, msgspec.msgpack.encode(_spent(each, uses, solved, period, at)))


def _taken(decisions: Sequence[Decision], side: Side) -> dict[str, float]:
    taken: dict[str, float] = {}
    for decision in decisions:
        for resource, use in used(decision, side.policy).items():
            taken[resource] = taken.get(resource, 0.0) + use
    return taken


def _spent(
    counted: Counted,
    uses: Sequence[float],
    solved: Sequence[float | None] | None,
    period: int,
    at: Instant,
) -> Counted:
    since = counted.since if counted.apart else counted.began_at
    elapsed = (at - since) / (counted.began_at + period - since)
    paces = []
    for number, (pace, use) in enumerate(zip(counted.paces, uses, strict=True)):
        if solved is None:
            paces.append(paced(pace, use, min(max(elapsed, pace.elapsed), 1.0)))
        else:
            wanted = solved[number]
            # A price of nothing could never rise again.
            price = max(pace.price if wanted is None else wanted, pace.first * 1e-4)
            paces.append(msgspec.structs.replace(pace, used=pace.used + use, price=price))
    if not counted.apart:
        return msgspec.structs.replace(counted, pace=paces[0])
    whole = msgspec.structs.replace(
        counted.pace,
        used=counted.pace.used + sum(uses),
        elapsed=min(max((at - counted.began_at) / period, counted.pace.elapsed), 1.0),
        price=paces[0].price,
    )
    return msgspec.structs.replace(counted, pace=whole, apart=tuple(paces))


def _standing(name: str, kept: Counted | None, deciding: Deciding, at: Instant) -> Counted:
    sides = deciding.sides
    resource, period = _resource(name, sides), _resource(name, sides).period_days * DAY
    began_at, capacity = Instant(at - at % period), float(resource.amount)
    if kept is not None and kept.began_at >= began_at:
        # What was used stays used when the amount is changed meanwhile.
        began_at = kept.began_at
        pace = msgspec.structs.replace(kept.pace, capacity=max(capacity, kept.pace.used))
    else:
        price = kept.pace.price if kept is not None else float(resource.price)
        pace = begin(capacity, price, grain=_grain(resource, sides[0].policy.catalogue))
    whole = Counted(began_at, pace)
    return whole if len(sides) == 1 else _apart(name, whole, kept, deciding, at)


def _apart(name: str, whole: Counted, kept: Counted | None, deciding: Deciding, at: Instant) -> Counted:
    """Return a resource as the sides share it; a step or period that is new splits what is left anew."""
    before = kept.apart if kept is not None else ()
    same_step = kept is not None and kept.apart != () and kept.step == deciding.step
    if kept is not None and same_step and kept.began_at == whole.began_at:
        return msgspec.structs.replace(kept, pace=whole.pace)
    since = whole.began_at if same_step else max(whole.began_at, at)
    prices = [each.price for each in before] or [whole.pace.price] * len(deciding.sides)
    paces = tuple(
        begin(capacity, price, grain=whole.pace.grain)
        for capacity, price in zip(_parts(name, whole, deciding, since), prices, strict=True)
    )
    return Counted(whole.began_at, whole.pace, deciding.step, Instant(since), paces)


def _parts(name: str, whole: Counted, deciding: Deciding, since: Instant) -> tuple[float, float]:
    """Return how much each side has: its share of what is left, by its own catalogue.

    A share of 1 % may be less than one call takes, and whoever can never call is not the policy that calls. The
    candidate gets whole uses, by a coin that makes them its share in the long run; what runs gets the rest.
    """
    running, candidate = deciding.sides
    whole_of = [_left(name, side, whole, deciding) for side in deciding.sides]
    mine, its = running.share * whole_of[0], candidate.share * whole_of[1]
    one = candidate.policy.dearest_uses.get(name, 0.0)
    if one <= 0.0:
        return mine, its
    key = (running.policy.settings.seed, "share", deciding.step, name, int(since))
    pieces, rest = divmod(its, one)
    given = min(one * (pieces + (keyed_uniform(*key) < rest / one)), max(whole_of))
    return max(mine + its - given, 0.0), given


def _left(name: str, side: Side, whole: Counted, deciding: Deciding) -> float:
    resource = side.policy.catalogue.resources.get(name)
    if resource is None:
        return 0.0
    # The clock is that of what runs; an amount for longer is less for that time.
    days = _resource(name, deciding.sides).period_days
    return max(float(resource.amount) * days / resource.period_days - whole.pace.used, 0.0)


def _resource(name: str, sides: Sequence[Side]) -> Resource:
    return next(
        side.policy.catalogue.resources[name] for side in sides if name in side.policy.catalogue.resources
    )


def _grain(resource: Resource, catalogue: Catalogue) -> float:
    if resource.unit != "money":
        return float(resource.use)
    costs = [float(action.contact_cost) for action in catalogue.actions.values() if action.contact_cost > 0]
    return sum(costs) / len(costs) if costs else 1.0
