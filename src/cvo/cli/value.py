"""`cvo value`: what was caused, and what was realised."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from cvo.cli.common import company_option, console, figure, json_option, open_company, plain, print_json
from cvo.core.clock import format_rfc3339
from cvo.core.evidence import Estimate, NotEstimable

if TYPE_CHECKING:
    from rich.table import Table

    from cvo.app.value import Value
    from cvo.ledger.caused import Caused


@click.command("value")
@company_option
@json_option
def command(folder: Path | None, as_json: bool) -> None:
    """Report what was caused, measured against customers left alone, and what was realised."""
    with open_company(folder, write=False) as company:
        report = company.value()
    if as_json:
        print_json(as_data(report))
    else:
        show(report)


def as_data(report: "Value") -> dict[str, Any]:
    """Return the report as JSON shows it."""
    return {
        "as_of": format_rfc3339(report.as_of),
        "window_days": report.window_days,
        "programme": figure(report.programme),
        "actions": [_caused(each) for each in report.actions],
        "stages": [_caused(each) for each in report.stages],
        "realised": report.realised,
        "assumptions": report.assumptions.by_name,
    }


def _caused(each: "Caused") -> dict[str, Any]:
    return {
        **msgspec.structs.asdict(each),
        **{name: figure(getattr(each, name)) for name in ("revenue", "margin", "value")},
    }


def show(report: "Value") -> None:
    """Print the report for a person."""
    out = console()
    out.print("[bold]What the whole programme caused[/], control group against everybody else:")
    out.print(f"  {_text(report.programme)}\n")
    longest = f"windows of up to {report.window_days} days"
    out.print(f"[bold]What deliveries caused[/] in {longest}, against doing nothing:\n")
    out.print(_table([*report.actions, *report.stages], report.realised.margin.currency, out.width))
    realised = report.realised
    out.print(
        f"\n[bold]Realised[/], whoever caused it: {realised.revenue!r} revenue in {realised.orders:,} orders, "
        f"{realised.refunds!r} refunded, {realised.margin!r} margin, {realised.contact_cost!r} for contacts."
    )
    if realised.unvalued:
        out.print(f"{realised.unvalued:,} orders or refunds in other currencies are in no figure.")
    out.print("\n[bold]Assumed[/], not measured:")
    for name, each in report.assumptions.by_name.items():
        out.print(f"  {name} {each.value:g}  [dim]{plain(each.because)}[/]")


def _table(rows: list["Caused"], currency: str, width: int) -> "Table":
    from rich.table import Table

    from cvo.reports import common_scale, interval_bar

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(currency)
    for heading in ("deliveries", "revenue", "margin", "spend", "value"):
        table.add_column(heading, justify="right")
    table.add_column("95 % interval of value", no_wrap=True)
    estimates = [row.value for row in rows if isinstance(row.value, Estimate)]
    scale = common_scale(estimates, 0.0) if estimates else None
    room = min(40, max(12, width - 60))
    for row in rows:
        cells = [
            plain(row.name),
            f"{row.deliveries:,}",
            _amount(row.revenue),
            _amount(row.margin),
            f"{row.spend:,.0f}",
        ]
        if isinstance(row.value, Estimate) and scale is not None:
            bar = interval_bar(row.value, scale, width=room, reference=0.0)
            table.add_row(*cells, _amount(row.value), bar)
        elif isinstance(row.value, NotEstimable):
            table.add_row(*cells, "—", plain(row.value.detail))
    return table


def _amount(estimate: Estimate | NotEstimable) -> str:
    return f"{estimate.value:,.0f}" if isinstance(estimate, Estimate) else "—"


def _text(estimate: Estimate | NotEstimable) -> str:
    if isinstance(estimate, NotEstimable):
        return plain(f"not estimable, {estimate.reason}: {estimate.detail}")
    low, high = estimate.interval.low, estimate.interval.high
    return (
        f"{estimate.value:,.2f} {estimate.unit}, {estimate.interval.level:.1%} interval {low:,.2f} to {high:,.2f} "
        f"({estimate.grade})"
    )
