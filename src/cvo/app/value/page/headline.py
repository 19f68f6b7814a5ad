"""The headline and how it grew."""

from cvo.app.value.report import Value
from cvo.core.clock import DAY
from cvo.core.evidence import Estimate, NotEstimable
from cvo.ledger.reconcile import Reconciled
from cvo.reports import (
    COUNT,
    PERCENT,
    Block,
    Column,
    Curve,
    Figure,
    Figures,
    IntervalChart,
    IntervalRow,
    Point,
    Reference,
    Section,
    Series,
    Table,
    money_format,
)

_WEEK = 7 * DAY


def currency_of(report: Value) -> str:
    """Return the currency of every figure."""
    return report.realised.margin.currency


def title(report: Value) -> str:
    """Return the finding the figures support, in one line."""
    split = report.split
    if not isinstance(split, Reconciled):
        return "What the programme caused can’t be told yet"
    total, money = split.headline, money_format(currency_of(report))
    if not total.interval.excludes(0.0):
        return "The programme’s effect can’t be told from nothing"
    verb = "caused" if total.value > 0 else "cost"
    return f"The programme {verb} {money.text(abs(total.value))} of value"


def headline(report: Value) -> Section:
    """Show the total, the same a customer, and the arms it compares."""
    currency = currency_of(report)
    change, small = money_format(currency, signed=True), money_format(currency, decimals=2, signed=True)
    split, found = report.split, report.headline
    total = split.headline if isinstance(split, Reconciled) else report.programme
    figures = [
        Figure(
            label="Value caused among treated customers",
            estimate=total,
            format=change,
            note="Margin less costs of contact and service, control group against everybody else.",
            emphasis=True,
        ),
        Figure(label="The same, a customer", estimate=report.programme, format=small),
    ]
    blocks: list[Block] = []
    if found is not None and not isinstance(found.cap, NotEstimable):
        figures.append(
            Figure(
                label="A customer, uncapped",
                estimate=found.uncapped,
                format=small,
                note=f"Above, margin counts up to {money_format(currency, decimals=2).text(found.cap)} a customer, "
                "alike in both arms.",
            )
        )
    blocks.append(Figures(tuple(figures)))
    if found is not None and found.started_at is not None:
        blocks.append(
            Table(
                title="Who is compared",
                columns=(
                    Column("Arm"),
                    Column("Customers", COUNT),
                    Column("Bought", COUNT),
                    Column("Merged from both arms", PERCENT),
                ),
                rows=tuple(
                    (name, arm.customers, arm.buyers, arm.contaminated_rate)
                    for name, arm in found.arms.items()
                ),
                note="A customer merged from ids of both arms stays in the arm first given; that can "
                "only hide effect.",
            )
        )
    return Section("What the whole programme caused", tuple(blocks))


def over_time(report: Value) -> list[Section]:
    """Show the total as it grew, and the effect by weeks since a customer's first decision."""
    currency = currency_of(report)
    change = money_format(currency, signed=True)
    started = report.headline.started_at if report.headline is not None else None
    points = tuple(
        Point((each.at - (started or each.at)) / _WEEK, each.total.value, each.total.interval)
        for each in report.cumulative
        if isinstance(each.total, Estimate)
    )
    blocks: list[Block] = []
    if len(points) > 1:
        blocks.append(
            Curve(
                title="Value caused so far, at the end of every week",
                subtitle="Total among treated customers, with intervals that hold together at all weeks",
                x_axis="weeks of the programme",
                y_axis=currency,
                series=(Series("Value caused", points),),
                y_format=change,
            )
        )
    rows = tuple(
        IntervalRow(f"week {each.week + 1}", each.effect)
        for each in report.since_first
        if isinstance(each.effect, Estimate)
    )
    if rows:
        blocks.append(
            IntervalChart(
                title="Does it last?",
                subtitle="Value caused a customer in each week since the first decision for them",
                rows=rows,
                format=money_format(currency, decimals=2, signed=True),
                reference=Reference(0.0, "like control"),
                note="Weeks with fewer than a hundred buyers in an arm are left out.",
            )
        )
    return [Section("How it grew", tuple(blocks))] if blocks else []
