"""`cvo clv` on a company: predictions into profiles, and how earlier ones did."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from cvo.cli.common import console, open_company, plain, print_json
from cvo.cli.steps import steps
from cvo.core.clock import to_datetime
from cvo.core.evidence import NotEstimable

if TYPE_CHECKING:
    from rich.console import Console

    from cvo.app.clv import CompanyClv, Scored


def run(folder: Path | None, seed: int, *, as_json: bool) -> None:
    """Value a company's customers and say what came of it (exit code 1 if nothing could be fitted)."""
    from cvo.app.clv import value_customers

    with open_company(folder) as company, steps() as progress:
        valued = value_customers(
            company, seed=seed, progress=lambda done, total: progress("Valuing customers", done, total)
        )
    if as_json:
        print_json(_as_data(valued))
    else:
        _show(valued, console())
    if isinstance(valued.fit, NotEstimable):
        raise SystemExit(1)


def _as_data(valued: "CompanyClv") -> dict[str, Any]:
    return {
        "model": valued.model,
        "customers": valued.customers,
        "expected": valued.expected,
        "fit": valued.fit,
        "past": [
            {
                "model": each.model,
                "made_on": _day(each),
                "days": each.days,
                "customers": each.customers,
                "scores": each.scores,
            }
            for each in valued.past
        ],
    }


def _show(valued: "CompanyClv", out: "Console") -> None:
    if isinstance(valued.fit, NotEstimable):
        out.print(plain(f"Not estimable, {valued.fit.reason}: {valued.fit.detail}"))
    else:
        from cvo.cli.clv import show

        show(valued.fit)
        out.print(f"\n[bold]{valued.customers:,} customers[/] are expected to bring, in margin from now on:")
        for days, money in valued.expected.items():
            out.print(f"  {money!r} within {days:,} days")
        out.print("Rules and features can ask for it: lifetime.value_365_days, lifetime.overdue …")
    if valued.past:
        out.print("\n[bold]Earlier predictions[/] whose horizon has passed:")
    for each in valued.past:
        out.print(f"  {_day(each)}, {each.days:,} days, {each.customers:,} customers: {plain(_told(each))}")


def _told(scored: "Scored") -> str:
    if isinstance(scored.scores, NotEstimable):
        return scored.scores.detail
    return f"total off by {scored.scores.aggregate_error:+.1%}, Gini {scored.scores.gini:.2f}"


def _day(scored: "Scored") -> str:
    return to_datetime(scored.made_at).date().isoformat()
