"""`cvo init`: make a new company."""

from pathlib import Path

import click

from cvo.cli.common import json_option, print_json


@click.command("init")
@click.option(
    "--company",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Where; here.",
)
@click.option("--name", required=True, help="The company's name.")
@click.option("--currency", required=True, help="ISO 4217 code, such as EUR: everything is valued in it.")
@click.option("--time-zone", default="UTC", show_default=True, help="Such as Europe/Berlin.")
@click.option("--owner", default="owner", show_default=True, help="Who may approve drafts.")
@click.option("--seed", help="Keys every random draw; drawn itself if not given.")
@json_option
def command(
    folder: Path, name: str, currency: str, time_zone: str, owner: str, seed: str | None, as_json: bool
) -> None:
    """Make a new company: its settings, and a first catalogue to edit."""
    from cvo.app.init import init

    init(folder, name, currency, owner=owner, time_zone=time_zone, seed=seed)
    if as_json:
        print_json({"company": str(folder)})
    else:
        click.echo(f"Made {folder / 'company.toml'} and {folder / 'catalogue'}/catalogue.yaml.")
        click.echo("Edit the catalogue, then run: cvo apply --approve")
