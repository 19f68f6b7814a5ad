"""`cvo why`: show a logged decision."""

from pathlib import Path

import click

from cvo.cli.common import company_option, console, json_option, open_company, print_json


@click.command("why")
@click.argument("decision_id")
@company_option
@json_option
def command(decision_id: str, folder: Path | None, as_json: bool) -> None:
    """Show a decision as it was logged: every action chosen, scored term by term, or refused by a rule."""
    with open_company(folder, write=False) as company:
        decision = company.decision(decision_id)
    if as_json:
        print_json(decision)
        return
    from cvo.cli.decision_view import show

    show(decision, console(), explain=True)
