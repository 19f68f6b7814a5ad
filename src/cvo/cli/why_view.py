"""Why not mine, as people read it: a funnel with bars, the rules that refused, and what would change it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cvo.core.clock import Instant, format_rfc3339

if TYPE_CHECKING:
    from cvo.app.why import Why
    from cvo.decisions.why_not import WhyNot

_WIDTH = 30
_SHOWN = 8
_NOT_BY_RULE = {
    "consent": "ask for consent; no rule of ours can stand in for it",
    "placement": "a creative for placements in which it has none",
}


def as_data(why: "Why") -> dict[str, Any]:
    """Return everything as JSON shows it, times as text."""
    data: dict[str, Any] = msgspec.to_builtins(why)
    data["since"], data["until"] = _text(why.since), _text(why.until)
    for shown, stop in zip(data["found"]["stops"], why.found.stops, strict=True):
        shown["until"] = _text(stop.until)
    for shown, standing in zip(data["now"], why.now, strict=True):
        shown["at"] = _text(standing.at)
        shown["objections"] = [
            {
                "tier": each.refusal.tier,
                "rule": each.refusal.rule,
                "until": _text(each.refusal.until),
                "condition": each.condition,
                "values": each.values,
            }
            for each in standing.objections
        ]
    data["would_change_it"] = list(_remedies(why.found))
    return data


def show(why: "Why", console: Console) -> None:
    """Print what became of the action."""
    found = why.found
    whom = f"customer {why.customer}" if why.customer is not None else _counted(found.customers, "customer")
    console.print(
        Text.assemble(
            (found.action, "bold"),
            f" in {_counted(found.decisions, 'live decision')} for {whom}{_period(why)}",
        )
    )
    if found.decisions:
        console.print(_funnel(found))
        for part in (_stops(found), _rivals(found)):
            if part is not None:
                console.print()
                console.print(part)
        remedies = list(_remedies(found))
        if remedies:
            console.print("\nWhat would change it", style="bold")
            for remedy in remedies:
                console.print(Text(f"  {remedy}"))
    if why.now:
        console.print()
        console.print(_now(why))


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _period(why: "Why") -> str:
    since = "" if why.since is None else f" from {format_rfc3339(why.since)}"
    return since + ("" if why.until is None else f" to {format_rfc3339(why.until)}")


def _funnel(found: "WhyNot") -> Table:
    table = _table()
    for justify in ("left", "left", "right", "right"):
        table.add_column(justify=justify)
    for name, count in [("decisions", found.decisions), *((step.name, step.passed) for step in found.funnel)]:
        filled = round(_WIDTH * count / found.decisions)
        bar = ("█" * filled or "▏" * bool(count)).ljust(_WIDTH)
        table.add_row(name, Text(bar, style="green"), f"{count:,}", f"{count / found.decisions:.1%}")
    return table


def _stops(found: "WhyNot") -> Table | None:
    if not found.stops:
        return None
    table = _table("Refused by", "decisions")
    for stop in found.stops[:_SHOWN]:
        until = "" if stop.until is None else f", at the latest until {format_rfc3339(stop.until)}"
        table.add_row(Text(f"{stop.tier}: {stop.rule}{until}"), f"{stop.decisions:,}")
    if len(found.stops) > _SHOWN:
        table.add_row(f"and {len(found.stops) - _SHOWN} rules more", "")
    return table


def _rivals(found: "WhyNot") -> Table | None:
    if not found.rivals:
        return None
    levered = any(rival.by_levers for rival in found.rivals)
    heads = ("decisions", f"ahead by, {found.currency}", "its propensity then")
    table = _table("Chosen instead", *heads, *(("only by a lever",) if levered else ()))
    for rival in found.rivals[:_SHOWN]:
        cells = [f"{rival.decisions:,}", f"{rival.gap:+.4f}", f"{rival.propensity:.4f}"]
        table.add_row(Text(rival.option or "nothing"), *cells, *([f"{rival.by_levers:,}"] if levered else []))
    return table


def _remedies(found: "WhyNot") -> Iterator[str]:
    for stop in found.stops[:3]:
        share = f"{stop.decisions / found.decisions:.0%} of decisions"
        if stop.tier in _NOT_BY_RULE:
            yield f"{_NOT_BY_RULE[stop.tier]} ({share})"
        elif stop.until is not None:
            yield f"wait: the last of these rests ends at {format_rfc3339(stop.until)} ({share})"
        else:
            yield f"another rule than {stop.tier}: {stop.rule} ({share})"
    if found.shortfall is not None:
        short = found.shortfall
        priced = f", in {short.priced_out:,} of them because of prices alone" if short.priced_out else ""
        yield (
            f"{short.lacking:.4f} {found.currency} more of value a contact, {_half(short.decisions)} in which it was "
            f"expected to cost more than it brings{priced}"
        )
    if found.lever is not None and found.lever > 0:
        outranked = sum(rival.decisions for rival in found.rivals)
        yield (
            f"{found.lever:.4f} {found.currency} more of score: it would have led {_half(outranked)} "
            "in which something else was chosen"
        )


def _half(decisions: int) -> str:
    return "in the one decision" if decisions == 1 else f"in half of the {decisions:,} decisions"


def _now(why: "Why") -> Table:
    table = _table(f"For customer {why.customer} now, with nothing known of the moment")
    for standing in why.now:
        if not standing.objections:
            table.add_row(Text(f"{standing.placement}: qualifies"))
        for each in standing.objections:
            values = ", ".join(f"{name} is {_value(value)}" for name, value in each.values.items())
            until = "" if each.refusal.until is None else f", until {format_rfc3339(each.refusal.until)}"
            because = f" ({values})" if values else ""
            table.add_row(
                Text(
                    f"{standing.placement}: {each.refusal.tier}: {each.condition or each.refusal.rule}{because}{until}"
                )
            )
    return table


def _value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return "missing" if value is None else str(value)


def _text(at: Instant | None) -> str | None:
    return None if at is None else format_rfc3339(at)


def _table(*headers: str) -> Table:
    table = Table(
        box=None, show_header=bool(headers), header_style="bold", pad_edge=False, padding=(0, 2, 0, 0)
    )
    for number, header in enumerate(headers):
        table.add_column(header, justify="right" if number else "left")
    return table
