"""`cvo value`: what was caused, and what was realised."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from cvo.cli.bank import check_table_file, write_table
from cvo.cli.common import (
    company_option,
    console,
    figure,
    json_option,
    open_company,
    plain,
    print_json,
    show_reasons,
)
from cvo.cli.displacement import as_data as displacement_data
from cvo.cli.displacement import show as show_displacement
from cvo.cli.growth import as_data as growth_data
from cvo.core.clock import format_rfc3339
from cvo.core.evidence import Estimate, Interval, NotEstimable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from cvo.app.value import Value
    from cvo.app.value.programme import Programme
    from cvo.ledger.caused import Caused
    from cvo.ledger.reconcile import Reconciled

_FILE = click.Path(path_type=Path, dir_okay=False)
_FIGURES = ("revenue", "cost_lowered", "margin", "value", "return_on_spend")


@click.command("value")
@company_option
@click.option("--from", "since", help="A date or time (RFC 3339) from which decisions count.")
@click.option("--to", "until", help="A date or time up to which they and their windows count.")
@click.option("--by", help="Columns to split by: stage, action, team, week, month.  [default: stage,action]")
@click.option("--displacement", is_flag=True, help="Add what each action and lever displaced; takes a while.")
@click.option("--page", "page_file", type=_FILE, help="Write a page with pictures, as .html.")
@click.option("--out", type=_FILE, help="Write the rows, as .csv or .parquet.")
@json_option
def command(
    folder: Path | None,
    since: str | None,
    until: str | None,
    by: str | None,
    displacement: bool,
    page_file: Path | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Report what was caused, measured against customers left alone, and what was realised."""
    check_table_file(out)
    with open_company(folder, write=False) as company:
        columns = by.split(",") if by else ()
        if displacement:
            from cvo.cli.steps import steps

            with steps() as progress:
                report = company.value(
                    since=since, until=until, by=columns, displaced=True, progress=progress
                )
        else:
            report = company.value(since=since, until=until, by=columns)
        if page_file is not None:
            from cvo.app.value.page import write_page

            write_page(report, company.bank(until=until), company.config.name, page_file)
    if out is not None:
        from cvo.app.value.table import rows_of

        write_table(rows_of(report), out)
    if as_json:
        print_json(as_data(report))
    else:
        show(report)


def as_data(report: "Value") -> dict[str, Any]:
    """Return the report as JSON shows it."""
    question = report.question
    return {
        "as_of": format_rfc3339(report.as_of),
        "from": None if question.since is None else format_rfc3339(question.since),
        "to": None if question.until is None else format_rfc3339(question.until),
        "by": question.by,
        "window_days": report.window_days,
        "programme": figure(report.programme),
        "headline": None if report.headline is None else _headline(report.headline),
        "split": _split(report.split),
        "cumulative": [
            {"at": format_rfc3339(each.at), "customers": each.customers, "total": figure(each.total)}
            for each in report.cumulative
        ],
        "since_first_decision": [
            {"week": each.week, "effect": figure(each.effect)} for each in report.since_first
        ],
        "growth": None if report.growth is None else growth_data(report.growth),
        "stop": [
            {
                "action": each.action,
                "per_delivery": figure(each.per_delivery),
                "saved": figure(each.saved),
                "instead": each.instead,
                "instead_per_delivery": None
                if each.instead_per_delivery is None
                else figure(each.instead_per_delivery),
            }
            for each in report.stop
        ],
        "underserved": figure(report.underserved)
        if isinstance(report.underserved, NotEstimable)
        else report.underserved,
        "displacement": None if report.displacement is None else displacement_data(report.displacement),
        "rows": [_caused(each) for each in report.rows],
        "actions": [_caused(each) for each in report.actions],
        "stages": [_caused(each) for each in report.stages],
        "realised": report.realised,
        "assumptions": report.assumptions.by_name,
    }


def _headline(found: "Programme") -> dict[str, Any]:
    return {
        "started_at": None if found.started_at is None else format_rfc3339(found.started_at),
        "until": format_rfc3339(found.until),
        "weeks": found.weeks,
        "uncapped": figure(found.uncapped),
        "cap": _plain(found.cap),
        "arms": found.arms,
    }


def _split(found: "Reconciled | NotEstimable | None") -> dict[str, Any] | None:
    if found is None or isinstance(found, NotEstimable):
        return None if found is None else figure(found)
    return {
        "headline": figure(found.headline),
        "rows": [_caused(each) for each in found.rows],
        "cap": None if found.cap is None else figure(found.cap),
        "carry_over_and_interaction": figure(found.rest),
        "in_carry_over": found.in_rest,
    }


def _caused(each: "Caused") -> dict[str, Any]:
    return {
        **msgspec.structs.asdict(each),
        **{name: figure(getattr(each, name)) for name in _FIGURES},
        "anytime": _plain(each.anytime),
    }


def _plain(found: float | Interval | NotEstimable) -> Any:
    return figure(found) if isinstance(found, NotEstimable) else found


