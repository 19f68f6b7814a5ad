"""`cvo doctor`: check that the data is what was written."""

from pathlib import Path

import click

from cvo.cli.common import company_option, json_option, open_company, print_json


@click.command("doctor")
@company_option
@json_option
def command(folder: Path | None, as_json: bool) -> None:
    """Check the database, profiles against their events, and that decisions can be read (exit code 1 if not)."""
    from cvo.app.records import unreadable
    from cvo.storage import sqlite
    from cvo.storage.check import check

    with open_company(folder, write=False) as company:
        findings = check(company.store) or unreadable(company.store)
        counts = company.store.counts()
    if as_json:
        print_json({"sound": not findings, "findings": findings, "counts": counts})
    else:
        for name, count in counts.items():
            click.echo(f"{count:>12,} {name.replace('_', ' ')}")
        for finding in findings:
            click.echo(f"damaged: {finding}")
        click.echo("Everything is as it was written." if not findings else f"What to do: {sqlite.REMEDY}")
    if findings:
        raise SystemExit(1)
