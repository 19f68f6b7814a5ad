"""What each policy would have earned, and the differences that matter."""

from cvo.app.demo.report import findings
from cvo.app.demo.report.names import POLICIES, inside
from cvo.app.demo.run import Demo
from cvo.app.evaluate import PolicyFigures
from cvo.core.evidence import Estimate, NotEstimable
from cvo.reports import (
    COUNT,
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


def result(demo: Demo) -> Section:
    """Show what each policy would have earned on the judging half, and the differences that matter."""
    money, change = money_format(findings.currency(demo)), money_format(findings.currency(demo), signed=True)
    levels = IntervalChart(
        title="What each policy would have earned",
        subtitle="Margin after contact cost per 1,000 customers, doubly robust, 95 % intervals",
        rows=tuple(
            IntervalRow(name, demo.policies[key].estimate, emphasis=key == "learned")
            for key, name in POLICIES.items()
        ),
        format=money,
        reference=_level(demo, "nobody", "no e-mail"),
        note=f"Judged on {COUNT.text(demo.evaluated_customers)} customers who taught the policy nothing. "
        "Overlap of two intervals decides nothing; the differences below do, as they are taken customer by "
        "customer.",
    )
    differences = (
        _differences(demo, "nobody", "Against no e-mail", change),
        _differences(
            demo,
            demo.best_single,
            f"Against the {inside(demo.best_single)} for all",
            change,
            note=f"Of the two, the {inside(demo.best_single)} had the higher mean on the teaching half; "
            "picking it on the half that judges would flatter it.",
        ),
    )
    return Section(
        findings.against_nobody(demo), (_cards(demo, change), levels, *differences, _estimators(demo, money))
    )


def _cards(demo: Demo, change: Format) -> Figures:
    learned, single = demo.policies["learned"], demo.policies[demo.best_single]
    differences = (
        ("Learned policy against no e-mail", learned.difference_to_nobody),
        (f"Learned policy against the {inside(demo.best_single)} for all", learned.difference_to_best_single),
        (f"{POLICIES[demo.best_single]} against no e-mail", single.difference_to_nobody),
    )
    return Figures(
        tuple(
            Figure(
                label=label,
                estimate=difference,
                format=change,
                note=f"Margin caused per 1,000 customers. {findings.comparison(difference)}",
                emphasis=place == 0,
            )
            for place, (label, difference) in enumerate(differences)
        )
    )


def _level(demo: Demo, policy: str, label: str) -> Reference | None:
    estimate = demo.policies[policy].estimate
    return Reference(estimate.value, label) if isinstance(estimate, Estimate) else None


def _differences(demo: Demo, base: str, title: str, change: Format, note: str = "") -> IntervalChart:
    def difference(figures: PolicyFigures) -> Estimate | NotEstimable:
        return figures.difference_to_nobody if base == "nobody" else figures.difference_to_best_single

    return IntervalChart(
        title=title,
        subtitle="Margin after contact cost per 1,000 customers, 95 % intervals",
        rows=tuple(
            IntervalRow(name, difference(demo.policies[key]), emphasis=key == "learned")
            for key, name in POLICIES.items()
            if key != base
        ),
        format=change,
        reference=Reference(0.0, "no difference"),
        note=note,
        half=True,
    )


def _estimators(demo: Demo, money: Format) -> Table:
    """Return the same values by three estimators: agreement shows that the model carries none of them."""
    rows: list[tuple[Cell, ...]] = []
    for key, name in POLICIES.items():
        figures = demo.policies[key]
        robust = figures.estimate
        effective = robust.effective_sample_size if isinstance(robust, Estimate) else None
        plain: Cell = "" if figures.arm_mean is None else figures.arm_mean
        rows.append((name, robust, figures.snips, plain, "" if effective is None else effective))
    return Table(
        title="Three estimators side by side",
        columns=(
            Column("Policy"),
            Column("Doubly robust", money),
            Column("Self-normalised weights", money),
            Column("Plain mean of the arm", money),
            Column("Effective customers", COUNT),
        ),
        rows=tuple(rows),
        note="Margin after contact cost per 1,000 customers. Effective customers: how many of those judged a "
        "comparison by weights is worth.",
    )