def show(report: "Value") -> None:
    """Print the report for a person."""
    out = console()
    out.print("[bold]What the whole programme caused[/], control group against everybody else:")
    out.print(f"  {_text(report.programme)}")
    if report.headline is not None and isinstance(report.programme, Estimate):
        _show_headline(report.headline, out)
    longest = f"windows of up to {report.window_days} days"
    out.print(f"\n[bold]What deliveries caused[/] in {longest}, against doing nothing:\n")
    rows = report.rows if report.question.by != ("stage", "action") else report.actions
    shown = [*rows, *report.stages] if rows is report.actions else rows
    out.print(_table(shown, report.realised.margin.currency, out.width))
    show_reasons([each.value for each in shown], out)
    _show_split(report, out)
    for stop in report.stop:
        saved = f"{stop.saved.value:,.0f} {stop.saved.unit}"
        instead = f"{plain(stop.instead)} in its place" if stop.instead else "nothing in its place"
        out.print(f"\n[bold]Stop {plain(stop.action)}[/]: it lost {saved} in the period; do {instead}.")
    _show_underserved(report, out)
    if report.displacement is not None:
        show_displacement(report.displacement, out)
    realised = report.realised
    served = realised.service_cost
    service = f", {served!r} for service" if served is not None and served.amount else ""
    out.print(
        f"\n[bold]Realised[/], whoever caused it: {realised.revenue!r} revenue in {realised.orders:,} orders, "
        f"{realised.refunds!r} refunded, {realised.margin!r} margin, {realised.contact_cost!r} for contacts{service}."
    )
    if realised.unvalued:
        out.print(f"{realised.unvalued:,} orders or refunds in other currencies are in no figure.")
    out.print("\n[bold]Assumed[/], not measured:")
    for name, each in report.assumptions.by_name.items():
        out.print(f"  {name} {each.value:g}  [dim]{plain(each.because)}[/]")


def _show_underserved(report: "Value", out: "Console") -> None:
    found = report.underserved
    if found is None or isinstance(found, NotEstimable) or not found.customers:
        return
    share = found.customers / found.decided_for
    out.print(
        f"\n[bold]Under-served[/]: for {found.customers:,} customers ({share:.0%}) no action was worth doing:"
    )
    for group in found.groups[:5]:
        out.print(f"  {group.customers:,}: {plain(group.because)}")


def _show_headline(found: "Programme", out: "Console") -> None:
    if not isinstance(found.cap, NotEstimable):
        out.print(
            f"  margin capped at {found.cap:,.2f} a customer, in both arms; uncapped {_text(found.uncapped)}"
        )
    for name, arm in found.arms.items():
        out.print(
            f"  [dim]{name}: {arm.customers:,} customers, {arm.buyers:,} bought, "
            f"{arm.contaminated_rate:.1%} merged from both arms[/]"
        )


def _show_split(report: "Value", out: "Console") -> None:
    found = report.split
    if found is None or isinstance(found, NotEstimable):
        return
    unit = found.headline.unit
    out.print(
        f"\n[bold]The headline in parts[/], {unit} in {report.headline.weeks if report.headline else 0} weeks:\n"
    )
    lines = [(each.name, each.value) for each in found.rows]
    if found.cap is not None:
        lines.append(("taken by the cap", found.cap))
    lines += [("carry-over and interaction", found.rest), ("headline", found.headline)]
    out.print(_estimates(lines, out.width))
    if found.in_rest:
        out.print(f"[dim]{len(found.in_rest)} rows too thin to be told apart are in carry-over.[/]")


def _estimates(lines: list[tuple[str, Estimate | NotEstimable]], width: int) -> "Table":
    from rich.table import Table

    from cvo.reports import common_scale, interval_bar

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    scale = common_scale([each for _, each in lines], 0.0)
    for name, each in lines:
        if isinstance(each, NotEstimable):
            table.add_row(plain(name), "—", plain(each.reason))
        else:
            bar = interval_bar(each, scale, width=min(40, max(12, width - 60)), reference=0.0)
            table.add_row(plain(name), f"{each.value:+,.0f}", bar)
    return table


def _table(rows: list["Caused"], currency: str, width: int) -> "Table":
    from rich.table import Table

    from cvo.reports import common_scale, interval_bar

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(currency, overflow="fold")
    for heading in ("deliveries", "revenue", "margin", "spend", "value"):
        table.add_column(heading, justify="right", no_wrap=True)
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
            table.add_row(*cells, "—", plain(row.value.reason))
    return table


def _amount(estimate: Estimate | NotEstimable) -> str:
    return f"{estimate.value:,.0f}" if isinstance(estimate, Estimate) else "—"


def _text(estimate: Estimate | NotEstimable) -> str:
    if isinstance(estimate, NotEstimable):
        return plain(f"not estimable, {estimate.reason}: {estimate.detail}")
    from cvo.reports.numbers import level_text

    low, high = estimate.interval.low, estimate.interval.high
    return (
        f"{estimate.value:,.2f} {estimate.unit}, {level_text(estimate.interval.level)} {low:,.2f} to {high:,.2f} "
        f"({estimate.grade})"
    )
