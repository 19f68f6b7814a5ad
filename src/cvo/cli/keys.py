"""`cvo keys`: who may ask the server for what."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cvo.cli.common import company_option, console, json_option, open_company, plain, print_json
from cvo.core.errors import CompanyLocked

if TYPE_CHECKING:
    from cvo.app.library import Company


@click.group("keys")
def command() -> None:
    """Make, list and revoke the keys that clients of the server send."""


@command.command("new")
@company_option
@click.option("--scope", help="What it is for, out of write,decide,read,manage; all if not given.")
@click.option("--name", default="", help="What it is called in lists; its beginning if not given.")
@json_option
def new(folder: Path | None, scope: str | None, name: str, as_json: bool) -> None:
    """Make a key and show it, once."""
    from cvo.app.keys import EVERYTHING, new_key, scopes_of

    with _company(folder) as company:
        key = new_key(company, scopes_of(scope) if scope else EVERYTHING, name)
    if as_json:
        print_json({"key": key})
    else:
        click.echo(key)
        click.echo("Keep it now: only its hash is stored.", err=True)


@command.command("list")
@company_option
@json_option
def show(folder: Path | None, as_json: bool) -> None:
    """List keys by name, with what they are for."""
    from cvo.app.keys import keys_of
    from cvo.core.clock import format_rfc3339

    with open_company(folder, write=False) as company:
        keys = keys_of(company).all()
    rows = [
        {
            "name": key.name,
            "scopes": key.scopes.split(","),
            "made_at": format_rfc3339(key.made_at),
            "revoked_at": None if key.revoked_at is None else format_rfc3339(key.revoked_at),
        }
        for key in keys
    ]
    if as_json:
        print_json(rows)
        return
    from rich.table import Table

    table = Table("name", "scopes", "made", "revoked", box=None)
    for key, row in zip(keys, rows, strict=True):
        table.add_row(plain(key.name), key.scopes, str(row["made_at"]), str(row["revoked_at"] or ""))
    console().print(table)


@command.command("revoke")
@click.argument("name")
@company_option
@json_option
def revoke(name: str, folder: Path | None, as_json: bool) -> None:
    """Revoke the key called NAME; a running server refuses it seconds later."""
    from cvo.app.keys import keys_of

    with open_company(folder, write=False) as company:
        keys_of(company).revoke(name, company.clock.now())
    if as_json:
        print_json({"revoked": name})
    else:
        click.echo(f"{name} is revoked.")


def _company(folder: Path | None) -> "Company":
    """Open the company, made or migrated if need be; a server that holds it has done that already."""
    try:
        return open_company(folder)
    except CompanyLocked:
        return open_company(folder, write=False)
