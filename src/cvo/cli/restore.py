"""`cvo restore`: make a company from a backup."""

from pathlib import Path

import click

from cvo.cli.common import json_option, print_json


@click.command("restore")
@click.argument("source", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option(
    "--company",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="The company's folder: a new one, or with --replace the one whose data is replaced.",
)
@click.option("--replace", is_flag=True, help="Set the data that is there aside, and put the backup there.")
@json_option
def command(source: Path, folder: Path, replace: bool, as_json: bool) -> None:
    """Make the company's folder from the backup in SOURCE. Stop its server first.

    With --replace, settings and catalogue files stay as they are; the data comes from the backup, and what was
    there is kept beside it.
    """
    from cvo.app.backup import restore

    copied = restore(source, folder, replace=replace)
    if as_json:
        print_json(copied)
        return
    click.echo(f"{copied.folder} has the data of {source}, checked: {copied.database_bytes:,} bytes.")
    if copied.set_aside:
        click.echo(f"What was there is in {copied.set_aside}; remove it when all is well.")
