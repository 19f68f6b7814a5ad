"""What the e-mails of the whole trial caused, and what learning took from one half of it."""

from cvo.app.demo.report import findings
from cvo.app.demo.report.names import alone
from cvo.app.demo.run import Demo
from cvo.core.evidence import Grade
from cvo.ledger.caused import Caused
from cvo.reports import (
    COUNT,
    Block,
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


def actions(demo: Demo) -> Section:
    """Show what the deliveries of the whole trial caused, and what learning took from the teaching half."""
    change = money_format(findings.currency(demo), signed=True)
    rows = tuple((_name(caused), caused) for caused in (*demo.value.actions, *demo.value.stages))
    everybody = COUNT.text(demo.learning_customers + demo.evaluated_customers)
    blocks: tuple[Block, ...] = (
        f"All {everybody} customers, both halves: what those who got an e-mail brought in "
        f"{demo.value.window_days} days, less what comparable customers brought who got none. "
        "These are totals of the trial as it was run, with more customers than the comparison above, and "
        "not of a policy.",
        _value_chart(rows, change),
        _kappa(demo),
        _caused_table(rows, findings.currency(demo)),
        Figures(
            (
                Figure(
                    label="Programme effect: control group against everybody else",
                    estimate=demo.value.programme,
                    format=change,
                    note="The headline of a running programme; a trial from elsewhere cannot have one.",
                ),
            )
        ),
    )
    return Section(findings.earned_their_cost(demo), blocks)


Rows = tuple[tuple[str, Caused], ...]


def _name(caused: Caused) -> str:
    return f"Stage {caused.name}" if caused.by == "stage" else alone(caused.name)


def _value_chart(rows: Rows, change: Format) -> IntervalChart:
    return IntervalChart(
        title="Value caused",
        subtitle="Margin caused less contact cost, total, 95 % intervals",
        rows=tuple(IntervalRow(name, caused.value) for name, caused in rows),
        format=change,
        reference=Reference(0.0, "pays its cost"),
        half=True,
    )


def _kappa(demo: Demo) -> IntervalChart:
    estimates = demo.incrementality
    taught = any(estimate.grade is not Grade.ASSUMED for estimate in estimates.values())
    return IntervalChart(
        title="Incrementality κ",
        subtitle="Margin caused as a share of the margin attributed, 95 % of the posterior",
        rows=tuple(IntervalRow(alone(action), each) for action, each in estimates.items()),
        format=Format(decimals=2),
        reference=Reference(1.0, "all of it caused"),
        note="Learned on the teaching half; it scales what the response model expects of an e-mail."
        if taught
        else "The teaching half alone did not support a measured comparison, so the policy decided on what "
        "the catalogue assumes.",
        half=True,
    )


def _caused_table(rows: Rows, currency: str) -> Table:
    money, change = money_format(currency), money_format(currency, signed=True)
    return Table(
        title="Caused, in total",
        columns=(
            Column("E-mail"),
            Column("Deliveries", COUNT),
            Column("Revenue caused", change),
            Column("Margin caused", change),
            Column("Spent", money),
            Column("Value: margin less spent", change),
        ),
        rows=tuple(
            (name, caused.deliveries, caused.revenue, caused.margin, caused.spend, caused.value)
            for name, caused in rows
        ),
    )
