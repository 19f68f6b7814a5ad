"""`cvo simulate`: a made-up company whose truth is known, through the same doors as a real one."""

import time
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cvo.cli.common import console, figure, json_option, plain, print_json
from cvo.core.evidence import Estimate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cvo.app.simulate import Simulated
    from cvo.app.simulate.served import ServedDoors


@click.command("simulate")
@click.option(
    "--scenario",
    default="retail",
    show_default=True,
    help="retail, telecom, bank or subscription, or the path of a scenario file.",
)
@click.option("--customers", type=click.IntRange(1), default=500, show_default=True)
@click.option("--weeks", type=click.IntRange(1), default=12, show_default=True)
@click.option(
    "--company",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Where the company is made; it must not be there yet.",
)
@click.option("--seed", default="0", show_default=True, help="Same seed, same company and figures.")
@click.option(
    "--control-rate",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.2,
    show_default=True,
    help="Share of customers left alone; large, because simulated companies are small.",
)
@click.option(
    "--realtime", is_flag=True, help="Play it against the clock, by way of a server that can be looked at."
)
@click.option(
    "--speed",
    type=click.FloatRange(0, min_open=True),
    default=7 * 24 * 60.0,
    show_default=True,
    help="Simulated seconds a second, with --realtime: a week a minute if not given.",
)
@json_option
def command(
    scenario: str,
    customers: int,
    weeks: int,
    folder: Path,
    seed: str,
    control_rate: float,
    realtime: bool,
    speed: float,
    as_json: bool,
) -> None:
    """Make a company whose truth is known, live through weeks of it, and hold its figures against the truth.

    With --realtime the company is served while it lives: visits ask for decisions, and what follows is sent, over
    HTTP and when its time has come. The address and a key are told, so that its reports and /metrics can be watched.
    """
    from cvo.app.simulate import simulate, simulate_served
    from cvo.cli.steps import steps

    started = time.monotonic()
    with steps() as progress:
        if realtime:
            serving = partial(_doors, speed)
            done = simulate_served(
                folder,
                scenario,
                customers,
                weeks,
                serving,
                seed=seed,
                control_rate=control_rate,
                progress=progress,
            )
        else:
            done = simulate(
                folder, scenario, customers, weeks, seed=seed, control_rate=control_rate, progress=progress
            )
    elapsed = time.monotonic() - started
    if as_json:
        print_json({**as_data(done), "elapsed_seconds": round(elapsed, 1)})
    else:
        _show(done, folder, elapsed)


@contextmanager
def _doors(speed: float, folder: Path, key: str) -> "Iterator[ServedDoors]":
    from cvo.app.simulate.served import ServedDoors
    from cvo.cli.serving import simulated_server

    with simulated_server(folder) as address:
        click.echo(f"Served at {address} with the key {key} until the weeks are over", err=True)
        with closing(ServedDoors(address, key, speed=speed)) as doors:
            yield doors


def as_data(done: "Simulated") -> dict[str, Any]:
    """Return the figures as JSON shows them."""
    return {
        "scenario": done.scenario,
        "customers": done.customers,
        "weeks": done.weeks,
        "seed": done.seed,
        "decisions": {"made": done.decisions, "delivered": done.delivered, "withheld": done.withheld},
        "persons": {"treated": done.treated, "control": done.control},
        "messages": done.ingested,
        "programme": figure(done.value.programme),
        "truth": done.truth,
        "actions": [
            {"name": each.name, "deliveries": each.deliveries, "value": figure(each.value)}
            for each in done.value.actions
        ],
        "realised": done.value.realised,
    }


def _show(done: "Simulated", folder: Path, elapsed: float) -> None:
    out, truth = console(), done.truth
    out.print(
        f"\n{done.customers:,} customers, {done.weeks} weeks: {done.ingested.accepted:,} messages, "
        f"{done.decisions:,} decisions, {done.delivered:,} deliveries, {done.withheld:,} withheld by a coin. "
        f"The company sees {done.treated + done.control:,} persons and leaves {done.control:,} of them alone."
    )
    out.print(f"\n[bold]Value caused[/], {done.currency} per person who was not left alone:\n")
    programme = done.value.programme
    if isinstance(programme, Estimate):
        low, high = programme.interval.low, programme.interval.high
        covers = (
            "covers the truth" if not programme.interval.excludes(truth.as_counted) else "misses the truth"
        )
        out.print(f"  reported   [bold]{programme.value:8.2f}[/]   {low:.2f} to {high:.2f}, {covers}")
    else:
        out.print(
            f"  reported   {'—':>8}   {plain(programme.reason)}: {plain(programme.detail)}", soft_wrap=True
        )
        if programme.reason == "too few buyers":
            out.print(f"{'':24}live through more weeks, or with more customers, to see it")
    out.print(f"  the truth  [bold]{truth.as_counted:8.2f}[/]   counted as the company counts")
    out.print(f"             {truth.own_margins:8.2f}   with every product's own margin and all costs")
    out.print(f"  possible   {truth.best:8.2f}   by one who knows all that is hidden")
    out.print(f"\n[dim]({elapsed:.0f} s)[/]  What to try next:")
    for text in ("cvo value", "cvo evaluate --policy FILE"):
        out.print(f"  {text} --company {plain(folder)}", soft_wrap=True)
