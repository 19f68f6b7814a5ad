"""A simulated company: made, lived through, and its figures held against the truth."""

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import msgspec
import numpy as np

from cvo.app.apply import apply
from cvo.app.company import Company
from cvo.app.ingest import Ingested
from cvo.app.keys import new_key
from cvo.app.learn import learn
from cvo.app.records import records
from cvo.app.simulate.company import OWNER, make_company, margin_rate, window_days
from cvo.app.simulate.drive import Doors, Drive, OwnDoors
from cvo.app.simulate.messages import START, customer_id, device_id, moment
from cvo.app.simulate.truth import Arms, Truth, truth_of
from cvo.app.value import Value, value
from cvo.core.clock import FixedClock
from cvo.core.errors import InvalidInput
from cvo.core.money import minor_unit
from cvo.decisions.decision import Arm, Purpose
from cvo.events.event import Decided, Delivery
from cvo.simulate import Scenario, World, load_scenario, make_world

Progress = Callable[[str, int, int], None]
"""Told the step, how much of it has just been done, and how much it is in all."""

_WEEKS, _REST = "Living through weeks", "Waiting for outcome windows to close"


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
    scenario: str | Scenario,
    customers: int,
    weeks: int,
    *,
    seed: str = "0",
    control_rate: float = 0.2,
    progress: Progress = lambda _step, _done, _total: None,
) -> Simulated:
    """Make the company of a scenario in `folder` and live through `weeks` of it; it learns once a week.

    `scenario` is a name, the path of a file, or one already read. When the last week is over nothing more is done
    until all outcome windows have closed. Same arguments, same company and figures. Raises `Conflict` where a
    company is already, `InvalidInput` for fewer than one customer or week.
    """
    world = _world(scenario, customers, weeks, seed)
    clock = FixedClock(START)
    with Company.open(made(folder, world, seed, control_rate), clock=clock) as company:
        apply(company, OWNER, approve=True)
        drive = Drive(OwnDoors(company, clock), world)
        live(drive, world, weeks, progress)
        learn(company, OWNER)
        return told(company, world, drive, weeks, seed)


def simulate_served(
    folder: Path,
    scenario: str | Scenario,
    customers: int,
    weeks: int,
    serving: Callable[[Path, str], AbstractContextManager[Doors]],
    *,
    seed: str = "0",
    control_rate: float = 0.2,
    progress: Progress = lambda _step, _done, _total: None,
) -> Simulated:
    """Make the company of a scenario and live through it by way of a server, as `simulate` does without.

    `serving` is given the company's folder and a key for everything, and has the server's doors open while the weeks
    pass. It learns when the server does, so that figures differ from run to run.
    """
    world = _world(scenario, customers, weeks, seed)
    clock = FixedClock(START)
    with Company.open(made(folder, world, seed, control_rate), clock=clock) as company:
        apply(company, OWNER, approve=True)
        key = new_key(company)
    with serving(folder, key) as doors:
        drive = Drive(doors, world)
        live(drive, world, weeks, progress)
    clock.at = moment(7 * weeks + window_days(world.scenario))
    with Company.open(folder, clock=clock) as company:
        learn(company, OWNER)
        return told(company, world, drive, weeks, seed)


def _world(scenario: str | Scenario, customers: int, weeks: int, seed: str) -> World:
    if weeks < 1:
        raise InvalidInput(f"a simulation of {weeks} weeks does nothing; ask for at least one")
    chosen = load_scenario(scenario) if isinstance(scenario, str) else scenario
    return make_world(chosen, customers, f"simulate-{seed}")


def made(folder: Path, world: World, seed: str, control_rate: float) -> Path:
    """Write the company of a world into a folder, and return that."""
    make_company(folder, world.scenario, f"simulate-{seed}", control_rate)
    return folder


def live(drive: Drive, world: World, weeks: int, progress: Progress) -> None:
    """Let weeks pass, and then wait until all outcome windows have closed."""
    for week in range(weeks):
        drive.week(week)
        progress(_WEEKS, 1, weeks)
    progress(_REST, 0, 1)
    drive.rest(moment(7 * weeks + window_days(world.scenario)))
    progress(_REST, 1, 1)


def told(company: Company, world: World, drive: Drive, weeks: int, seed: str) -> Simulated:
    """Hold what a company says of the weeks it lived through against the truth."""
    arms = _arms(company, world)
    logged = (each.body for each in company.store.decisions(Purpose.LIVE))
    deliveries = Counter(made.slots[0].delivery for made in map(records(company.store), logged))
    return Simulated(
        scenario=world.scenario.name,
        currency=world.scenario.currency,
        customers=world.people.count,
        weeks=weeks,
        seed=seed,
        decisions=deliveries.total(),
        delivered=deliveries[Delivery.DELIVERED],
        withheld=deliveries[Delivery.WITHHELD],
        treated=arms.treated_persons,
        control=arms.control_persons,
        ingested=drive.ingested,
        value=value(company),
        truth=truth_of(world, drive.steps, arms, margin_rate(world.scenario)),
    )


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
