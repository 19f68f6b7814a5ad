"""`cvo evaluate`: what a changed catalogue or changed settings would have brought, before a customer sees them."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from cvo.cli.common import company_option, console, figure, json_option, open_company, plain, print_json
from cvo.core.clock import format_rfc3339
from cvo.core.errors import InvalidInput
from cvo.core.evidence import Estimate, NotEstimable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from cvo.app.what_if import Part, Reach, WhatIf

_FILE = click.Path(path_type=Path, dir_okay=False)
_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command("evaluate")
@company_option
@click.option("--policy", type=_FILE, help="A TOML file that says what would be different.")
@click.option("--catalogue", type=_FOLDER, help="A folder with a changed catalogue.")
@click.option(
    "--without",
    multiple=True,
    help="Take away action:ID, lever:ID, rule:ID, limit:ID, rest:ID, resource:ID, intent:ID, levers, context, "
    "history or person.",
)
@click.option("--learner", type=click.Choice(["linear", "vw"]), help="Another learner in the models' place.")
@click.option(
    "--estimator",
    type=click.Choice(["doubly robust", "ips", "snips", "direct method", "switch", "shrunk", "mips"]),
    default="doubly robust",
    show_default=True,
    help="What to decide by; the others are told beside it.",
)
@json_option
def command(
    folder: Path | None,
    policy: Path | None,
    catalogue: Path | None,
    without: tuple[str, ...],
    learner: str | None,
    estimator: str,
    as_json: bool,
) -> None:
    """Tell what a change would have brought, from the log, before a customer sees it.

    What runs and what is proposed are both asked again in every situation of the log; what would have followed
    is estimated from draws of known probability. The log stays as it is.
    """
    if policy is None and catalogue is None and learner is None and not without:
        raise InvalidInput(
            "say what is proposed: --catalogue DIR, --policy FILE, --learner NAME or --without WHAT"
        )
    from cvo.app.what_if import read_candidate, what_if
    from cvo.app.what_if.page import write_page
    from cvo.cli.steps import steps

    started = time.monotonic()
    with open_company(folder, write=False) as company, steps() as progress:
        candidate = read_candidate(
            company, policy=policy, catalogue=catalogue, learner=learner, without=without
        )
        found = what_if(company, candidate, estimator=estimator, progress=progress)
        page = None if isinstance(found, NotEstimable) else write_page(found, company.folder)
    elapsed = round(time.monotonic() - started, 1)
    if isinstance(found, NotEstimable):
        if as_json:
            print_json({**figure(found), "elapsed_seconds": elapsed})
        else:
            console().print(_text(found))
    elif as_json:
        print_json({**as_data(found), "report": str(page), "elapsed_seconds": elapsed})
    else:
        show(found)
        console().print(f"\nWith pictures: [bold]{plain(page)}[/]  [dim]({elapsed:.0f} s)[/]")


def as_data(found: "WhatIf") -> dict[str, Any]:
    """Return the figures as JSON shows them."""
    return {
        "decisions": found.decisions,
        "customers": found.customers,
        "since": format_rfc3339(found.since),
        "until": format_rfc3339(found.until),
        "window_days": found.window_days,
        "changes": found.changes,
        "difference": figure(found.difference),
        "estimator": found.estimator,
        "afterwards": figure(found.afterwards),
        "later_slots": found.later_slots,
        "others": {name: figure(each) for name, each in found.others.items()},
        "value": {name: figure(each) for name, each in found.value.items()},
        "reach": found.reach,
        "prices": found.prices,
        "teams": [_part(part) for part in found.teams],
        "segments": [_part(part) for part in found.segments],
        "looks": figure(found.looks)
        if isinstance(found.looks, NotEstimable)
        else [{**msgspec.structs.asdict(look), "at": format_rfc3339(look.at)} for look in found.looks],
    }


def _part(part: "Part") -> dict[str, Any]:
    return {**msgspec.structs.asdict(part), "difference": figure(part.difference)}


def show(found: "WhatIf") -> None:
    """Print the evaluation for a person."""
    from cvo.app.what_if.candidate import spelt

    out = console()
    count = len(found.changes)
    if count:
        out.print(f"\n[bold]What is proposed[/], in {count} change{'' if count == 1 else 's'}:")
    else:
        out.print("\nNothing is proposed: what was given says what runs already.")
    for change in found.changes:
        out.print(
            f"  {plain(change.entry)}: [dim]{plain(spelt(change.before, 60))}[/] → {plain(spelt(change.after, 60))}",
            soft_wrap=True,
        )
    out.print(
        f"\n[bold]Expected difference[/] to what runs, {found.currency} per 1,000 decisions, in {found.window_days} "
        f"days; on {found.decisions:,} decisions for {found.customers:,} customers:"
    )
    out.print(f"  {_text(found.difference)}")
    out.print(
        f"  {_text(found.afterwards)}  [dim]and after them: ΔCLV less patience, as scores count it[/]\n"
    )
    for name, other in found.others.items():
        told_as = f"not estimable, {other.reason}" if isinstance(other, NotEstimable) else _text(other)
        out.print(f"  [dim]{name:14}[/] {told_as}")
    if found.later_slots is not None:
        out.print(f"\n{plain(found.later_slots.detail)}.", soft_wrap=True)
    out.print("\n[bold]How far actions get[/], of all decisions: scored, and picked or expected to be:\n")
    out.print(_reach(found.reach["current"], found.reach["candidate"]))
    if any(found.prices.values()):
        out.print("\n[bold]What scarce things cost[/], a unit, on average:\n")
        out.print(_prices(found.prices["current"], found.prices["candidate"], found.currency))
    told = [part for part in found.segments if part.stands_out]
    if found.teams:
        out.print("\n[bold]By team[/]; together they are the difference:\n")
        out.print(_parts(found.teams))
    if told:
        out.print("\n[bold]Who gains and who loses[/]; of such claims one in ten may be false:\n")
        out.print(_parts(told))
    elif found.segments:
        out.print("\nNo segment gains or loses so much that chance could not explain it.")


def _reach(current: "Sequence[Reach]", candidate: "Sequence[Reach]") -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("action")
    for heading in ("scored now", "then", "picked now", "then"):
        table.add_column(heading, justify="right")
    before, after = ({each.action: each for each in side} for side in (current, candidate))
    for action in sorted(before.keys() | after.keys()):
        scored = [f"{side[action].scored:,}" if action in side else "" for side in (before, after)]
        picked = [f"{side[action].picked:,.0f}" if action in side else "" for side in (before, after)]
        table.add_row(plain(action), *scored, *picked)
    return table


def _prices(current: "dict[str, float]", candidate: "dict[str, float]", currency: str) -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("resource")
    for heading in (f"now, {currency}", "then"):
        table.add_column(heading, justify="right")
    for name in sorted(current.keys() | candidate.keys()):
        table.add_row(
            plain(name), *(f"{side[name]:,.3g}" if name in side else "" for side in (current, candidate))
        )
    return table


def _parts(parts: "Sequence[Part]") -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    for part in parts:
        label = part.name if part.by == "team" else f"{part.by}: {part.name}"
        share = "" if part.by == "team" else f"[dim]{part.share:.0%} of decisions[/]"
        table.add_row(plain(label), _text(part.difference), share)
    return table


def _text(estimate: Estimate | NotEstimable) -> str:
    if isinstance(estimate, NotEstimable):
        return plain(f"not estimable, {estimate.reason}: {estimate.detail}")
    low, high = estimate.interval.low, estimate.interval.high
    return f"[bold]{estimate.value:+,.1f}[/]  {low:+,.1f} to {high:+,.1f}  ({estimate.grade})"
