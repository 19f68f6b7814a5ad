"""Experiments as pages: the promise beside what was found; and whether anybody can be targeted."""

from collections.abc import Sequence
from pathlib import Path

from cvo.app.experiments.status import Status
from cvo.core.clock import to_datetime
from cvo.core.evidence import Estimate, NotEstimable
from cvo.experiments import Conclusion, Finding, Guardrail, Registration, Report
from cvo.reports import (
    COUNT,
    Assumption,
    Assumptions,
    Block,
    Column,
    Figure,
    Figures,
    Format,
    IntervalChart,
    IntervalRow,
    Method,
    Methods,
    Page,
    Reference,
    Section,
    Table,
    render,
)

_SAID = {
    Conclusion.ADOPT: "adopt {}",
    Conclusion.REJECT: "reject {}",
    Conclusion.UNDECIDED: "nothing can be told of {} yet",
    Conclusion.TOO_EARLY: "too early to judge {}",
    Conclusion.REFUSED: "the data cannot judge {}",
}
_NO_EFFECT = Reference(0.0, "control")


def write(page: Page, file: Path) -> Path:
    """Write a page as one HTML file; an older one is replaced."""
    draft = file.with_name(f".{file.name}")
    draft.write_text(render(page), encoding="utf-8")
    return draft.replace(file)


def experiment_page(status: Status) -> Page:
    """Return the page on an experiment as it stands."""
    made = status.registered
    promise, report = made.registration, status.report
    return Page(
        kicker=f"Customer value optimisation · experiment {promise.name}",
        title=_title(promise.name, report),
        lead=(
            f"{promise.hypothesis or 'No hypothesis was written down.'} What decides was put on the record before "
            "anybody was given an arm; whatever else is shown is exploratory and settles nothing."
        ),
        facts=(
            ("Registered", f"{to_datetime(made.at):%d %B %Y}, {made.author}"),
            ("Promise", made.version[:12]),
            ("As of", f"{to_datetime(status.as_of):%d %B %Y}"),
            ("Enrolled", COUNT.text(sum(status.enrolled.values()))),
            ("Horizons closed", COUNT.text(status.closed)),
        ),
        sections=(
            _promise(promise),
            *([] if isinstance(report, NotEstimable) else _found(promise, report)),
            _checks(status),
            _methods(promise),
        ),
    )


def _title(name: str, report: Report | NotEstimable) -> str:
    if isinstance(report, NotEstimable):
        return f"{name}: {report.detail}"
    said = [_SAID[conclusion].format(arm) for arm, conclusion in report.conclusions.items()]
    return f"{name}: {'; '.join(said)}"


def _promise(promise: Registration) -> Section:
    better = "higher is better" if promise.higher_is_better else "lower is better"
    rows = [
        ("Goal", f"{promise.goal.name}, {better}"),
        ("Smallest effect worth having", f"{promise.minimum_effect:g} {promise.goal.unit}"),
        ("Outcomes count for", f"{promise.horizon_days} days"),
        ("Judged", f"{promise.timetable}, errors at most {promise.alpha:.1%}"),
        ("Arms", ", ".join(f"{arm} {share:.0%}" for arm, share in promise.shares.items())),
        (
            "Traffic",
            f"layer {promise.traffic.layer}, {promise.traffic.start:.0%} to {promise.traffic.end:.0%}",
        ),
        *(("Guardrail", _rail(rail)) for rail in promise.guardrails),
    ]
    if promise.customers:
        rows.append(("Planned", f"{promise.customers:,} customers"))
    blocks: list[Block] = [
        Table(title="Registered", columns=(Column("Part"), Column("Promise")), rows=tuple(rows))
    ]
    if promise.assumptions:
        items = [
            Assumption(name=name, value="taken as true", why=why) for name, why in promise.assumptions.items()
        ]
        blocks.append(Assumptions(tuple(items)))
    return Section("What was promised", tuple(blocks))


def _rail(rail: Guardrail) -> str:
    direction = "fall" if rail.higher_is_better else "rise"
    return f"{rail.metric.name} may not {direction} by more than {rail.tolerance:g}"


