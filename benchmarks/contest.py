"""The contest: what four ways of choosing cause in the simulated retail year, with the same customers and budgets.

Every way runs a company of its own through the product's public path, in the same world with the same luck, so that
all rules, contact limits and volumes are the product's. What a way caused is the world's own truth: the exact expected
effect of every contact on margin less all costs until the year is over, which no company sees.
"""

import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from pathlib import Path

import click
import msgspec
import numpy as np
import yaml
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy import stats

from benchmarks.rivals import Calendar, Learning, ResponseTimesValue, Segments
from cvo.app.apply import apply
from cvo.app.company import Company
from cvo.app.simulate.company import OWNER, make_company
from cvo.app.simulate.drive import Drive, OwnDoors, Way
from cvo.app.simulate.messages import START
from cvo.core.clock import FixedClock
from cvo.simulate import World, expected_programme_effect, load_scenario, make_world

FloatArray = NDArray[np.float64]

SCENARIO, ARBITER = "retail", "arbiter"
CUSTOMERS, WEEKS, SEEDS = 5_000, 52, range(200, 204)

WEEKLY_VOLUME = {"email": 200, "agent": 4}
"""Contacts a week for every 1,000 customers: about half of the e-mails and of the calls there would be occasion for."""

CONTROL_RATE = 0.05
"""The arbiter alone leaves customers and deliveries alone by chance: knowing what one causes has its cost."""


class Standing(msgspec.Struct, frozen=True):
    """What a way caused in money per 1,000 customers and year, and how much more the arbiter did; 95 % intervals.

    Both intervals are of means over seeds (Student's t): a seed is a world, and a way's luck in it. `behind_error` is
    the standard error that customers alone would give the difference.
    """

    way: str
    caused: float
    caused_low: float
    caused_high: float
    contacts: float
    behind: float = 0.0
    behind_low: float = 0.0
    behind_high: float = 0.0
    behind_error: float = 0.0


class Lived(msgspec.Struct, frozen=True, eq=False):
    """One company's year: what it caused for each customer (n,), and how many contacts it made."""

    caused: FloatArray
    contacts: int


def ways() -> dict[str, tuple[Way, float]]:
    """Return what competes, each with the share of customers it leaves alone."""
    return {
        ARBITER: (Learning(), CONTROL_RATE),
        "P×V ranking": (ResponseTimesValue(), 0.0),
        "segment campaigns": (Segments(), 0.0),
        "calendar": (Calendar(), 0.0),
    }


def lived(folder: Path, world: World, weeks: int, way: Way, control_rate: float) -> Lived:
    """Let a company of the scenario choose in this way for some weeks, and return what it caused."""
    make_company(folder, world.scenario, world.draws.seed, control_rate)
    volumes = {
        f"{channel} volume": {
            "per": "channel",
            "of": channel,
            "amount": round(per_1000 * world.people.count / 1000),
            "period_days": 7,
        }
        for channel, per_1000 in WEEKLY_VOLUME.items()
    }
    (folder / "catalogue" / "volumes.yaml").write_text(yaml.safe_dump({"resources": volumes}))
    clock = FixedClock(START)
    with Company.open(folder, clock=clock) as company:
        apply(company, OWNER, approve=True)
        drive = Drive(OwnDoors(company, clock, way), world)
        for week in range(weeks):
            drive.week(week)
    return Lived(
        expected_programme_effect(world, drive.steps, weeks),
        sum(len(step.contacts.customer) for step in drive.steps),
    )


def lived_all(seed: int, customers: int, weeks: int) -> dict[str, Lived]:
    """Let every way live through the same world, and say on standard error what each caused."""
    world, years = make_world(load_scenario(SCENARIO), customers, f"contest-{seed}"), {}
    for name, (way, control_rate) in ways().items():
        with tempfile.TemporaryDirectory() as folder:
            years[name] = lived(Path(folder) / "company", world, weeks, way, control_rate)
        caused = 1000 * years[name].caused
        error = caused.std(ddof=1) / np.sqrt(len(caused))
        print(
            f"seed {seed}, {name}: {caused.mean():,.0f} ± {error:,.0f} per 1,000", file=sys.stderr, flush=True
        )
    return years


def standings(years: Mapping[str, Sequence[Lived]]) -> list[Standing]:
    """Compare the ways, of each of which there are as many years as seeds."""
    arbiter = [year.caused for year in years[ARBITER]]
    found = []
    for way, lives in years.items():
        caused = [year.caused for year in lives]
        people = sum(len(each) for each in caused)
        less = [ours - theirs for ours, theirs in zip(arbiter, caused, strict=True)]
        error = 1000 * float(np.sqrt(sum(each.var(ddof=1) * len(each) for each in less))) / people
        contacts = 1000 * sum(year.contacts for year in lives) / people
        found.append(Standing(way, *_interval(caused), contacts, *_interval(less), error))
    return found


def _interval(per_seed: Sequence[FloatArray]) -> tuple[float, float, float]:
    """Return the mean over seeds per 1,000 customers with its 95 % interval."""
    means = 1000 * np.array([each.mean() for each in per_seed])
    mean = float(means.mean())
    reach = float(stats.t.ppf(0.975, len(means) - 1) * means.std(ddof=1) / np.sqrt(len(means)))
    return mean, mean - reach, mean + reach


@click.command(help=f"{__doc__} Exits with 1 where the arbiter is not surely ahead.")
@click.option("--customers", default=CUSTOMERS, show_default=True)
@click.option("--weeks", default=WEEKS, show_default=True)
@click.option("--seeds", default=f"{SEEDS.start}-{SEEDS.stop - 1}", show_default=True, help="First and last.")
@click.option("--jobs", default=1, show_default=True, help="Seeds lived through at a time.")
@click.option("--json", "as_json", is_flag=True, help="Standings as JSON on stdout, nothing else.")
def main(customers: int, weeks: int, seeds: str, jobs: int, as_json: bool) -> None:
    first, last = map(int, seeds.split("-"))
    years: dict[str, list[Lived]] = {way: [] for way in ways()}
    with ProcessPoolExecutor(jobs) as pool:
        for found in pool.map(lived_all, range(first, last + 1), repeat(customers), repeat(weeks)):
            for way, year in found.items():
                years[way].append(year)
    standing = standings(years)
    if as_json:
        click.echo(json.dumps([msgspec.to_builtins(each) for each in standing], indent=2))
    else:
        _print(standing, load_scenario(SCENARIO).currency)
    if any(each.behind_low <= 0 for each in standing if each.way != ARBITER):
        raise SystemExit(1)


def _print(found: Sequence[Standing], currency: str) -> None:
    table = Table(
        "way", f"caused, {currency}", "95 % interval", "arbiter ahead by", "95 % interval", "contacts"
    )
    for each in found:
        ahead = [f"{each.behind:,.0f}", f"{each.behind_low:+,.0f} … {each.behind_high:+,.0f}"]
        table.add_row(
            each.way,
            f"{each.caused:,.0f}",
            f"{each.caused_low:+,.0f} … {each.caused_high:+,.0f}",
            *(ahead if each.way != ARBITER else ["", ""]),
            f"{each.contacts:,.0f}",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
