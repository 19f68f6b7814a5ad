"""`cvo clv`: what customers are worth."""

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cvo.cli.common import company_option, console, json_option, plain, print_json
from cvo.core.errors import InvalidInput
from cvo.core.evidence import NotEstimable

if TYPE_CHECKING:
    from rich.console import Console

    from cvo.app.clv_fit import Fitted, Question
    from cvo.app.clv_read import Transactions
    from cvo.app.clv_result import ClvFit, Holdout, Selection

MODELS = ("bg-nbd", "mbg-nbd", "pareto-nbd", "gamma-gamma", "bg-bb", "auto")


@click.group("clv", invoke_without_command=True)
@company_option
@click.option("--seed", type=int, default=0, show_default=True, help="Same seed, same figures.")
@json_option
@click.pass_context
def command(context: click.Context, folder: Path | None, seed: int, as_json: bool) -> None:
    """Predict what a company's customers are worth, and score earlier predictions.

    Predictions are kept in the log; profiles carry the latest one, and rules can ask for it. With `fit`, estimate
    from any file of transactions instead.
    """
    if context.invoked_subcommand is None:
        from cvo.cli.clv_company import run

        run(folder, seed, as_json=as_json)


@command.command("fit")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--model", type=click.Choice(MODELS), default="auto", show_default=True, help="What to fit.")
@click.option("--until", help="Last day to learn from; what follows is the hold-out. All of it if not given.")
@click.option(
    "--unit",
    type=click.Choice(("day", "week", "month")),
    default="week",
    show_default=True,
    help="Unit of time.",
)
@click.option("--customer", help="Column of the customer.")
@click.option("--date", "when", help="Column of the date.")
@click.option("--amount", help="Column of the amount; negative ones are refunds.")
@click.option("--date-format", help="How to read dates, for instance %d/%m/%Y.")
@click.option(
    "--margin-rate", type=click.FloatRange(0, 1), default=1.0, show_default=True, help="Margin of sales."
)
@click.option(
    "--discount-rate",
    type=click.FloatRange(min=0),
    default=0.1,
    show_default=True,
    help="Cost of capital a year.",
)
@click.option(
    "--draws", type=click.IntRange(20), default=200, show_default=True, help="Futures drawn for P10-P90."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Same seed, same figures.")
@click.option("--out", type=click.Path(path_type=Path), help="Write a row per customer: CSV or Parquet.")
@click.option("--plot", "picture", type=click.Path(path_type=Path), help="Draw the fit: PNG, SVG or PDF.")
@json_option
def fit(
    file: Path,
    model: str,
    until: str | None,
    unit: str,
    customer: str | None,
    when: str | None,
    amount: str | None,
    date_format: str | None,
    margin_rate: float,
    discount_rate: float,
    draws: int,
    seed: int,
    out: Path | None,
    picture: Path | None,
    as_json: bool,
) -> None:
    """Fit a lifetime model to FILE, a CSV or Parquet file of customer, date and amount."""
    from cvo.app.clv_fit import Question, clv_fit
    from cvo.app.clv_read import read_transactions
    from cvo.lifetime import Unit

    given = read_transactions(file, customer=customer, when=when, amount=amount, date_format=date_format)
    _say_what_was_read(given)
    question = Question(
        model=model,
        until=_day(until),
        unit=Unit(unit),
        margin_rate=margin_rate,
        annual_discount_rate=discount_rate,
        draws=draws,
        seed=seed,
    )
    with console(stderr=True).status(f"fitting {model}"):
        fitted = clv_fit(given, question)
    if isinstance(fitted, NotEstimable):
        if as_json:
            print_json({"reason": fitted.reason, "detail": fitted.detail})
        else:
            console().print(plain(f"Not estimable, {fitted.reason}: {fitted.detail}"))
        raise SystemExit(1)
    if out:
        _write(fitted, question, out)
    if picture:
        from cvo.app.clv_plot import plot

        plot(fitted, picture)
        console(stderr=True).print(plain(f"picture in {picture}"))
    if as_json:
        print_json(fitted.result)
    else:
        show(fitted.result)


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).date()
    except ValueError:
        raise InvalidInput(f"--until {text!r} is not a date such as 1997-09-30") from None


