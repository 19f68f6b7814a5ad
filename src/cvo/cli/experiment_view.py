"""How experiments are shown: the promise beside what was found, what is exploratory marked as such."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from cvo.cli.common import console, figure, plain
from cvo.core.clock import format_rfc3339
from cvo.core.evidence import Estimate, NotEstimable

if TYPE_CHECKING:
    from rich.console import Console

    from cvo.app.experiments.registry import Registered
    from cvo.app.experiments.status import Status
    from cvo.experiments import Finding, Report


def promise_data(made: "Registered") -> dict[str, Any]:
    """Return a registration as JSON shows it."""
    return {
        "version": made.version,
        "registered_at": format_rfc3339(made.at),
        "author": made.author,
        "ended_at": None if made.ended_at is None else format_rfc3339(made.ended_at),
        "because": made.because,
        "registration": made.registration,
    }


def report_data(report: "Report") -> dict[str, Any]:
    """Return a report as JSON shows it."""
    return {
        **msgspec.structs.asdict(report),
        "refused": None if report.refused is None else figure(report.refused),
        **{name: findings_data(getattr(report, name)) for name in ("goal", "guardrails", "exploratory")},
    }


def findings_data(findings: Sequence["Finding"]) -> list[dict[str, Any]]:
    """Return findings as JSON shows them."""
    return [
        {**msgspec.structs.asdict(each), "effect": figure(each.effect), "relative": figure(each.relative)}
        for each in findings
    ]


def as_data(status: "Status") -> dict[str, Any]:
    """Return how an experiment stands as JSON shows it."""
    return {
        **promise_data(status.registered),
        "as_of": format_rfc3339(status.as_of),
        "enrolled": status.enrolled,
        "contaminated": status.contaminated,
        "closed": status.closed,
        "exposure": _value_or_reason(status.exposure),
        "interactions": {name: _value_or_reason(each) for name, each in status.interactions.items()},
        "report": figure(status.report)
        if isinstance(status.report, NotEstimable)
        else report_data(status.report),
    }


def _value_or_reason(value: Any) -> Any:
    return figure(value) if isinstance(value, NotEstimable) else value


def show(status: "Status") -> None:
    """Print how an experiment stands for a person."""
    out, promise = console(), status.registered.registration
    out.print(f"[bold]{plain(promise.name)}[/]  {plain(promise.hypothesis)}")
    out.print(
        f"promised {format_rfc3339(status.registered.at)} by {plain(status.registered.author)} "
        f"[dim]{status.registered.version[:12]}[/]: {plain(promise.goal.name)}, at least "
        f"{promise.minimum_effect:g}, in {promise.horizon_days} days, judged {promise.timetable}"
    )
    for name, because in promise.assumptions.items():
        out.print(f"assumed: {plain(name)}, {plain(because)}")
    arms = ", ".join(f"{count:,} {plain(arm)}" for arm, count in status.enrolled.items())
    out.print(f"enrolled: {arms}; horizons closed: {status.closed:,}; contaminated: {status.contaminated:,}")
    if not isinstance(status.exposure, NotEstimable):
        warning = "" if status.exposure.p >= 0.001 else "  [red]exposure differs by arm[/]"
        out.print(f"exposed: {_counts(status.exposure.exposed)} (p {status.exposure.p:.3f}){warning}")
    for name, each in status.interactions.items():
        said = (
            each.detail
            if isinstance(each, NotEstimable)
            else f"p {each.effects_p:.3f} over {each.customers:,}"
        )
        out.print(f"interaction with {plain(name)}: {plain(said)}")
    if isinstance(status.report, NotEstimable):
        out.print(plain(f"\nno report yet: {status.report.detail}"))
    else:
        out.print()
        show_report(status.report)


def show_report(report: "Report") -> None:
    """Print a report: the conclusion by arm, then the figures it rests on."""
    out = console()
    if report.refused is not None:
        out.print(f"[red]refused[/], {plain(report.refused.reason)}: {plain(report.refused.detail)}\n")
    for arm, conclusion in report.conclusions.items():
        out.print(f"[bold]{plain(arm)}: {conclusion}[/]")
    for heading, findings in (
        ("goal", report.goal),
        ("guardrails", report.guardrails),
        ("exploratory, settles nothing", report.exploratory),
    ):
        if findings:
            out.print(f"\n{heading}, {100 * report.level:.4g} % intervals")
            show_findings(findings, out)


def show_findings(findings: Sequence["Finding"], out: "Console") -> None:
    """Print effects with intervals, the arms of one metric on one scale."""
    for name in dict.fromkeys(map(_name, findings)):
        out.print(f"[bold]{plain(name)}[/]")
        _show_arms([each for each in findings if _name(each) == name], out)


def _show_arms(findings: Sequence["Finding"], out: "Console") -> None:
    from rich.table import Table

    from cvo.reports import common_scale, interval_bar

    drawn = [each.effect for each in findings if isinstance(each.effect, Estimate)]
    scale = common_scale(drawn, 0.0) if drawn else (-1.0, 1.0)
    room = min(40, max(10, out.width - 64))
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    for heading in ("arm", "effect", "interval", "relative", "bar", "note"):
        table.add_column(justify="right" if heading in {"effect", "interval", "relative"} else "left")
    for each in findings:
        if isinstance(each.effect, NotEstimable):
            out.print(plain(f"{each.arm}: {each.effect.detail}"))
            continue
        interval = each.effect.interval
        table.add_row(
            plain(each.arm),
            f"{each.effect.value:,.4g}",
            f"{interval.low:,.4g} to {interval.high:,.4g}",
            f"{each.relative.value:+.1%}" if isinstance(each.relative, Estimate) else "",
            interval_bar(each.effect, scale, width=room, reference=0.0),
            _note(each),
        )
    if drawn:
        out.print(table)


def _name(finding: "Finding") -> str:
    adjusted = f", adjusted by {finding.adjusted_by}" if finding.adjusted_by else ""
    return f"{finding.metric}{adjusted}"


def _note(finding: "Finding") -> str:
    if finding.holds is not None:
        return "holds" if finding.holds else "broken"
    return ""


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {plain(arm)}" for arm, count in counts.items())
