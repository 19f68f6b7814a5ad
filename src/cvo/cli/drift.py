"""`cvo drift`: whether responses, customers and choices are still as they were, and if not, since when."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from cvo.cli.common import company_option, console, json_option, open_company, plain, print_json
from cvo.core.clock import format_rfc3339
from cvo.core.evidence import NotEstimable

if TYPE_CHECKING:
    from cvo.app.drift import Drift


@click.command("drift")
@company_option
@click.option("--weeks", type=int, default=4, show_default=True, help="Full weeks held to those before.")
@json_option
def command(folder: Path | None, weeks: int, as_json: bool) -> None:
    """Tell whether the last weeks are like those before, and what moved since when (exit code 1 if something did).

    Responses are held to what was predicted, the customers decided for and the propensities of actions to up to
    twelve weeks before.
    """
    with open_company(folder, write=False) as company:
        found = company.drift(weeks=weeks)
    if as_json:
        print_json(as_data(found))
    elif isinstance(found, NotEstimable):
        console().print(plain(f"Not estimable, {found.reason}: {found.detail}."))
    else:
        show(found)
    if not isinstance(found, NotEstimable) and found.alarms:
        raise SystemExit(1)


def as_data(found: "Drift | NotEstimable") -> dict[str, Any]:
    """Return what was found as JSON shows it."""
    if isinstance(found, NotEstimable):
        return {"reason": found.reason, "detail": found.detail}
    return {
        "reference_from": format_rfc3339(found.reference_from),
        "current_from": format_rfc3339(found.current_from),
        "until": format_rfc3339(found.until),
        "alarms": [
            {**msgspec.structs.asdict(alarm), "since": format_rfc3339(alarm.since)} for alarm in found.alarms
        ],
        "features": found.features,
        "propensities": found.propensities,
        "deliveries": found.deliveries,
    }


def show(found: "Drift") -> None:
    """Print what was found for a person."""
    from rich.table import Table

    out = console()
    days = [format_rfc3339(at)[:10] for at in (found.reference_from, found.current_from, found.until)]
    out.print(f"The week to {days[2]} against {days[0]} to {days[1]}:\n")
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading, align in (
        ("watched", "left"),
        ("before", "right"),
        ("now", "right"),
        ("by chance", "right"),
    ):
        table.add_column(heading, justify=align)  # type: ignore[arg-type]
    for action, mass in found.propensities.items():
        cells = (
            [f"[dim]{plain(mass.detail)}[/]"]
            if isinstance(mass, NotEstimable)
            else [f"{mass.before:.1%}", f"{mass.now:.1%}", f"{mass.distance:+.1f} of {mass.by_chance:.1f} se"]
        )
        table.add_row(f"propensity of {plain(action)}", *cells)
    for name, shift in found.features.items():
        cells = (
            [f"[dim]{plain(shift.detail)}[/]"]
            if isinstance(shift, NotEstimable)
            else ["", f"{shift.index:.3f}", f"up to {shift.by_chance:.3f}"]
        )
        table.add_row(f"stability of {plain(name)}", *cells)
    out.print(table)
    out.print(f"\n{found.deliveries:,} deliveries were held to the response predicted for them.\n")
    for alarm in found.alarms:
        since = format_rfc3339(alarm.since)[:10]
        out.print(f"[bold]{plain(alarm.name)}[/] ({alarm.what}), since {since}: {plain(alarm.said)}")
    if not found.alarms:
        out.print("Nothing drifted.")
