"""The drive: touches of the world become requests, decisions become contacts, outcomes come back as messages."""

import heapq
from collections.abc import Callable, Iterable
from itertools import count

import numpy as np

from cvo.app.company import Company
from cvo.app.decide import decide_in
from cvo.app.ingest import Ingested, ingest
from cvo.app.learn import learn
from cvo.app.simulate.company import OWNER, margin_rate
from cvo.app.simulate.messages import START, Sender, Sent, met_as, moment
from cvo.app.state import keep_policy, running_policy
from cvo.core.clock import FixedClock, Instant
from cvo.decisions.decision import Decision, Request
from cvo.decisions.policy import Policy
from cvo.events.event import Delivery
from cvo.simulate import NOTHING, Step, Touches, World, advance, begin, touches
from cvo.simulate.draws import Ints

Way = Callable[[Company], Policy]
"""What decides from now on; asked at first, and at the end of every week."""


_TOGETHER = 250
"""Requests decided at a time: prices of what is scarce are set anew in between."""


def learned(company: Company) -> Policy:
    """Learn from the log so far, once there is one, and return the company's own policy."""
    if company.clock.now() > START:
        learn(company, OWNER)
    return running_policy(company.store, company.config.settings)


class Drive:
    """A company and the world it is in, one week after the other."""

    def __init__(self, company: Company, clock: FixedClock, world: World, way: Way = learned) -> None:
        self._company, self._clock, self._world, self._way = company, clock, world, way
        self._sender = Sender(world, margin_rate(world.scenario))
        self._state = begin(world)
        self._numbers = {action.name: number for number, action in enumerate(world.scenario.actions)}
        self._underway: list[tuple[Instant, int, Sent]] = []
        self._order = count()
        self.steps: list[Step] = []
        self.decisions = 0
        self.deliveries = dict.fromkeys(Delivery, 0)
        self.ingested = Ingested(0, 0, {})
        self._policy = way(company)
        self._send(self._sender.known_before())

    def week(self, number: int) -> None:
        """Let a week pass; at its end the way of deciding may change."""
        scenario, fees = self._world.scenario, np.zeros(self._world.people.count)
        for _ in range(scenario.steps_per_week):
            self._receive(moment(scenario.step_days * self._state.step))
            fees += self._step().fees
        self._send(self._sender.fees(number, fees))
        self._receive(moment(7 * (number + 1)))
        self._policy = self._way(self._company)

    def rest(self, until: Instant) -> None:
        """Receive what is still to come up to a time, deciding nothing."""
        self._receive(until)
        learn(self._company, OWNER)

    def _step(self) -> Step:
        met = touches(self._world, self._state)
        decided = self._decide(met)
        self._state, step = advance(self._world, self._state, met, self._shown(decided))
        self.steps.append(step)
        self._send(self._sender.of_step(step, [decision.decision_id for decision in decided]))
        return step

    def _decide(self, met: Touches) -> list[Decision]:
        """Decide at every touch, in the order of time; return the decisions in the order of touches."""
        channels = self._world.scenario.channels
        order = np.argsort(met.at_days, kind="stable").tolist()
        asked = [
            (
                met_as(met, touch),
                Request(placement=channels[met.channel[touch]].name, at=moment(float(met.at_days[touch]))),
            )
            for touch in order
        ]
        decided: dict[int, Decision] = {}
        for start in range(0, len(asked), _TOGETHER):
            part = slice(start, start + _TOGETHER)
            with self._company.store.unit_of_work() as work:
                keep_policy(work, self._policy)
                decided.update(zip(order[part], decide_in(work, self._policy, asked[part]), strict=True))
        self.decisions += len(decided)
        return [decided[touch] for touch in range(len(asked))]

    def _shown(self, decided: list[Decision]) -> Ints:
        shown = np.full(len(decided), NOTHING, dtype=np.int64)
        for touch, decision in enumerate(decided):
            slot = decision.slots[0]
            self.deliveries[slot.delivery] += 1
            if slot.delivery is Delivery.DELIVERED:
                shown[touch] = self._numbers[slot.chosen]
        return shown

    def _send(self, messages: Iterable[Sent]) -> None:
        for sent in messages:
            heapq.heappush(self._underway, (sent.at, next(self._order), sent))

    def _receive(self, now: Instant) -> None:
        """Take in what has reached the company by now."""
        self._clock.at = now
        arrived = []
        while self._underway and self._underway[0][0] <= now:
            arrived.append(heapq.heappop(self._underway)[2].message)
        if arrived:
            self.ingested = _sum(self.ingested, ingest(self._company, arrived))


def _sum(first: Ingested, second: Ingested) -> Ingested:
    refused = {
        reason: first.refused.get(reason, 0) + second.refused.get(reason, 0)
        for reason in sorted(first.refused.keys() | second.refused.keys())
    }
    return Ingested(first.accepted + second.accepted, first.duplicates + second.duplicates, refused)
