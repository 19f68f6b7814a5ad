"""`cvo drafts`: every change of the catalogue, who made and approved it, and what the log says it brings."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from cvo.cli.common import company_option, console, figure, json_option, open_company, plain, print_json
from cvo.core.clock import format_rfc3339

if TYPE_CHECKING:
    from cvo.actions.drafts import Effect
    from cvo.app.audit import Step


@click.command("drafts")
@company_option
@click.option("--draft", metavar="ID", help="Only this one.")
@json_option
def command(folder: Path | None, draft: str | None, as_json: bool) -> None:
    """List every proposal, approval and rejection, with its evaluated effect."""
    with open_company(folder, write=False) as company:
        steps = [each for each in company.drafts() if draft in {None, each.draft_id}]
    if as_json:
        print_json([_as_data(each) for each in steps])
        return
    out = console()
    for each in steps:
        out.print(_told_step(each), soft_wrap=True)


def _told_step(step: "Step") -> str:
    because = f": {plain(step.because)}" if step.because else ""
    entries = [f"{change.kind} {plain(change.entry)}" for change in step.differences[:_SHOWN]]
    more = len(step.differences) - _SHOWN
    return (
        f"[bold]{step.draft_id}[/] {step.verdict.value} by {plain(step.author)} at {format_rfc3339(step.at)}{because}\n"
        f"  {', '.join(entries)}{f' and {more} more' if more > 0 else ''}\n"
        f"  [dim]by the log: {plain(told(step.effect))}[/]"
    )


_SHOWN = 4


def told(effect: "Effect | None") -> str:
    """Return what the log says of a change, in words."""
    if effect is None:
        return "not evaluated"
    if effect.estimate is None:
        return f"can't be told: {effect.reason.detail if effect.reason else ''}"
    found = effect.estimate
    interval = f"{found.interval.low:+,.2f} to {found.interval.high:+,.2f}"
    return f"{found.value:+,.2f} {found.unit} ({interval}), {found.grade.value}, of {effect.decisions:,} decisions"


def effect_data(effect: "Effect | None") -> dict[str, Any] | None:
    """Return what the log says of a change, as JSON shows it."""
    if effect is None:
        return None
    about = {
        "decisions": effect.decisions,
        "since": None if effect.since is None else format_rfc3339(effect.since),
        "until": None if effect.until is None else format_rfc3339(effect.until),
        "window_days": effect.window_days,
    }
    told_as = effect.estimate or effect.reason
    return about | ({} if told_as is None else figure(told_as))


def _as_data(step: "Step") -> dict[str, Any]:
    differences = [{**msgspec.structs.asdict(each), "kind": each.kind} for each in step.differences]
    return {
        **msgspec.structs.asdict(step),
        "at": format_rfc3339(step.at),
        "differences": differences,
        "effect": effect_data(step.effect),
    }
