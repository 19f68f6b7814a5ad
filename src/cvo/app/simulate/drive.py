"""The drive: touches of the world become requests, decisions become contacts, outcomes come back as messages."""

import heapq
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import Any, NamedTuple, Protocol

import numpy as np

from cvo.app.company import Company
from cvo.app.decide import decide_in
from cvo.app.ingest import Ingested, ingest
from cvo.app.learn import learn
from cvo.app.simulate.company import OWNER, margin_rate
from cvo.app.simulate.messages import START, Sender, Sent, met_as, moment
from cvo.app.state import keep_policy, running_policy
from cvo.core.clock import FixedClock, Instant
from cvo.decisions.decision import Request, Slot
from cvo.decisions.policy import Policy
from cvo.events.event import Delivery
from cvo.events.message import ExternalId
from cvo.simulate import NOTHING, Step, Touches, World, advance, begin, touches

Way = Callable[[Company], Policy]
"""What decides from now on; asked at first, and at the end of every week."""


_TOGETHER = 250
"""Requests decided at a time: prices of what is scarce are set anew in between."""

Asked = tuple[ExternalId, Request]


class Made(NamedTuple):
    """What came of a request: the decision, and the action that the customer gets, if any."""

    decision_id: str
    action: str


class Doors(Protocol):
    """Where a simulated world meets a company: requests, messages, and that time goes by."""

    def decide(self, asked: Sequence[Asked]) -> list[Made]:
        """Answer requests, in the order of time."""
        ...

    def take_in(self, messages: Sequence[dict[str, Any]], now: Instant) -> Ingested:
        """Take messages in that have arrived by now; there may be none."""
        ...

    def week_is_over(self) -> None:
        """Know that a week has passed."""
        ...


def learned(company: Company) -> Policy:
    """Learn from the log so far, once there is one, and return the company's own policy."""
    if company.clock.now() > START:
        learn(company, OWNER)
    return running_policy(company.store, company.config.settings)


class OwnDoors:
    """A company that is open here, with a way of deciding that may change at the end of every week."""

    def __init__(self, company: Company, clock: FixedClock, way: Way = learned) -> None:
        self._company, self._clock, self._way = company, clock, way
        self._policy = way(company)

    def decide(self, asked: Sequence[Asked]) -> list[Made]:
        """Answer requests some at a time."""
        made: list[Made] = []
        for start in range(0, len(asked), _TOGETHER):
            with self._company.store.unit_of_work() as work:
                keep_policy(work, self._policy)
                decided = decide_in(work, self._policy, asked[start : start + _TOGETHER])
            made += [Made(each.decision_id, _shown(each.slots[0])) for each in decided]
        return made

    def take_in(self, messages: Sequence[dict[str, Any]], now: Instant) -> Ingested:
        """Take messages in at this time."""
        self._clock.at = now
        return ingest(self._company, messages) if messages else _NONE

    def week_is_over(self) -> None:
        """Decide from now on as the way says."""
        self._policy = self._way(self._company)


def _shown(slot: Slot) -> str:
    return slot.chosen if slot.delivery is Delivery.DELIVERED else ""


class Drive:
    """A company, behind its doors, and the world it is in, one week after the other."""

    def __init__(self, doors: Doors, world: World) -> None:
        self._doors, self._world = doors, world
        self._sender = Sender(world, margin_rate(world.scenario))
        self._state = begin(world)
        self._numbers = {action.name: number for number, action in enumerate(world.scenario.actions)}
        self._underway: list[tuple[Instant, int, Sent]] = []
        self._order = count()
        self.steps: list[Step] = []
        self.ingested = _NONE
        self._send(self._sender.known_before())

    def week(self, number: int) -> None:
        """Let a week pass; at its end the way of deciding may change."""
        scenario, fees = self._world.scenario, np.zeros(self._world.people.count)
        for _ in range(scenario.steps_per_week):
            self._receive(moment(scenario.step_days * self._state.step))
            fees += self._step().fees
        self._send(self._sender.fees(number, fees))
        self._receive(moment(7 * (number + 1)))
        self._doors.week_is_over()

    def rest(self, until: Instant) -> None:
        """Receive what is still to come up to a time, deciding nothing."""
        self._receive(until)

    def _step(self) -> Step:
        met = touches(self._world, self._state)
        made = self._decide(met)
        shown = np.array(
            [self._numbers[each.action] if each.action else NOTHING for each in made], dtype=np.int64
        )
        self._state, step = advance(self._world, self._state, met, shown)
        self.steps.append(step)
        self._send(self._sender.of_step(step, [each.decision_id for each in made]))
        return step

    def _decide(self, met: Touches) -> list[Made]:
        """Decide at every touch, in the order of time; return what came of it in the order of touches."""
        channels = self._world.scenario.channels
        order = np.argsort(met.at_days, kind="stable").tolist()
        asked = [
            (
                met_as(met, touch),
                Request(placement=channels[met.channel[touch]].name, at=moment(float(met.at_days[touch]))),
            )
            for touch in order
        ]
        made = dict(zip(order, self._doors.decide(asked), strict=True))
        return [made[touch] for touch in range(len(asked))]

    def _send(self, messages: Iterable[Sent]) -> None:
        for sent in messages:
            heapq.heappush(self._underway, (sent.at, next(self._order), sent))

    def _receive(self, now: Instant) -> None:
        """Take in what has reached the company by now."""
        arrived = []
        while self._underway and self._underway[0][0] <= now:
            arrived.append(heapq.heappop(self._underway)[2].message)
        self.ingested = _sum(self.ingested, self._doors.take_in(arrived, now))


_NONE = Ingested(0, 0, {})


def _sum(first: Ingested, second: Ingested) -> Ingested:
    refused = {
        reason: first.refused.get(reason, 0) + second.refused.get(reason, 0)
        for reason in sorted(first.refused.keys() | second.refused.keys())
    }
    return Ingested(first.accepted + second.accepted, first.duplicates + second.duplicates, refused)
