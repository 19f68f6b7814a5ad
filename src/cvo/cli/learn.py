"""`cvo learn`: learn from the log, and decide with the result."""

from pathlib import Path

import click

from cvo.cli.common import author_option, company_option, json_option, open_company, print_json


@click.command("learn")
@company_option
@author_option
@json_option
def command(folder: Path | None, author: str | None, as_json: bool) -> None:
    """Learn from all windows closed by now; the next decision uses what was learned."""
    with open_company(folder) as company:
        learned = company.learn(author=author)
    models = learned.models
    if as_json:
        print_json(
            {
                "version": models.version,
                "deliveries": learned.deliveries,
                "responses": learned.responses,
                "effects": [
                    {
                        "action": each.action,
                        "caused_per_delivery": each.caused,
                        "standard_error": each.standard_error,
                        "attributed_per_delivery": each.predicted,
                    }
                    for each in models.effects
                ],
            }
        )
        return
    click.echo(f"Learned from {learned.deliveries:,} deliveries with {learned.responses:,} responses.")
    if not models.effects:
        click.echo("No action has been compared with customers left alone yet: incrementality stays assumed.")
    for each in models.effects:
        click.echo(
            f"{each.action}: a delivery caused {each.caused:.3f} ± {each.standard_error:.3f} "
            f"where responses alone would credit it with {each.predicted:.3f}."
        )
