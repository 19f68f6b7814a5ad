"""The drive: touches of the world become requests, decisions become contacts, outcomes come back as messages."""

import heapq
from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path

import msgspec
import numpy as np

from cvo.app.apply import apply
from cvo.app.company import Company
from cvo.app.decide import BATCH, decide_in
from cvo.app.ingest import Ingested, ingest
from cvo.app.learn import learn
from cvo.app.simulate.company import OWNER, make_company, margin_rate, window_days
from cvo.app.simulate.messages import START, Sender, Sent, customer_id, device_id, met_as, moment
from cvo.app.simulate.truth import Arms, Truth, truth_of
from cvo.app.state import keep_policy, running_policy
from cvo.app.value import Value, value
from cvo.core.clock import FixedClock, Instant
from cvo.core.errors import InvalidInput
from cvo.core.money import minor_unit
from cvo.decisions.decision import Arm, Decision, Request
from cvo.decisions.policy import Policy
from cvo.events.event import Decided, Delivery
from cvo.simulate import NOTHING, Step, Touches, World, advance, begin, load_scenario, make_world, touches
from cvo.simulate.draws import Ints

Progress = Callable[[str, int, int], None]
"""Told the step, how much of it has just been done, and how much it is in all."""

_WEEKS = "Living through weeks"


class Simulated(msgspec.Struct, frozen=True):
    """What a simulated company did, what it says that it caused, and what it did cause.

    `treated` and `control` count persons as the company sees them: a visitor who never says who they are is
    one for every browser. Contacts are first slots that were delivered.
    """

    scenario: str
    currency: str
    customers: int
    weeks: int
    seed: str
    decisions: int
    delivered: int
    withheld: int
    treated: int
    control: int
    ingested: Ingested
    value: Value
    truth: Truth


def simulate(
    folder: Path,
    scenario: str,
    customers: int,
    weeks: int,
    *,
    seed: str = "0",
    control_rate: float = 0.2,
    progress: Progress = lambda _step, _done, _total: None,
) -> Simulated:
    """Make the company of a scenario in `folder` and live through `weeks` of it; it learns once a week.

    `scenario` is a name or the path of a file. When the last week is over nothing more is done until all outcome
    windows have closed. Same arguments, same company and figures. Raises `Conflict` where a company is already,
    `InvalidInput` for fewer than one customer or week.
    """
    if weeks < 1:
        raise InvalidInput(f"a simulation of {weeks} weeks does nothing; ask for at least one")
    world = make_world(load_scenario(scenario), customers, f"simulate-{seed}")
    make_company(folder, world.scenario, f"simulate-{seed}", control_rate)
    clock = FixedClock(START)
    with Company.open(folder, clock=clock) as company:
        apply(company, OWNER, approve=True)
        drive = _Drive(company, clock, world)
        for week in range(weeks):
            drive.week(week)
            progress(_WEEKS, 1, weeks)
        drive.rest(moment(7 * weeks + window_days(world.scenario)))
        report = value(company)
        arms = _arms(company, world)
        return Simulated(
            scenario=world.scenario.name,
            currency=world.scenario.currency,
            customers=customers,
            weeks=weeks,
            seed=seed,
            decisions=drive.decisions,
            delivered=drive.deliveries[Delivery.DELIVERED],
            withheld=drive.deliveries[Delivery.WITHHELD],
            treated=arms.treated_persons,
            control=arms.control_persons,
            ingested=drive.ingested,
            value=report,
            truth=truth_of(world, drive.steps, arms, margin_rate(world.scenario)),
        )


class _Drive:
    """A company and the world it is in, one week after the other."""

    def __init__(self, company: Company, clock: FixedClock, world: World) -> None:
        self._company, self._clock, self._world = company, clock, world
        self._sender = Sender(world, margin_rate(world.scenario))
        self._state = begin(world)
        self._numbers = {action.name: number for number, action in enumerate(world.scenario.actions)}
        self._underway: list[tuple[Instant, int, Sent]] = []
        self._order = count()
        self.steps: list[Step] = []
        self.decisions = 0
        self.deliveries = dict.fromkeys(Delivery, 0)
        self.ingested = Ingested(0, 0, {})
        self._policy = running_policy(company.store, company.config.settings)
        self._send(self._sender.known_before())

    def week(self, number: int) -> None:
        """Let a week pass, and learn at its end."""
        scenario, fees = self._world.scenario, np.zeros(self._world.people.count)
        for _ in range(scenario.steps_per_week):
            self._receive(moment(scenario.step_days * self._state.step))
            fees += self._step().fees
        self._send(self._sender.fees(number, fees))
        self._receive(moment(7 * (number + 1)))
        self._policy = self._learned()

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
        channels = self._world.scenario.channels
        asked = [
            (met_as(met, touch), Request(placement=channels[channel].name, at=moment(days)))
            for touch, (channel, days) in enumerate(
                zip(met.channel.tolist(), met.at_days.tolist(), strict=True)
            )
        ]
        decided: list[Decision] = []
        for start in range(0, len(asked), BATCH):
            with self._company.store.unit_of_work() as work:
                keep_policy(work, self._policy)
                decided += decide_in(work, self._policy, asked[start : start + BATCH])
        self.decisions += len(decided)
        return decided

    def _shown(self, decided: list[Decision]) -> Ints:
        shown = np.full(len(decided), NOTHING, dtype=np.int64)
        for touch, decision in enumerate(decided):
            slot = decision.slots[0]
            self.deliveries[slot.delivery] += 1
            if slot.delivery is Delivery.DELIVERED:
                shown[touch] = self._numbers[slot.chosen]
        return shown

    def _learned(self) -> Policy:
        learn(self._company, OWNER)
        return running_policy(self._company.store, self._company.config.settings)

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


def _arms(company: Company, world: World) -> Arms:
    """Return who was left alone; a customer is the person behind the id that the company knows best."""
    store, currency = company.store, world.scenario.currency
    arm = {person.person_id: person.arm for person in store.persons()}
    cost = dict.fromkeys(Arm, 0.0)
    for event in store.events([Decided]):
        if isinstance(event.body, Decided) and event.body.delivery is Delivery.DELIVERED:
            cost[Arm(arm[event.person_id])] += event.body.contact_cost_minor
    control = np.zeros(world.people.count, dtype=np.bool_)
    for customer in range(world.people.count):
        person = store.person(customer_id(customer)) or store.person(device_id(customer, 0))
        control[customer] = person is not None and person.arm == Arm.CONTROL
    persons = list(arm.values())
    return Arms(
        control=control,
        treated_persons=persons.count(Arm.TREATED),
        control_persons=persons.count(Arm.CONTROL),
        treated_cost=cost[Arm.TREATED] * minor_unit(currency),
        control_cost=cost[Arm.CONTROL] * minor_unit(currency),
    )


def _sum(first: Ingested, second: Ingested) -> Ingested:
    refused = {
        reason: first.refused.get(reason, 0) + second.refused.get(reason, 0)
        for reason in sorted(first.refused.keys() | second.refused.keys())
    }
    return Ingested(first.accepted + second.accepted, first.duplicates + second.duplicates, refused)