def _say_what_was_read(given: "Transactions") -> None:
    err = console(stderr=True)
    if given.guessed:
        taken = ", ".join(f"{role} = {given.columns[role]}" for role in given.guessed)
        err.print(f"columns guessed by name: {plain(taken)}; say otherwise with --customer, --date, --amount")
    if given.dropped:
        err.print(f"{given.dropped:,} rows without customer, date or amount were left out")


def _write(fitted: "Fitted", question: "Question", out: Path) -> None:
    from cvo.app.clv_fit import customer_rows

    if out.suffix.lower() not in {".csv", ".parquet"}:
        raise InvalidInput(f"{out} must end in .csv or .parquet")
    with console(stderr=True).status("a row per customer"):
        rows = customer_rows(fitted, question)
    if out.suffix.lower() == ".csv":
        rows.write_csv(out)
    else:
        rows.write_parquet(out)
    console(stderr=True).print(plain(f"{rows.height:,} customers in {out}"))


def show(result: "ClvFit") -> None:
    """Print the fit for a person."""
    from rich.table import Table

    out = console()
    out.print(
        f"[bold]{result.model}[/] on {result.customers:,} customers until {result.until}, times in {result.unit}s"
    )
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("parameter", "value", "standard error"):
        table.add_column(name, justify="left" if name == "parameter" else "right")
    for name, value in result.parameters.items():
        table.add_row(name, f"{value:,.4f}", f"{result.standard_errors[name]:,.4f}")
    out.print(table)
    out.print(f"log-likelihood {result.log_likelihood:,.2f}")
    if result.spend is not None and not isinstance(result.spend, NotEstimable):
        numbers = ", ".join(f"{name} {value:.3f}" for name, value in result.spend.parameters.items())
        out.print(f"value of a purchase (Gamma-Gamma): {numbers}")
    if result.selection is not None:
        _show_selection(out, result.selection)
    if isinstance(result.holdout, NotEstimable):
        out.print(plain(f"no hold-out: {result.holdout.detail}"))
    else:
        _show_holdout(out, result.holdout)


def _show_selection(out: "Console", selection: "Selection") -> None:
    word = "[green]trusted[/]" if selection.trusted else "[yellow]not trusted[/]"
    out.print(f"{word}{': ' if selection.reasons else ''}{plain('; '.join(selection.reasons))}")
    if selection.backtest_origin is None or selection.naive is None:
        return
    season = ", the same season a year before" if selection.a_year_back else ""
    out.print(f"chosen on the {selection.backtest_days} days after {selection.backtest_origin}{season}:")
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("candidate", "mean abs. error", "Gini", "total"):
        table.add_column(name, justify="left" if name == "candidate" else "right")
    ranked = sorted(selection.candidates.items(), key=lambda item: item[1].mae)
    for name, scores in [*ranked, ("same as before", selection.naive)]:
        table.add_row(name, f"{scores.mae:.4f}", f"{scores.gini:.4f}", f"{scores.aggregate_error:+.1%}")
    out.print(table)


def _show_holdout(out: "Console", held: "Holdout") -> None:
    out.print(f"[bold]hold-out[/], {held.actual:,.0f} over {held.days} days:")
    rows = [("this model", held), ("same as before", held.naive)]
    if held.recalibrated is not None:
        rows.insert(1, ("recalibrated", held.recalibrated))
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("", "mean abs. error", "RMSE", "Gini", "total"):
        table.add_column(name, justify="right" if name else "left")
    for name, scores in rows:
        table.add_row(
            name,
            f"{scores.mae:.4f}",
            f"{scores.rmse:.4f}",
            f"{scores.gini:.4f}",
            f"{scores.aggregate_error:+.1%}",
        )
    out.print(table)
