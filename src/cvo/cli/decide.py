"""`cvo decide`: decide what is next for a customer."""

from pathlib import Path
from typing import Any

import click
import msgspec

from cvo.cli.common import company_option, console, json_option, open_company, print_json


@click.command("decide")
@click.option(
    "--customer", required=True, help="The customer's id; one never seen before gets a decision too."
)
@click.option("--placement", required=True, help="Where: a placement of the catalogue.")
@click.option("--context", "pairs", multiple=True, metavar="KEY=VALUE", help="What is known of the moment.")
@click.option("--rehearse", is_flag=True, help="Log the decision and do nothing.")
@click.option(
    "--explain", is_flag=True, help="Show every action of the catalogue: chosen, scored or refused."
)
@company_option
@json_option
def command(
    customer: str,
    placement: str,
    pairs: tuple[str, ...],
    rehearse: bool,
    explain: bool,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Decide what is next for a customer at a placement; it is logged before it is shown."""
    context = dict(map(_pair, pairs))
    with open_company(folder) as company:
        decision = company.decide(customer, placement, context=context, rehearse=rehearse)
    from cvo.cli.decision_view import as_data, show

    if as_json:
        print_json(as_data(decision))
        return
    show(decision, console(), explain=explain)
    click.echo(f"\nMake it again: cvo replay {decision.decision_id}")


def _pair(text: str) -> tuple[str, Any]:
    """Read KEY=VALUE; a value that is JSON (3, true) is taken as such, else as text."""
    key, separator, value = text.partition("=")
    if not separator or not key:
        raise click.BadParameter(f"{text!r} is not KEY=VALUE", param_hint="--context")
    try:
        decoded = msgspec.json.decode(value, type=str | int | float | bool)
    except (msgspec.DecodeError, msgspec.ValidationError):
        decoded = value
    return key, decoded
