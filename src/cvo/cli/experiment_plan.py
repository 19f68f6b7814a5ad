"""`cvo experiment plan` and `check`: how many customers an experiment needs, and whether a metric is sound."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from cvo.cli.common import company_option, figure, json_option, open_company, print_json
from cvo.cli.experiment_file import FILE, metric_of
from cvo.core.errors import InvalidInput
from cvo.core.evidence import NotEstimable

if TYPE_CHECKING:
    import polars as pl


@click.command("plan")
@click.option("--effect", type=float, help="The smallest effect worth having; else --customers.")
@click.option("--customers", type=int, help="How many there will be, over both arms: what could they detect?")
@click.option("--sd", type=float, help="Standard deviation of the metric a customer; else --metric tells.")
@click.option("--metric", "column", default="", help="Column of the outcome, of past customers.")
@click.option(
    "--from", "file", type=FILE, help="CSV or Parquet of them; the company's customers if not given."
)
@company_option
@click.option("--per", default="", help="Column of the denominator, for a ratio.")
@click.option("--before", default="", help="Column from before, to adjust by (CUPED).")
@click.option(
    "--correlation", type=float, default=0.0, help="Of the metric with that column, where no file tells."
)
@click.option(
    "--share", type=float, default=0.5, show_default=True, help="Share of the treated; the rest is control."
)
@click.option(
    "--power", "target", type=float, default=0.8, show_default=True, help="Chance to find the effect."
)
@click.option(
    "--alpha", type=float, default=0.05, show_default=True, help="Chance to claim one that isn't there."
)
@click.option(
    "--timetable",
    type=click.Choice(("once", "weekly", "always")),
    default="once",
    show_default=True,
    help="When it may be judged.",
)
@click.option(
    "--looks", type=int, default=8, show_default=True, help="How often, where it is not judged once."
)
@click.option("--a-day", "a_day", type=float, help="Customers a day, to tell how long it takes.")
@click.option("--horizon-days", type=int, default=28, show_default=True, help="Days an outcome takes.")
@json_option
def plan(
    effect: float | None,
    customers: int | None,
    sd: float | None,
    column: str,
    file: Path | None,
    folder: Path | None,
    per: str,
    before: str,
    correlation: float,
    share: float,
    target: float,
    alpha: float,
    timetable: str,
    looks: int,
    a_day: float | None,
    horizon_days: int,
    as_json: bool,
) -> None:
    """Tell how many customers an experiment needs, or what so many could detect."""
    from cvo.app.experiments.file import spread
    from cvo.experiments import Design, Looks, customers_needed, days_needed, detectable_effect

    if (effect is None) == (customers is None):
        raise InvalidInput(
            "give --effect to learn how many customers it needs, or --customers to learn what they detect"
        )
    if sd is None and column:
        told = spread(_rows(file, folder, horizon_days), metric_of(column, per, before))
        sd, correlation = told.standard_deviation, told.correlation
    if sd is None:
        raise InvalidInput("give --sd, the metric's standard deviation a customer, or --metric COLUMN")
    design = Design(
        standard_deviation=sd,
        shares=(share, 1 - share),
        correlation=correlation,
        alpha=alpha,
        timetable=Looks(timetable),
        looks=looks,
    )
    needed = customers_needed(design, effect, target=target) if effect is not None else customers or 0
    found = detectable_effect(design, needed, target=target) if effect is None else effect
    days = None if a_day is None else days_needed(needed, a_day, horizon_days)
    if as_json:
        print_json({"design": design, "customers": needed, "effect": found, "power": target, "days": days})
        return
    click.echo(
        f"{needed:,} customers find an effect of {found:,.4g} with probability {target:g}, judged {timetable}."
    )
    click.echo(
        f"The metric has a standard deviation of {sd:,.4g}; {correlation**2:.0%} of its variance is explained."
    )
    if days is not None:
        click.echo(f"At {a_day:g} customers a day that takes {days:,} days.")


@click.command("check")
@click.argument("file", type=FILE, required=False)
@company_option
@click.option("--metric", "column", required=True, help="Column of the outcome.")
@click.option("--per", default="", help="Column of the denominator, for a ratio.")
@click.option(
    "--horizon-days", type=int, default=28, show_default=True, help="Days of the company to look at."
)
@click.option("--splits", type=int, default=1_000, show_default=True, help="How many random splits.")
@click.option("--seed", default="0", show_default=True, help="Same seed, same splits.")
@json_option
def check(
    file: Path | None,
    folder: Path | None,
    column: str,
    per: str,
    horizon_days: int,
    splits: int,
    seed: str,
    as_json: bool,
) -> None:
    """A/A self-check: split customers at random, many times, and count false alarms.

    Of FILE, one row a customer, or of a company: what its customers brought in the last days.
    """
    from cvo.app.experiments.file import check as split

    found = split(_rows(file, folder, horizon_days), metric_of(column, per), seed=seed, splits=splits)
    if isinstance(found, NotEstimable):
        raise InvalidInput(found.detail)
    if as_json:
        data = msgspec.structs.asdict(found) | {"rejected": figure(found.rejected), "sound": found.sound}
        print_json({name: value for name, value in data.items() if name != "p_values"})
    else:
        interval = found.rejected.interval
        click.echo(
            f"{found.splits:,} splits of {found.customers:,} customers: {found.rejected.value:.1%} rejected at "
            f"{found.alpha:.0%} ({interval.low:.1%} to {interval.high:.1%}), "
            f"p-values uniform with p {found.uniformity_p:.2f}"
        )
        click.echo(
            "The test is sound on this metric." if found.sound else "The test is NOT sound on this metric."
        )
    if not found.sound:
        raise SystemExit(1)


def _rows(file: Path | None, folder: Path | None, days: int) -> "pl.DataFrame":
    from cvo.app.experiments.file import read_customers

    if file is not None:
        return read_customers(file)
    from cvo.app.experiments.outcomes import recent

    with open_company(folder, write=False) as company:
        return recent(company, days)
