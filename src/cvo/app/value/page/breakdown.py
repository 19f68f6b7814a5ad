"""The headline in parts, the matrix asked for, growth by source, and what to stop."""

from collections.abc import Sequence

from cvo.app.value.page.headline import currency_of
from cvo.app.value.report import Value
from cvo.core.clock import to_datetime
from cvo.core.evidence import Estimate, NotEstimable
from cvo.ledger.caused import NO_SERVICE_COSTS, Caused
from cvo.ledger.growth import Split
from cvo.ledger.reconcile import Reconciled
from cvo.reports import (
    COUNT,
    PERCENT,
    Block,
    Cell,
    Column,
    Figure,
    Figures,
    Format,
    IntervalChart,
    IntervalRow,
    Reference,
    Section,
    Table,
    money_format,
)

_TIMES = Format(suffix="\N{MULTIPLICATION SIGN}", decimals=1)
_SOURCES = {
    "customers": "More customers",
    "orders_per_customer": "More orders per customer",
    "value_per_order": "More value per order",
    "total": "Together",
}


def parts(report: Value) -> list[Section]:
    """Show the rows, the cap and the rest that add up to the headline."""
    split = report.split
    if not isinstance(split, Reconciled):
        return []
    change = money_format(currency_of(report), signed=True)
    rows = [IntervalRow(each.name, each.value) for each in split.rows if isinstance(each.value, Estimate)]
    if split.cap is not None:
        rows.append(IntervalRow("Taken by the cap", split.cap))
    rows.append(IntervalRow("Carry-over and interaction", split.rest))
    rows.append(IntervalRow("Headline", split.headline, emphasis=True))
    thin = f" Too thin to be told apart, and in it: {', '.join(split.in_rest)}." if split.in_rest else ""
    chart = IntervalChart(
        title="From deliveries to the headline",
        subtitle="Value caused; rows add up to the headline exactly",
        rows=tuple(rows),
        format=change,
        reference=Reference(0.0, "nothing"),
        note="Rows are what own deliveries caused inside their windows, among the same customers and "
        "weeks. Carry-over and "
        f"interaction is what the headline has beyond them.{thin}",
    )
    return [Section("What it is made of", (chart,))]


def matrix(report: Value) -> Section:
    """Show every cell of the columns asked for, with all its figures."""
    by = report.question.by
    if not report.rows:
        return Section("By " + ", ".join(by), ("No action was chosen in this period.",))
    currency = currency_of(report)
    blocks: list[Block] = []
    known = [each for each in report.rows if isinstance(each.value, Estimate)]
    if known:
        blocks.append(
            IntervalChart(
                title="Value caused, against doing nothing",
                subtitle="Margin and costs lowered less spend, 95 % intervals; bold ones stand out "
                "even among so many",
                rows=tuple(IntervalRow(each.name, each.value, emphasis=each.stands_out) for each in known),
                format=money_format(currency, signed=True),
                reference=Reference(0.0, "pays its cost"),
            )
        )
    blocks.append(_table(report.rows, by, currency))
    return Section("By " + ", ".join(by), tuple(blocks))


def _table(rows: Sequence[Caused], by: Sequence[str], currency: str) -> Table:
    money, change = money_format(currency), money_format(currency, signed=True)
    silent = all(each.cost_lowered == NO_SERVICE_COSTS for each in rows)
    lowered = () if silent else (Column("Cost lowered", change),)
    return Table(
        title="All figures",
        columns=(
            Column(", ".join(by).capitalize()),
            Column("Deliveries", COUNT),
            Column("Revenue raised", change),
            *lowered,
            Column("Margin", change),
            Column("Spend", money),
            Column("Value", change),
            Column("Return", _TIMES),
        ),
        rows=tuple(_row(each, silent=silent) for each in rows),
        note="Return is value over spend."
        + (" No activity says what service cost, so no cost lowered is in these figures." if silent else ""),
    )


