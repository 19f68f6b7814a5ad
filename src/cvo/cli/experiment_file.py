"""`cvo experiment analyse` and `uplift`: experiments in a file of one row a customer."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from cvo.cli.common import console, figure, json_option, plain, print_json
from cvo.core.errors import InvalidInput
from cvo.core.evidence import Estimate, NotEstimable

if TYPE_CHECKING:
    from cvo.experiments import Metric
    from cvo.experiments.uplift import Targeting

FILE = click.Path(path_type=Path)


def arm_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add what names the arms."""
    for option in (
        click.option(
            "--control", default="control", show_default=True, help="The arm others are compared with."
        ),
        click.option("--arm", "arm_column", default="arm", show_default=True, help="Column of the arm."),
    ):
        function = option(function)
    return function


@click.command("analyse")
@click.argument("file", type=FILE)
@arm_options
@click.option("--metric", "columns", multiple=True, help="Column of an outcome; may be repeated.")
@click.option("--per", default="", help="Column of the denominator, for a ratio.")
@click.option("--before", default="", help="Column from before the assignment, to adjust by (CUPED).")
@click.option("--strata", default="", help="Column of strata known before the assignment, to adjust by.")
@click.option("--cap", type=float, help="Count larger values as this much, set from the time before.")
@click.option("--quantile", type=float, help="Compare this quantile instead of the mean, such as 0.5.")
@click.option(
    "--share", "shares", multiple=True, help="A planned share, such as control=0.5; one for every arm."
)
@click.option("--level", type=float, default=0.95, show_default=True, help="Level of the intervals.")
@click.option("--registration", type=FILE, help="Judge by this registration (TOML) instead of --metric.")
@click.option(
    "--look", type=int, default=1, show_default=True, help="Which look it is, on a weekly timetable."
)
@json_option
def analyse(
    file: Path,
    arm_column: str,
    control: str,
    columns: tuple[str, ...],
    per: str,
    before: str,
    strata: str,
    cap: float | None,
    quantile: float | None,
    shares: tuple[str, ...],
    level: float,
    registration: Path | None,
    look: int,
    as_json: bool,
) -> None:
    """Compare the arms in FILE, one row a customer; without a registration all of it is exploratory."""
    from cvo.app.experiments import file as table
    from cvo.app.experiments.promise import read_registration
    from cvo.cli.experiment_view import findings_data, report_data, show_findings, show_report

    if bool(columns) == (registration is not None):
        raise InvalidInput("give --metric, which may be repeated, or --registration FILE")
    rows = table.with_arm(table.read_customers(file), arm_column, control)
    if registration is not None:
        judged = table.judge(rows, read_registration(registration), look=look)
        if as_json:
            print_json(report_data(judged))
        else:
            show_report(judged)
        return
    metrics = [
        msgspec.structs.replace(metric_of(column, per, before, strata, quantile), cap=cap)
        for column in columns
    ]
    found = table.analyse(rows, metrics, shares=_shares(shares, control), level=level)
    if as_json:
        print_json(msgspec.structs.asdict(found) | {"findings": findings_data(found.findings)})
        return
    out = console()
    counts = ", ".join(f"{count:,} {plain(arm)}" for arm, count in found.customers.items())
    ratio = (
        "" if found.sample_ratio_p is None else f"; they fell as planned with p {found.sample_ratio_p:.3f}"
    )
    out.print(f"customers: {counts}{ratio}")
    if found.sample_ratio_p is not None and found.sample_ratio_p < 0.001:
        out.print(
            "[red]The split is broken: customers were lost or assigned unevenly; these effects can't be trusted.[/]"
        )
    out.print(f"exploratory, nothing was registered; {100 * level:.4g} % intervals")
    if found.sample_ratio_p is None:
        out.print("observational: nobody said by which shares arms were drawn by lot, see --share")
    out.print()
    show_findings(found.findings, out)


@click.command("uplift")
@click.argument("file", type=FILE)
@arm_options
@click.option("--treated", required=True, help="The arm whose effect is to be told apart.")
@click.option("--metric", "column", required=True, help="Column of the outcome.")
@click.option(
    "--feature", "features", multiple=True, required=True, help="Column known before; may be repeated."
)
@click.option(
    "--chance", type=float, required=True, help="Probability of treatment among both arms, as drawn."
)
@click.option("--seed", default="0", show_default=True, help="Same seed, same folds.")
@click.option("--page", type=FILE, help="Write it with pictures into this HTML file.")
@json_option
def uplift(
    file: Path,
    arm_column: str,
    control: str,
    treated: str,
    column: str,
    features: tuple[str, ...],
    chance: float,
    seed: str,
    page: Path | None,
    as_json: bool,
) -> None:
    """Tell whether customers differ in how much a treatment helps them, judged out of sample."""
    import polars as pl

    from cvo.app.experiments import file as table
    from cvo.experiments import CONTROL

    rows = table.with_arm(table.read_customers(file), arm_column, control)
    both = rows.filter(pl.col(table.ARM).is_in([CONTROL, treated]))
    found = table.uplift(both, metric_of(column), features, chance=chance, seed=seed)
    if page is not None:
        from cvo.app.experiments.page import write
        from cvo.app.experiments.uplift_page import uplift_page

        click.echo(
            f"With pictures: {write(uplift_page(found, treatment=treated, metric=column), page)}", err=True
        )
    if as_json:
        names = ("average", "qini", "response_qini", "over_response")
        data: dict[str, Any] = {name: figure(getattr(found, name)) for name in names}
        model = found.model
        data["model"] = (
            figure(model)
            if isinstance(model, NotEstimable)
            else {"penalty": model.penalty, "along_response": model.along_response}
        )
        print_json({**data, "p": found.p})
    else:
        _show_uplift(found)


def _show_uplift(found: "Targeting") -> None:
    def line(what: str, estimate: Estimate | NotEstimable) -> None:
        said = estimate.detail if isinstance(estimate, NotEstimable) else repr(estimate)
        click.echo(f"{what:<34}{said}")

    line("average effect a customer", found.average)
    line("Qini of the order by uplift", found.qini)
    line("Qini of the order by response", found.response_qini)
    line("uplift over response", found.over_response)
    if isinstance(found.model, NotEstimable):
        click.echo(f"\n{found.model.reason}: {found.model.detail}")
    else:
        p = "p < 0.001" if found.p < 0.001 else f"p {found.p:.3f}"
        click.echo(f"\ntargetable: the order by uplift is better than a random one ({p})")


def metric_of(
    column: str, per: str = "", before: str = "", strata: str = "", quantile: float | None = None
) -> "Metric":
    """Return the metric that options name."""
    from cvo.experiments import Kind, Metric

    kind = Kind.QUANTILE if quantile is not None else Kind.RATIO if per else Kind.MEAN
    at = 0.5 if quantile is None else quantile
    return Metric(column=column, kind=kind, per=per, before=before, strata=strata, quantile=at)


def _shares(given: tuple[str, ...], control: str) -> dict[str, float] | None:
    if not given:
        return None
    shares = {}
    for each in given:
        arm, _, share = each.rpartition("=")
        try:
            shares["control" if arm == control else arm] = float(share)
        except ValueError:
            raise InvalidInput(
                f"--share is {each!r}; give an arm and its share, such as control=0.5"
            ) from None
    return shares
