"""What is scarce while the log is asked again: as it was then or, where a change is about that, as it would have been.

A resource that the change touches is paced anew along the log, for what runs and for what is proposed alike: each uses
what it is expected to use, at prices that follow from that and from how many decisions are still to come.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec
import numpy as np

from cvo.actions.catalogue import Catalogue, Resource
from cvo.actions.scarcity import Scarcity, uses
from cvo.app.what_if.log import Log
from cvo.budget import Pace, begin, paced
from cvo.core.clock import DAY, Instant
from cvo.decisions.case import Case
from cvo.decisions.decision import Decision

_AT_A_TIME = 16
"""Decisions of a paced log that see the same prices."""


class Walk:
    """Goes along a log with one policy, and knows what every decision of it finds scarce.

    Of `anew` it tells by what the policy uses; everything else is as it was. `prices` hold in place of any other.
    """

    def __init__(
        self,
        log: Log,
        catalogue: Catalogue,
        *,
        anew: Iterable[str] = (),
        prices: Mapping[str, float] | None = None,
    ) -> None:
        self._catalogue, self._prices = catalogue, dict(prices or {})
        self._anew = {name: catalogue.resources[name] for name in anew if name in catalogue.resources}
        self._paces: dict[str, tuple[Instant, Pace]] = {}
        self._asked: dict[str, int] = {}
        self._to_ask = {
            name: Counter(at // (each.period_days * DAY) for at in log.at)
            for name, each in self._anew.items()
        }
        self._share = {name: self._shares(log, name) for name in self._anew}
        self._charged: dict[str, list[float]] = {}

    @property
    def at_a_time(self) -> int | None:
        """Return how many decisions may be asked at once, in the order of time; `None` for all."""
        return _AT_A_TIME if self._anew else None

    def seen(self, case: Case) -> Case:
        """Return the case with what is scarce in it."""
        now = case.scarcity
        if not (self._anew or self._prices or now.price):
            return case
        paces = {name: self._pace(name, case).left for name in self._anew}
        in_force = {name: self._paces[name][1].price for name in self._anew}
        scarcity = Scarcity({**now.left, **paces}, {**now.price, **in_force, **self._prices})
        for name in self._catalogue.resources:
            if name in scarcity.price:
                self._charged.setdefault(name, []).append(scarcity.price[name])
        return msgspec.structs.replace(case, scarcity=scarcity)

    def took(self, decisions: Sequence[Decision]) -> None:
        """Count what decisions are expected to use, in the order of time, and set the next prices."""
        if not self._anew or not decisions:
            return
        taken = dict.fromkeys(self._anew, 0.0)
        for decision in decisions:
            for name, use in self._expected(decision).items():
                taken[name] += use
        for name, use in taken.items():
            began_at, pace = self._paces[name]
            self._asked[name] += len(decisions)
            # By how many were asked, not by the clock: a run asks about everybody in one moment.
            all_of_it = self._to_ask[name][began_at // (self._anew[name].period_days * DAY)]
            elapsed = min(max(self._asked[name] / all_of_it, pace.elapsed), 1.0)
            self._paces[name] = began_at, paced(pace, min(use, max(pace.left, 0.0)), elapsed)

    def charged(self) -> dict[str, float]:
        """Return the mean price of a unit of each resource, over the decisions that saw one."""
        return {name: sum(prices) / len(prices) for name, prices in sorted(self._charged.items())}

    def _pace(self, name: str, case: Case) -> Pace:
        resource, at = self._anew[name], case.request.at
        period = resource.period_days * DAY
        before = self._paces.get(name)
        if before is None or at - before[0] >= period:
            price = before[1].price if before else case.scarcity.price.get(name, float(resource.price))
            began_at = Instant(at - at % period)
            # Not all decisions are scored; those that are get their part of what there is.
            capacity = float(resource.amount) * self._share[name][began_at // period]
            grain = float(resource.use) if resource.unit != "money" else self._mean_cost()
            self._paces[name] = began_at, begin(capacity, price, grain=grain)
            self._asked[name] = 0
        return self._paces[name][1]

    def _expected(self, decision: Decision) -> dict[str, float]:
        found: dict[str, float] = {}
        for slot in decision.slots:
            for option, chance in zip(slot.options[:-1], slot.delivery_probabilities[:-1], strict=True):
                for name, use in self._uses(option, decision.channel).items():
                    found[name] = found.get(name, 0.0) + chance * use
        return found

    def _uses(self, action: str, channel: str) -> dict[str, float]:
        known = self._catalogue.actions.get(action)
        every = {} if known is None else uses(action, known, self._catalogue, channel)
        return {name: use for name, use in every.items() if name in self._anew}

    def _shares(self, log: Log, name: str) -> dict[int, float]:
        """Return for every period the share of a resource that its scored decisions would have used.

        That is the share of decisions, times how much more of it a scored decision used than any; which of them
        used it in a period is not looked at, so that nothing asked here depends on its own draw.
        """

        def used(deliveries: Mapping[tuple[str, str], int]) -> float:
            return sum(
                count * self._uses(action, self._channel(placement)).get(name, 0.0)
                for (placement, action), count in deliveries.items()
            )

        every, scored = used(log.deliveries), used(log.scored_deliveries)
        usual = len(log.cases) / len(log.asked_at)
        greed = scored / every / usual if scored > 0 else 1.0
        period = self._anew[name].period_days * DAY
        asked, counts = np.unique(log.asked_at // period, return_counts=True)
        mine = Counter(at // period for at in log.at)
        return {
            number: min(1.0, greed * mine[number] / count)
            for number, count in zip(asked.tolist(), counts.tolist(), strict=True)
        }

    def _channel(self, placement: str) -> str:
        known = self._catalogue.placements.get(placement)
        return "" if known is None else known.channel

    def _mean_cost(self) -> float:
        costs = [
            float(each.contact_cost) for each in self._catalogue.actions.values() if each.contact_cost > 0
        ]
        return sum(costs) / len(costs) if costs else 1.0


def touched(before: Mapping[str, Resource], after: Mapping[str, Resource]) -> frozenset[str]:
    """Return the resources that a change adds, takes away or alters."""
    return frozenset(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
