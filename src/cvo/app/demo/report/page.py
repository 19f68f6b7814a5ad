"""The demo's page: the headline its figures support, the charts, and how each number was made."""

from pathlib import Path

from cvo.app.demo.report import findings
from cvo.app.demo.report.caused import actions
from cvo.app.demo.report.model import choices, predictions
from cvo.app.demo.report.notes import assumptions, methods
from cvo.app.demo.report.result import result
from cvo.app.demo.run import Demo
from cvo.reports import COUNT, Page, money_format, render

NAME = "report.html"
SOURCE = (
    "Data: Kevin Hillstrom, MineThatData E-Mail Analytics And Data Mining Challenge, 2008; "
    "published for public use, no licence text."
)


def write_report(demo: Demo, folder: Path) -> Path:
    """Write the demo's page into a folder as one HTML file and return its path; an older one is replaced."""
    file, draft = folder / NAME, folder / f".{NAME}"
    draft.write_text(render(page(demo)), encoding="utf-8")
    return draft.replace(file)


def page(demo: Demo) -> Page:
    """Return the page on the demo's figures; the same figures give the same page."""
    customers = demo.learning_customers + demo.evaluated_customers
    return Page(
        kicker="Customer value optimisation · a randomised e-mail trial",
        title=findings.headline(demo),
        lead=f"{findings.lead(demo)}\n\n{_basis(demo)}",
        facts=(
            ("Customers in the trial", COUNT.text(customers)),
            ("Taught", COUNT.text(demo.learning_customers)),
            ("Judged", COUNT.text(demo.evaluated_customers)),
            ("Drawn by lot", "Men’s, women’s or no e-mail"),
            ("Outcome window", f"{demo.value.window_days} days"),
            ("Seed", str(demo.seed)),
        ),
        sections=(
            result(demo),
            actions(demo),
            predictions(demo),
            choices(demo),
            assumptions(demo),
            methods(demo),
        ),
        footer=SOURCE,
    )


def _basis(demo: Demo) -> str:
    """Say in two sentences what the figures rest on: who judges, and what is not measured."""
    margin_rate = demo.value.assumptions["margin_rate"].value
    cost = money_format(findings.currency(demo), decimals=2).text(findings.contact_cost(demo))
    return (
        "One half of the customers taught the policy; it then decided for the other half, whose outcomes it "
        "had not seen, and these judge it here. Margin is taken as "
        f"{margin_rate * 100:g}\N{NO-BREAK SPACE}% of spend, and every e-mail as costing {cost}."
    )
