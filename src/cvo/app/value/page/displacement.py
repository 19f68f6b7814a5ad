"""What each action displaced, what each lever cost, and what it is worth to know the customer."""

from collections.abc import Sequence

from cvo.app.value.report import Value
from cvo.app.what_if import Displaced, Displacement
from cvo.core.evidence import Estimate, NotEstimable
from cvo.reports import (
    PERCENT,
    Block,
    Column,
    Format,
    IntervalChart,
    IntervalRow,
    Reference,
    Section,
    Table,
    money_format,
)

_KNOWING = {
    "context": "The moment: place, stock, device",
    "history": "What the customer did and got",
    "person": "The person, not only the segment",
}
_COUNT = Format(decimals=1)


def displacement(report: Value) -> list[Section]:
    """Show each action, lever and thing known beside the same policy without it, if that was asked for."""
    found = report.displacement
    if found is None:
        return []
    if isinstance(found, NotEstimable):
        return [Section("What actions displaced", (f"Can't be told: {found.detail}.",))]
    sections = [
        Section(
            "What each action displaced",
            _blocks(found, found.actions, "What runs less the same without the action", _FOUND),
        )
    ]
    if found.levers:
        what = "What runs less the same without the lever: below 0 it cost value"
        sections.append(Section("What each lever cost", _blocks(found, found.levers, what, _FOUND)))
    known = [(_KNOWING[each.name], each) for each in found.knowing]
    blocks = _named(found, known, "What runs less the same without knowing it", _CENTRIC)
    return [*sections, Section("Are we customer-centric?", blocks)]


_FOUND = (
    "Both policies were asked about every decision of the log, and what would have followed is estimated doubly "
    "robustly from draws of known probability. Decisions that differ are as many at least as would have come to "
    "customers otherwise. Of the claims that stand out one in ten may be false. "
)
_CENTRIC = (
    "Rules were kept throughout. Without the person everybody gets what is usual in their segment: each option as "
    "likely as it is on average for customers with the same category features, at the placement. "
)


def _blocks(found: Displacement, rows: Sequence[Displaced], what: str, note: str) -> tuple[Block, ...]:
    return _named(found, [(each.name, each) for each in rows], what, note)


def _named(
    found: Displacement, rows: Sequence[tuple[str, Displaced]], what: str, note: str
) -> tuple[Block, ...]:
    change = money_format(found.currency, signed=True)
    blocks: list[Block] = []
    known = [(name, each, each.value) for name, each in rows if isinstance(each.value, Estimate)]
    if known:
        blocks.append(
            IntervalChart(
                title=what,
                subtitle=f"{found.currency} per 1,000 decisions, 95 % intervals; bold ones stand out",
                rows=tuple(IntervalRow(name, value, emphasis=each.stands_out) for name, each, value in known),
                format=change,
                reference=Reference(0.0, "makes no difference"),
            )
        )
    table = Table(
        title=f"{found.decisions:,} decisions for {found.customers:,} customers",
        columns=(
            Column(""),
            Column("Decisions that differ", PERCENT),
            Column("Value", change),
            Column("Taken, per 1,000 decisions, mostly from"),
            Column("So many", _COUNT),
        ),
        rows=tuple(
            (
                name,
                each.share,
                each.value.reason if isinstance(each.value, NotEstimable) else each.value,
                *_most(each),
            )
            for name, each in rows
        ),
        note=note + (f"{found.later_slots.detail}." if found.later_slots is not None else ""),
    )
    return (*blocks, table)


def _most(each: Displaced) -> tuple[str, float | str]:
    if not each.took:
        return "", ""
    option, amount = min(each.took.items(), key=lambda item: (-item[1], item[0]))
    return option or "nothing", amount
