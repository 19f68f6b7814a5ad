"""`cvo experiment`: what was promised, who got what, and what it did."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from cvo.cli.common import (
    author_option,
    company_option,
    console,
    json_option,
    open_company,
    plain,
    print_json,
)
from cvo.cli.experiment_file import analyse, uplift
from cvo.cli.experiment_plan import check, plan

if TYPE_CHECKING:
    from cvo.app.experiments.registry import Registered


@click.group("experiment")
def command() -> None:
    """Plan, register and judge experiments: in a company, or in a file of one row a customer."""


@command.command("register")
@click.argument("file", type=click.Path(path_type=Path))
@company_option
@author_option
@json_option
def register(file: Path, folder: Path | None, author: str | None, as_json: bool) -> None:
    """Put the registration in FILE (TOML) on the record, before anybody is given an arm."""
    from cvo.app.experiments.promise import read_registration

    registration = read_registration(file)
    with open_company(folder) as company:
        made = company.register_experiment(registration, author=author)
    if as_json:
        print_json(_as_data(made))
        return
    click.echo(f"{made.registration.name} is registered as {made.version[:12]}.")
    click.echo(f"Next: cvo experiment enrol {made.registration.name}", err=True)


@command.command("list")
@company_option
@json_option
def show_all(folder: Path | None, as_json: bool) -> None:
    """List the experiments on the record."""
    from cvo.app.experiments.registry import registered

    with open_company(folder, write=False) as company:
        found = registered(company.store)
    if as_json:
        print_json([_as_data(each) for each in found])
        return
    from rich.table import Table

    from cvo.core.clock import format_rfc3339

    table = Table("experiment", "goal", "arms", "layer", "registered", "", box=None)
    for each in found:
        promise = each.registration
        arms = ", ".join(f"{arm} {share:g}" for arm, share in promise.shares.items())
        state = "running" if each.ended_at is None else f"ended {format_rfc3339(each.ended_at)}"
        table.add_row(
            plain(promise.name),
            plain(promise.goal.name),
            plain(arms),
            plain(promise.traffic.layer),
            format_rfc3339(each.at),
            state,
        )
    console().print(table)


@command.command("enrol")
@click.argument("name")
@company_option
@click.option(
    "--messages",
    "file",
    type=click.Path(path_type=Path),
    help="Write messages to send to the running server instead, one a line.",
)
@json_option
def enrol(name: str, folder: Path | None, file: Path | None, as_json: bool) -> None:
    """Give an arm of experiment NAME to every customer who has none; run it again for those met since."""
    from cvo.app.experiments.enrolment import enrol as enrol_all
    from cvo.app.experiments.enrolment import messages

    if file is not None:
        with open_company(folder, write=False) as company:
            lines = [msgspec.json.encode(each) + b"\n" for each in messages(company, name)]
        file.write_bytes(b"".join(lines))
        if as_json:
            print_json({"messages": len(lines)})
        else:
            click.echo(f"{len(lines):,} messages in {file}; send them to /v1/batch, or ingest them.")
        return
    with open_company(folder) as company, console(stderr=True).status("enrolling"):
        given = enrol_all(company, name)
    if as_json:
        print_json(given)
        return
    arms = ", ".join(f"{count:,} {arm}" for arm, count in given.new.items())
    click.echo(f"{sum(given.new.values()):,} customers enrolled ({arms}); {given.total:,} in all.")
    click.echo(
        f"Rules can ask for customer.experiment_{name}, once the catalogue declares the trait.", err=True
    )


@command.command("status")
@click.argument("name")
@company_option
@click.option("--also", multiple=True, help="Another column to compare, marked exploratory; may be repeated.")
@click.option("--page", type=click.Path(path_type=Path), help="Write it with pictures into this HTML file.")
@json_option
def status(name: str, folder: Path | None, also: tuple[str, ...], page: Path | None, as_json: bool) -> None:
    """Tell how experiment NAME stands, judged by its registration."""
    from cvo.cli.experiment_view import as_data, show

    with open_company(folder, write=False) as company:
        standing = company.experiment(name, also=also)
    if page is not None:
        from cvo.app.experiments.page import experiment_page, write

        click.echo(f"With pictures: {write(experiment_page(standing), page)}", err=True)
    if as_json:
        print_json(as_data(standing))
    else:
        show(standing)


@command.command("end")
@click.argument("name")
@company_option
@author_option
@click.option("--because", default="", help="Why it ends.")
@json_option
def end(name: str, folder: Path | None, author: str | None, because: str, as_json: bool) -> None:
    """End experiment NAME: nobody else is given an arm, and its traffic is free again."""
    with open_company(folder) as company:
        ended = company.end_experiment(name, author=author, because=because)
    if as_json:
        print_json(_as_data(ended))
    else:
        click.echo(f"{name} has ended; arms that were given are kept.")


for file_verb in (plan, check, analyse, uplift):
    command.add_command(file_verb)


def _as_data(made: "Registered") -> dict[str, Any]:
    from cvo.cli.experiment_view import promise_data

    return promise_data(made)
