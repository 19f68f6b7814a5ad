"""`cvo demo`: a real randomised trial through the whole product."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cvo.cli.common import console, figure, json_option, plain, print_json
from cvo.cli.demo_journey import command as complete_journey
from cvo.core.evidence import Estimate

if TYPE_CHECKING:
    from rich.table import Table

    from cvo.app.demo.run import Demo

ORDER = ("learned", "mens", "womens", "random", "nobody")


@click.group("demo", invoke_without_command=True)
@click.option(
    "--company",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("cvo-demo"),
    show_default=True,
    help="Where the demo's company is made.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Same seed, same figures.")
@json_option
@click.pass_context
def command(context: click.Context, folder: Path, seed: int, as_json: bool) -> None:
    """Take a randomised e-mail trial of 64,000 customers through the whole product, on this machine.

    The options are the trial's; another demo has its own, after its name.
    """
    if context.invoked_subcommand is None:
        _trial(folder, seed, as_json=as_json)


command.add_command(complete_journey)


def _trial(folder: Path, seed: int, *, as_json: bool) -> None:
    from cvo.app.demo.report import write_report
    from cvo.app.demo.run import run
    from cvo.cli.steps import steps

    started = time.monotonic()
    with steps() as progress:
        demo = run(folder, seed, progress)
    report = write_report(demo, folder)
    elapsed = time.monotonic() - started
    if as_json:
        print_json({**as_data(demo), "report": str(report), "elapsed_seconds": round(elapsed, 1)})
    else:
        _show(demo, folder, report, elapsed)


def as_data(demo: "Demo") -> dict[str, Any]:
    """Return the figures as JSON shows them."""
    return {
        "policies": {name: _policy(demo, name) for name in ORDER},
        "best_single": demo.best_single,
        "evaluated_customers": demo.evaluated_customers,
        "learning_customers": demo.learning_customers,
        "assumptions": demo.assumptions,
    }


def _policy(demo: "Demo", name: str) -> dict[str, Any]:
    figures = demo.policies[name]
    shown = figure(figures.estimate)
    if figures.arm_mean is not None:
        shown["arm_mean"] = figures.arm_mean
    return {
        **shown,
        "snips": figure(figures.snips),
        "difference_to_nobody": figure(figures.difference_to_nobody),
        "difference_to_best_single": figure(figures.difference_to_best_single),
    }


def _show(demo: "Demo", folder: Path, report: Path, elapsed: float) -> None:
    out = console()
    out.print(
        f"\n[bold]Margin after contact cost per 1,000 customers[/], on {demo.evaluated_customers:,} customers "
        "who taught nothing:\n"
    )
    out.print(_table(demo))
    out.print(
        f"\nThe better single action, chosen on the other half, is [bold]{demo.best_single}[/]. "
        "Every e-mail was drawn by lot, so all of this is measured."
    )
    out.print(f"The whole story with pictures: [bold]{plain(report)}[/]  [dim]({elapsed:.0f} s)[/]\n")
    out.print("What to try next:")
    example = demo.decisions[0]
    for text in (
        "cvo value",
        f"cvo decide --customer {example.customer} --placement newsletter --explain",
        f"cvo why {example.decision_id}",
        f"cvo replay {example.decision_id}",
    ):
        out.print(f"  {text} --company {plain(folder)}", soft_wrap=True)


def _table(demo: "Demo") -> "Table":
    from rich.table import Table

    from cvo.reports import common_scale, interval_bar

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("policy")
    table.add_column("USD", justify="right", style="bold")
    table.add_column("95 % interval")
    table.add_column("against nobody", justify="right")
    table.add_column(f"against {demo.best_single}", justify="right")
    estimates = [
        figures.estimate for figures in demo.policies.values() if isinstance(figures.estimate, Estimate)
    ]
    scale = common_scale(estimates)
    for name in ORDER:
        figures = demo.policies[name]
        if not isinstance(figures.estimate, Estimate):
            table.add_row(name, "—", plain(figures.estimate.detail))
            continue
        table.add_row(
            name,
            f"{figures.estimate.value:,.0f}",
            interval_bar(figures.estimate, scale, width=20),
            _difference(figures.difference_to_nobody),
            _difference(figures.difference_to_best_single),
        )
    return table


def _difference(estimate: Any) -> str:
    if not isinstance(estimate, Estimate) or estimate.standard_error == 0:
        return ""
    low, high = estimate.interval.low, estimate.interval.high
    return f"{estimate.value:+,.0f} [dim]{low:+,.0f} … {high:+,.0f}[/]"
