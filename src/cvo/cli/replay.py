"""`cvo replay`: make a logged decision again."""

from pathlib import Path

import click

from cvo.cli.common import company_option, json_option, open_company, print_json


@click.command("replay")
@click.argument("decision_id")
@company_option
@json_option
def command(decision_id: str, folder: Path | None, as_json: bool) -> None:
    """Make a decision again from the log, and tell whether it is identical (exit code 1 if not)."""
    with open_company(folder, write=False) as company:
        replayed = company.replay(decision_id)
    if as_json:
        print_json(replayed)
    elif replayed.identical:
        click.echo("Identical: every refusal, term, probability and draw came out the same.")
    else:
        click.echo("Different:")
        for difference in replayed.differences:
            click.echo(f"  {difference}")
    if not replayed.identical:
        raise SystemExit(1)