def _found(promise: Registration, report: Report) -> list[Section]:
    unit = promise.goal.unit or promise.goal.name
    written = _format(report.goal)
    figures = Figures(
        tuple(
            Figure(
                label=f"{each.arm}, {unit} a customer", estimate=each.effect, format=written, emphasis=True
            )
            for each in report.goal
        )
    )
    blocks: list[Block] = [figures, _chart("What the arms did", report.goal)]
    if report.refused is not None:
        blocks.insert(0, f"Nothing can be decided: {report.refused.detail}.")
    sections = [Section("What it did", tuple(blocks))]
    if report.guardrails:
        charts = tuple(_chart(f"Guardrail: {name}", rows) for name, rows in _by_metric(report.guardrails))
        sections.append(Section("What must not get worse", charts))
    if report.exploratory:
        charts = tuple(_chart(name, rows) for name, rows in _by_metric(report.exploratory))
        sections.append(Section("Exploratory: not promised, settles nothing", charts))
    return sections


def _by_metric(findings: Sequence[Finding]) -> list[tuple[str, list[Finding]]]:
    names = dict.fromkeys(each.metric for each in findings)
    return [(name, [each for each in findings if each.metric == name]) for name in names]


def _chart(title: str, findings: Sequence[Finding]) -> IntervalChart:
    level = next((e.effect.interval.level for e in findings if isinstance(e.effect, Estimate)), 0.95)
    adjusted = findings[0].adjusted_by
    by = f", adjusted by {adjusted}" if adjusted else ""
    notes = {None: "", True: "holds", False: "broken"}
    return IntervalChart(
        title=title,
        subtitle=f"{findings[0].metric} a customer against control{by}, {100 * level:.4g} % intervals",
        rows=tuple(IntervalRow(f"{each.arm} {notes[each.holds]}".strip(), each.effect) for each in findings),
        format=_format(findings),
        reference=_NO_EFFECT,
    )


def _format(findings: Sequence[Finding]) -> Format:
    """Write as many decimals as the smallest standard error needs."""
    errors = [e.effect.standard_error for e in findings if isinstance(e.effect, Estimate)]
    smallest = min((error for error in errors if error > 0), default=1.0)
    decimals = next((digits for digits in range(7) if smallest >= 0.5 * 10.0**-digits), 7)
    return Format(decimals=decimals, signed=True)


def _checks(status: Status) -> Section:
    refused = None if isinstance(status.report, NotEstimable) else status.report.refused
    split = ", ".join(f"{count:,} {arm}" for arm, count in status.enrolled.items())
    rows = [
        ("Arms fell as planned", split if refused is None else refused.detail),
        ("Merged out of two arms", f"{status.contaminated:,} customers"),
    ]
    if isinstance(status.exposure, NotEstimable):
        rows.append(("Exposure", status.exposure.detail))
    else:
        shown = ", ".join(f"{count:,} {arm}" for arm, count in status.exposure.exposed.items())
        rows.append(("Exposed to a decision", f"{shown} (p {status.exposure.p:.3f} that arms are alike)"))
    for name, each in status.interactions.items():
        said = (
            each.detail if isinstance(each, NotEstimable) else f"p {each.effects_p:.3f} that effects add up"
        )
        rows.append((f"Together with {name}", said))
    table = Table(title="Can it be trusted?", columns=(Column("Check"), Column("Found")), rows=tuple(rows))
    return Section("Checks", (table,))


def _methods(promise: Registration) -> Section:
    judged = {
        "once": Method(figure="Interval", how="Normal, judged once, when every planned horizon has closed."),
        "weekly": Method(
            figure="Interval",
            how="At look k, after k full weeks, of level 1 − α/(k(k+1)): errors add up to α.",
        ),
        "always": Method(
            figure="Interval",
            how="A mixture sequential probability ratio test, valid whenever it is looked at.",
            formula="δ ± √(V(V+τ²)/τ² · (log((V+τ²)/V) − 2 log α))",
            source="Johari, Koomen, Pekelis, Walsh 2022",
        ),
    }
    effect = Method(
        figure="Effect",
        how=(
            "All that a customer brought in the horizon, whatever they got, compared by the arm first given; "
            "customers are independent. Adjusted figures take out what the time before explains (CUPED)."
        ),
        source="Deng, Knoblich, Lu 2018; Deng, Xu, Kohavi, Walker 2013",
    )
    return Section("How these numbers were made", (Methods((effect, judged[promise.timetable.value])),))
