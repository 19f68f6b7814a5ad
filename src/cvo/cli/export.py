"""`cvo export`: the log as files that other tools open."""

from pathlib import Path

import click

from cvo.cli.common import company_option, console, json_option, open_company, plain, print_json


@click.group("export")
def command() -> None:
    """Write decisions and responses as files that other tools open."""


@command.command("pdstools")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="The folder to write into; files of the same names are replaced.",
)
@click.option("--from", "since", help="A date or time (RFC 3339) from which decisions and responses count.")
@click.option("--to", "until", help="A date or time up to which they count.")
@click.option(
    "--inbound",
    multiple=True,
    metavar="CHANNEL",
    help="A channel that customers come to; those that take no consent if none is named.",
)
@company_option
@json_option
def pdstools(
    out: Path,
    since: str | None,
    until: str | None,
    inbound: tuple[str, ...],
    folder: Path | None,
    as_json: bool,
) -> None:
    """Write interaction history, decision explanations and impact analyzer files for pdstools.

    Only what cvo knows is in them: of the five standing experiments that pdstools looks for, cvo runs none; its own
    comparisons with chance stand under names of their own.
    """
    from cvo.app.export import export_pdstools
    from cvo.app.value import read_question
    from cvo.cli.steps import steps

    period = read_question(since, until, ())
    with open_company(folder, write=False) as company, steps() as progress:
        found = export_pdstools(company, out, period, inbound=inbound or None, progress=progress)
    if as_json:
        print_json(found)
        return
    printed = console()
    for name, rows in found.rows.items():
        printed.print(f"{rows:>12,} rows  {plain(Path(found.folder) / name)}")
    for name, reason in found.left_out.items():
        printed.print(f"{'left out':>17}  {plain(name)}: {plain(reason)}")
