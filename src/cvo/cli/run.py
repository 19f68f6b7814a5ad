"""`cvo run`: decide for everybody at once."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cvo.cli.common import company_option, console, json_option, open_company, plain, print_json

if TYPE_CHECKING:
    from cvo.app.run import Ran

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("run")
@click.option("--placement", required=True, help="Where: a placement of the catalogue.")
@click.option("--segment", metavar="RULE", help="Only for whom this rule holds; everybody if not given.")
@click.option("--name", help="The run's name; the placement and the day if not given.")
@click.option("--rehearse", is_flag=True, help="Log the decisions and do nothing.")
@click.option("--out", type=_FILE, help="Write the run to a Parquet file, a row a slot.")
@company_option
@json_option
def command(
    placement: str,
    segment: str | None,
    name: str | None,
    rehearse: bool,
    out: Path | None,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Decide for every customer at a placement; each decision is logged and can be explained.

    A run that was cut short goes on when it is started again under its name: who was decided for is left.
    """
    from cvo.cli.steps import steps

    started = time.monotonic()
    with open_company(folder) as company, steps() as progress:
        ran = company.run(
            placement,
            segment=segment,
            name=name,
            rehearse=rehearse,
            out=out,
            progress=lambda done, total: progress("deciding", done, total),
        )
    if as_json:
        print_json({**ran.as_data(), "elapsed_seconds": round(time.monotonic() - started, 1)})
        return
    _show(ran)


def _show(ran: "Ran") -> None:
    from rich.table import Table

    screen = console()
    screen.print(f"[bold]{plain(ran.name)}[/bold] at {plain(ran.placement)}, {ran.purpose.value}")
    screen.print(
        f"{ran.customers:,} customers: {ran.decided:,} decided for now, {ran.before:,} before, "
        f"{ran.control:,} of the new ones left alone as control"
    )
    table = Table("slots", "chosen", "", box=None)
    most = max(ran.chosen.values(), default=1)
    for action, count in ran.chosen.items():
        table.add_row(f"{count:,}", plain(action or "nothing"), "█" * round(30 * count / most))
    screen.print(table)
    screen.print(" · ".join(f"{count:,} {kind}" for kind, count in ran.delivery.items()))
    for side, prices in (("", ran.prices), (" to the rollout's candidate", ran.candidate_prices)):
        for resource, price in prices.items():
            screen.print(f"one more unit of {plain(resource)} would have brought {price:,.4g}{side}")
