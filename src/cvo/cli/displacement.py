"""What each action displaced, what each lever cost, what knowing the customer is worth: as data and for a person."""

from typing import TYPE_CHECKING, Any

import msgspec

from cvo.cli.common import figure, plain, show_reasons
from cvo.core.clock import format_rfc3339
from cvo.core.evidence import Estimate, NotEstimable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console
    from rich.table import Table

    from cvo.app.what_if import Displaced, Displacement

_SHOWN = 3


def as_data(found: "Displacement | NotEstimable") -> dict[str, Any]:
    """Return the figures as JSON shows them."""
    if isinstance(found, NotEstimable):
        return figure(found)
    return {
        **msgspec.structs.asdict(found),
        "since": format_rfc3339(found.since),
        "until": format_rfc3339(found.until),
        **{name: [_row(each) for each in getattr(found, name)] for name in ("actions", "levers", "knowing")},
    }


def _row(each: "Displaced") -> dict[str, Any]:
    return {**msgspec.structs.asdict(each), "value": figure(each.value)}


def show(found: "Displacement | NotEstimable", out: "Console") -> None:
    """Print displacement, levers and what knowing is worth."""
    if isinstance(found, NotEstimable):
        out.print(f"\n[bold]What actions displaced[/]: {plain(found.detail)}")
        return
    out.print(
        f"\n[bold]What each displaced[/]: what runs less the same without it, {found.currency} per 1,000 decisions, on "
        f"{found.decisions:,} decisions for {found.customers:,} customers:\n"
    )
    out.print(_table(found.actions))
    if found.levers:
        out.print("\n[bold]What each lever brought[/], below 0 what it cost:\n")
        out.print(_table(found.levers))
    out.print("\n[bold]Are we customer-centric?[/] Decisions that knowing changed, and what that is worth:\n")
    out.print(_table(found.knowing))
    show_reasons([each.value for each in [*found.actions, *found.levers, *found.knowing]], out)
    if found.later_slots is not None:
        out.print(f"\n{plain(found.later_slots.detail)}.", soft_wrap=True)


def _table(rows: "Sequence[Displaced]") -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("")
    table.add_column("differ", justify="right")
    table.add_column("value", justify="right")
    table.add_column("95 % interval")
    table.add_column("taken, per 1,000 decisions, from")
    for each in rows:
        table.add_row(plain(each.name), f"{each.share:.1%}", *_value(each), plain(taken(each)))
    return table


def _value(each: "Displaced") -> tuple[str, str]:
    if not isinstance(each.value, Estimate):
        return "—", plain(each.value.reason)
    interval = each.value.interval
    weight = "bold" if each.stands_out else "default"
    return (
        f"[{weight}]{each.value.value:+,.1f}[/]",
        f"{interval.low:+,.1f} to {interval.high:+,.1f} ({each.value.grade})",
    )


def taken(each: "Displaced") -> str:
    """Return from whom most was taken, in words."""
    most = sorted(each.took.items(), key=lambda item: (-item[1], item[0]))[:_SHOWN]
    return ", ".join(f"{option or 'nothing'} {amount:,.1f}" for option, amount in most)
