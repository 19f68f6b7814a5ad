"""`cvo bank`: what customers have brought, what is expected of them, and how expectations came out."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from cvo.cli.common import company_option, console, figure, json_option, open_company, plain, print_json
from cvo.cli.growth import causes_data
from cvo.core.clock import format_rfc3339, to_datetime
from cvo.core.errors import InvalidInput
from cvo.core.evidence import NotEstimable
from cvo.ledger.tables import DISCOUNT

if TYPE_CHECKING:
    from polars import DataFrame
    from rich.console import Console

    from cvo.app.value.bank import Bank
    from cvo.ledger.surrogate import Surrogate


_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("bank")
@company_option
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Write a row a customer: .csv or .parquet."
)
@click.option("--to", "until", help="A date or time up to which it is told.")
@json_option
def command(folder: Path | None, out: Path | None, until: str | None, as_json: bool) -> None:
    """Show the value bank: brought so far to the cent, expected to come, and how past expectations came out.

    Expectations are the predictions of `cvo clv --company DIR`, with model and time; each is held against what came
    once its horizon has passed. ΔCLV is what an action changed after its window, where an experiment has closed.
    """
    check_table_file(out)
    with open_company(folder, write=False) as company:
        found = company.bank(until=until)
    if out is not None:
        write_table(found.rows, out)
    if as_json:
        print_json(as_data(found))
    else:
        show(found)


def check_table_file(file: Path | None) -> None:
    """Refuse a file whose name does not say how to write a table into it."""
    if file is not None and file.suffix not in {".csv", ".parquet"}:
        raise InvalidInput(f"--out {file} ends in neither .csv nor .parquet, which say how to write it")


def write_table(rows: "DataFrame", file: Path) -> None:
    """Write a table as the name of the file says."""
    if file.suffix == ".csv":
        rows.write_csv(file)
    else:
        rows.write_parquet(file)


def as_data(found: "Bank") -> dict[str, Any]:
    """Return the figures as JSON shows them."""
    return {
        "as_of": format_rfc3339(found.as_of),
        "currency": found.currency,
        "customers": found.customers,
        "realised": found.realised,
        "incentives": found.incentives,
        "expected": figure(found.expected) if isinstance(found.expected, NotEstimable) else found.expected,
        "scores": [
            {**msgspec.structs.asdict(each), "made_at": format_rfc3339(each.made_at)} for each in found.scores
        ],
        "clv_changes": [
            {
                "action": each.action,
                "window_days": each.window_days,
                "horizon_days": each.horizon_days,
                "window": causes_data(each.window),
                "afterwards": causes_data(each.afterwards),
                "surrogate": _surrogate(each.surrogate),
                "change": figure(each.change),
                "change_days": each.change_days,
            }
            for each in found.clv_changes
        ],
    }


def _surrogate(found: "Surrogate | NotEstimable") -> dict[str, Any]:
    if isinstance(found, NotEstimable):
        return figure(found)
    return {
        "horizon_days": found.horizon_days,
        "change": figure(found.change),
        "off_by": {action: figure(each) for action, each in found.off_by.items()},
    }


def show(found: "Bank") -> None:
    """Print the figures for a person."""
    out, realised = console(), found.realised
    out.print(f"[bold]Brought so far[/] by {found.customers:,} customers:")
    for name, words in (
        ("revenue", "revenue"),
        ("refunds", "of it refunded"),
        ("margin", "margin"),
        ("contact_cost", "for contacts"),
        ("service_cost", "for service"),
        ("value", "value: margin less both"),
    ):
        out.print(f"  {realised[name]!r:>24}  {words}")
    if found.incentives:
        out.print("[bold]Given to them[/], and in the figures above:")
    for kind, amount in found.incentives.items():
        where = "revenue" if kind == DISCOUNT else "margin"
        out.print(f"  {amount!r:>24}  {plain(kind)}: {where} is less it already")
    out.print("\n[bold]Expected to come[/], discounted margin by the latest predictions:")
    if isinstance(found.expected, NotEstimable):
        out.print(plain(f"  {found.expected.detail}"))
    else:
        for each in found.expected:
            out.print(f"  {each.expected!r:>24}  of {each.customers:,} customers within {each.days:,} days")
    _show_scores(found, out)
    _show_changes(found, out)


def _show_scores(found: "Bank", out: "Console") -> None:
    if not found.scores:
        return
    out.print(
        "\n[bold]Predictions whose horizon has passed[/]; 80 % of customers should be between P10 and P90:"
    )
    for each in found.scores:
        off = each.expected_minor / each.came_minor - 1 if each.came_minor else None
        total = "nothing came" if off is None else f"total off by {off:+.1%}"
        made = f"{to_datetime(each.made_at):%d %B %Y}"
        out.print(
            f"  {made}, {each.days:,} days, {each.customers:,} customers: {total}, "
            f"{each.within_range_rate:.0%} between P10 and P90  [dim]{plain(each.model)}[/]"
        )


def _show_changes(found: "Bank", out: "Console") -> None:
    from cvo.ledger.surrogate import REFUSED, Surrogate

    if not found.clv_changes:
        return
    out.print(f"\n[bold]ΔCLV[/] of a customer who got the action, {found.currency}:")
    for each in found.clv_changes:
        change = each.change
        if isinstance(change, NotEstimable):
            out.print(plain(f"  {each.action}: as assumed; not measured, {change.detail}"))
        else:
            low, high = change.interval.low, change.interval.high
            read = ", read from a surrogate" if isinstance(each.surrogate, Surrogate) else ""
            out.print(
                f"  {plain(each.action)}: {change.value:+,.2f}, 95 % interval {low:+,.2f} to {high:+,.2f}, in the "
                f"{each.change_days} days after its window ({change.grade}{read})"
            )
        if isinstance(each.surrogate, NotEstimable) and each.surrogate.reason == REFUSED:
            out.print(plain(f"    no surrogate for longer: {each.surrogate.detail}"))
