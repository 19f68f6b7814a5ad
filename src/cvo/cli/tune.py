"""`cvo tune`: how much to explore, from what other settings would have brought on the company's own log."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from cvo.cli.common import company_option, console, figure, json_option, open_company, plain, print_json
from cvo.core.errors import InvalidInput
from cvo.core.evidence import Estimate, NotEstimable

if TYPE_CHECKING:
    from cvo.app.tune import Setting, Tuning


@click.command("tune")
@company_option
@click.option(
    "--exploration",
    default="0.1,0.25,0.5,1,2",
    show_default=True,
    help="Values to try, plain and optimistic.",
)
@click.option("--floor", default="", help="Values to try; what runs if not given.")
@json_option
def command(folder: Path | None, exploration: str, floor: str, as_json: bool) -> None:
    """Compare how much to explore on the log, and propose a setting; nothing is changed.

    The proposal explores most among the settings whose figure is within one standard error of the highest: what
    exploration teaches is in no figure, so it is only given up where it costs.
    """
    from cvo.cli.steps import steps

    started = time.monotonic()
    with open_company(folder, write=False) as company, steps() as progress:
        found = company.tune(
            explorations=_numbers("--exploration", exploration),
            floors=_numbers("--floor", floor),
            progress=progress,
        )
    elapsed = round(time.monotonic() - started, 1)
    if as_json:
        print_json({**as_data(found), "elapsed_seconds": elapsed})
    elif isinstance(found, NotEstimable):
        console().print(_text(found))
    else:
        show(found)


def _numbers(option: str, text: str) -> list[float]:
    try:
        return [float(each) for each in text.split(",") if each.strip()]
    except ValueError:
        raise InvalidInput(f"{option} is {text!r}; give numbers such as 0.5,1") from None


def as_data(found: "Tuning | NotEstimable") -> dict[str, Any]:
    """Return the comparison as JSON shows it."""
    if isinstance(found, NotEstimable):
        return figure(found)
    return {
        "settings": [_setting(each) for each in found.settings],
        "proposed": None if found.proposed is None else _setting(found.proposed),
        "worth": figure(found.worth),
        "decisions": found.decisions,
        "customers": found.customers,
        "window_days": found.window_days,
    }


def _setting(setting: "Setting") -> dict[str, Any]:
    return {**msgspec.structs.asdict(setting), "difference": figure(setting.difference)}


def show(found: "Tuning") -> None:
    """Print the comparison and the proposal for a person."""
    from rich.table import Table

    out = console()
    out.print(
        f"Difference to what runs, {found.currency} per 1,000 decisions, in {found.window_days} days; on "
        f"{found.decisions:,} decisions for {found.customers:,} customers:\n",
        soft_wrap=True,
    )
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("exploration", "optimistic", "floor", "entropy"):
        table.add_column(heading, justify="right")
    table.add_column("difference")
    for each in found.settings:
        mark = " ← runs" if each.runs else ""
        mark += " ← proposed" if each == found.proposed else ""
        table.add_row(
            f"{each.exploration:g}",
            "yes" if each.optimistic else "no",
            f"{each.floor:g}",
            f"{each.entropy:.2f}",
            ("" if each.runs else _text(each.difference)) + mark,
        )
    out.print(table)
    if found.proposed is None:
        out.print(f"\nNothing is proposed: {_text(found.worth)}")
    elif found.proposed.runs:
        out.print("\nProposed: keep what runs.")
    else:
        out.print(
            f"\nProposed, to be written into [bold]company.toml[/] or tried by `cvo rollout start --policy FILE`:\n\n"
            f"  \\[decisions]\n  exploration = {found.proposed.exploration:g}\n"
            f"  optimistic = {str(found.proposed.optimistic).lower()}\n  floor = {found.proposed.floor:g}\n"
        )
    if found.proposed is not None:
        out.print(f"Choosing like that, scored on customers who had no say in it: {_text(found.worth)}")


def _text(estimate: Estimate | NotEstimable) -> str:
    if isinstance(estimate, NotEstimable):
        return plain(f"not estimable, {estimate.reason}: {estimate.detail}")
    low, high = estimate.interval.low, estimate.interval.high
    return f"{estimate.value:+,.1f}  {low:+,.1f} to {high:+,.1f}  ({estimate.grade})"
