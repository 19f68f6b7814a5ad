"""`cvo backup`: copy a company while others write to it."""

from pathlib import Path

import click

from cvo.cli.common import company_option, json_option, open_company, print_json


@click.command("backup")
@click.argument("target", type=click.Path(path_type=Path, file_okay=False))
@company_option
@json_option
def command(target: Path, folder: Path | None, as_json: bool) -> None:
    """Copy the company to the new folder TARGET, as it is at one moment; a running server goes on.

    The copy is a company itself: it can be looked at with every command, and `cvo restore` puts it back. It
    holds the seed and all customers' data, so keep it as safe as the original.
    """
    from cvo.app.backup import backup

    with open_company(folder, write=False) as company:
        copied = backup(company, target)
    if as_json:
        print_json(copied)
    else:
        click.echo(f"Copied to {copied.folder}: a database of {copied.database_bytes:,} bytes, checked.")
