"""`cvo growth`: where margin grew from, and what of it was caused."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cvo.cli.common import company_option, console, figure, json_option, open_company, plain, print_json
from cvo.core.clock import format_rfc3339, to_datetime
from cvo.core.evidence import NotEstimable

if TYPE_CHECKING:
    from rich.console import Console

    from cvo.app.value.growth import Change, Growth
    from cvo.ledger.growth import Causes

_SOURCES = {
    "customers": "more customers",
    "orders_per_customer": "more orders per customer",
    "value_per_order": "more value per order",
}


@click.command("growth")
@company_option
@click.option("--from", "since", help="A date or time (RFC 3339) at which the period begins.")
@click.option("--to", "until", help="A date or time at which it ends.")
@click.option("--by", help="Groups of customers: traits, category features, or segment.")
@click.option("--against", help="A group that the others are compared with, in the period.")
@json_option
def command(
    folder: Path | None,
    since: str | None,
    until: str | None,
    by: str | None,
    against: str | None,
    as_json: bool,
) -> None:
    """Split the change of margin, against as long a stretch before, by its sources.

    More customers, more orders per customer, more value per order: the three parts are the whole change, and each
    is split into what the programme caused and what it did not. Without a period it is that of the programme, or
    the last four weeks. --by does the same for groups of customers, whose changes sum to the whole; with --against
    it tells how the others differ from that group.
    """
    if against is not None and by is None:
        raise click.UsageError("--against names a group of --by; say by what")
    with open_company(folder, write=False) as company:
        columns = by.split(",") if by else ()
        found = company.growth(since=since, until=until, by=columns, against=against)
        currency = company.config.currency
    if as_json:
        print_json(as_data(found))
    else:
        show(found, currency)


def as_data(found: "Growth") -> dict[str, Any]:
    """Return the figures as JSON shows them."""
    return {
        "from": format_rfc3339(found.since),
        "to": format_rfc3339(found.until),
        **_change(found),
        "by": found.by,
        "against": found.against,
        "groups": [{"group": each.group, **_change(each)} for each in found.groups],
    }


def _change(found: "Change") -> dict[str, Any]:
    split, rest = found.split, found.not_caused
    return {
        "before": found.before,
        "after": found.after,
        "split": figure(split) if isinstance(split, NotEstimable) else split,
        "caused": causes_data(found.caused),
        "not_caused": figure(rest) if isinstance(rest, NotEstimable) else rest,
    }


def causes_data(caused: "Causes | NotEstimable") -> dict[str, Any]:
    """Return what was caused, by source, as JSON shows it."""
    if isinstance(caused, NotEstimable):
        return figure(caused)
    return {name: figure(getattr(caused, name)) for name in (*_SOURCES, "total")}


def show(found: "Growth", currency: str) -> None:
    """Print the figures for a person."""
    out = console()
    begin, end = (f"{to_datetime(at):%d %B %Y}" for at in (found.since, found.until))
    out.print(f"[bold]Margin[/] from {begin} to {end}, against as long a stretch before:")
    _show_change(found, currency, ("before", "after"), out)
    for each in found.groups:
        if found.against is None:
            out.print(f"\n[bold]{plain(each.group)}[/]")
            _show_change(each, currency, ("before", "after"), out)
        else:
            out.print(f"\n[bold]{plain(each.group)}[/] beyond [bold]{plain(found.against)}[/], in the period")
            _show_change(each, currency, (found.against, each.group), out)


def _show_change(found: "Change", currency: str, names: tuple[str, str], out: "Console") -> None:
    from rich.table import Table

    for name, each in zip(names, (found.before, found.after), strict=True):
        out.print(
            plain(
                f"  {name}: {each.customers:,.0f} customers, {each.orders:,.0f} orders, {each.margin:,.2f} {currency}"
            )
        )
    if isinstance(found.split, NotEstimable):
        out.print(plain(f"Not estimable, {found.split.reason}: {found.split.detail}"))
        return
    caused, rest = found.caused, found.not_caused
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(currency)
    for heading in ("change", "caused", "interval", "not caused"):
        table.add_column(heading, justify="right")
    for name, words in (*_SOURCES.items(), ("total", "together")):
        cells = ["—", "", "—"]
        if not isinstance(caused, NotEstimable) and not isinstance(rest, NotEstimable):
            part = getattr(caused, name)
            interval = f"{part.interval.low:+,.0f} … {part.interval.high:+,.0f}"
            cells = [f"{part.value:+,.0f}", interval, f"{getattr(rest, name):+,.0f}"]
        table.add_row(words, f"{getattr(found.split, name):+,.0f}", *cells)
    out.print()
    out.print(table)
    if isinstance(caused, NotEstimable):
        out.print(plain(f"What of it was caused is not estimable, {caused.reason}: {caused.detail}"))