def _row(each: Caused, *, silent: bool) -> tuple[Cell, ...]:
    if isinstance(each.value, NotEstimable):
        # The reason once and in short: it is the same in every column, and written out in the other outputs.
        gaps: list[Cell] = [""] * (1 if silent else 2)
        return (each.name, each.deliveries, each.value.reason, *gaps, each.spend, "", "")
    served = "too few" if isinstance(each.cost_lowered, NotEstimable) else each.cost_lowered
    lowered: list[Cell] = [] if silent else [served]
    returned: Cell = "" if isinstance(each.return_on_spend, NotEstimable) else each.return_on_spend
    return (each.name, each.deliveries, each.revenue, *lowered, each.margin, each.spend, each.value, returned)


def growth(report: Value) -> list[Section]:
    """Show where margin grew from, and what of it was caused."""
    found = report.growth
    if found is None or not isinstance(found.split, Split) or not found.after.customers:
        return []
    if not found.before.customers:
        day = f"{to_datetime(found.since):%d %B %Y}"
        return [Section("Where growth came from", (f"Nobody bought in as long a stretch before {day}.",))]
    change = money_format(currency_of(report), signed=True)
    caused, rest = found.caused, found.not_caused
    rows: list[tuple[Cell, ...]] = []
    for name, words in _SOURCES.items():
        whole = getattr(found.split, name)
        if isinstance(caused, NotEstimable) or isinstance(rest, NotEstimable):
            rows.append((words, whole, "", ""))
        else:
            rows.append((words, whole, getattr(caused, name), getattr(rest, name)))
    why = (
        f" What of it was caused is not estimable: {caused.detail}."
        if isinstance(caused, NotEstimable)
        else ""
    )
    begin, end = (f"{to_datetime(at):%d %B %Y}" for at in (found.since, found.until))
    table = Table(
        title=f"Margin from {begin} to {end}, against as long a stretch before",
        columns=(
            Column("Source"),
            Column("Change", change),
            Column("Caused", change),
            Column("Not caused", change),
        ),
        rows=tuple(rows),
        note=f"From {COUNT.text(found.before.customers)} to {COUNT.text(found.after.customers)} "
        f"customers who bought, from "
        f"{COUNT.text(found.before.orders)} to {COUNT.text(found.after.orders)} orders. Parts add up "
        f"exactly. Margin is before costs of contact and service.{why}",
    )
    return [Section("Where growth came from", (table,))]


def to_stop(report: Value) -> list[Section]:
    """Show the actions that are not worth doing, and what to do instead."""
    if not report.stop:
        return []
    small = money_format(currency_of(report), decimals=2, signed=True)
    money = money_format(currency_of(report), signed=True)
    worst = report.stop[0]
    rows = tuple(
        (
            stop.action,
            stop.per_delivery,
            stop.saved,
            stop.instead or "nothing",
            "" if stop.instead_per_delivery is None else stop.instead_per_delivery,
        )
        for stop in report.stop
    )
    table = Table(
        title="Not worth doing",
        columns=(
            Column("Action"),
            Column("Value a delivery", small),
            Column("Saved by not doing it", money),
            Column("Instead"),
            Column("Value a delivery", small),
        ),
        rows=rows,
        note="Of the actions named here one in ten may be named by chance (Benjamini, Hochberg 1995), at one look. "
        "What to do instead is chosen on one half of the customers and its value estimated on the other.",
    )
    card = Figures(
        (Figure(label=f"Stop {worst.action}: saved in the period", estimate=worst.saved, format=money),)
    )
    return [Section("What to stop", (card, table))]


def for_whom_nothing(report: Value) -> list[Section]:
    """Show the customers for whom no action was worth doing, grouped by why."""
    found = report.underserved
    if found is None or isinstance(found, NotEstimable) or not found.customers:
        return []
    table = Table(
        title=f"{COUNT.text(found.customers)} of {COUNT.text(found.decided_for)} treated customers decided for",
        columns=(Column("Why"), Column("Customers", COUNT), Column("Share", PERCENT)),
        rows=tuple(
            (each.because, each.customers, each.customers / found.decided_for) for each in found.groups[:10]
        ),
        note="Their latest decision had no action that qualified and was expected to bring more than "
        "it costs. A rule named "
        "is the one that refused most actions.",
    )
    return [Section("For whom nothing was worth doing", (table,))]
