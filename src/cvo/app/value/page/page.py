"""The page a chief marketing officer takes to the chief financial officer: what was caused, how sure, and why."""

from pathlib import Path

from cvo.app.value.bank import Bank
from cvo.app.value.page.breakdown import for_whom_nothing, growth, matrix, parts, to_stop
from cvo.app.value.page.displacement import displacement
from cvo.app.value.page.headline import headline, over_time, title
from cvo.app.value.page.notes import assumptions, methods
from cvo.app.value.page.realised import realised
from cvo.app.value.report import Value
from cvo.core.clock import Instant, to_datetime
from cvo.reports import COUNT, Page, render


def write_page(report: Value, bank: Bank, company: str, file: Path) -> Path:
    """Write the page as one HTML file and return its path; an older one is replaced."""
    draft = file.with_name(f".{file.name}")
    draft.write_text(render(page(report, bank, company)), encoding="utf-8")
    return draft.replace(file)


def page(report: Value, bank: Bank, company: str) -> Page:
    """Return the page; the same figures give the same page."""
    return Page(
        kicker=f"Customer value · {company}",
        title=title(report),
        lead=(
            "Caused means: compared with customers, or moments, that were left alone by chance. What would have "
            "happened anyway is in no figure called caused. Every figure has an interval and says what it rests on."
        ),
        facts=_facts(report),
        sections=(
            headline(report),
            *over_time(report),
            *parts(report),
            matrix(report),
            *growth(report),
            *to_stop(report),
            *for_whom_nothing(report),
            *displacement(report),
            realised(report, bank),
            assumptions(report, bank),
            methods(report),
        ),
        footer="Made by cvo value --page; cvo value --json and --out hold the same figures.",
    )


def _facts(report: Value) -> tuple[tuple[str, str], ...]:
    found, question = report.headline, report.question
    facts = [("As of", _day(report.as_of))]
    if question.since is not None:
        facts.append(("From", _day(question.since)))
    if found is not None and found.started_at is not None:
        facts += [
            ("Programme since", _day(found.started_at)),
            ("Full weeks", COUNT.text(found.weeks)),
            *((f"Customers {name}", COUNT.text(arm.customers)) for name, arm in found.arms.items()),
        ]
    return (*facts, ("Outcome windows", f"up to {report.window_days} days"))


def _day(at: Instant) -> str:
    return f"{to_datetime(at):%d %B %Y}"
