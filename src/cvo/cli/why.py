"""`cvo why`: show a logged decision, or tell what became of an action and why."""

from pathlib import Path

import click

from cvo.cli.common import company_option, console, json_option, open_company, print_json


@click.command("why")
@click.argument("decision_id", required=False)
@click.option("--action", help="Tell what became of this action instead, in all live decisions.")
@click.option("--customer", help="With --action: in those for this customer, and how it stands for them now.")
@click.option("--from", "since", help="With --action: a date or time (RFC 3339) from which decisions count.")
@click.option("--to", "until", help="With --action: a date or time up to which they count.")
@company_option
@json_option
def command(
    decision_id: str | None,
    action: str | None,
    customer: str | None,
    since: str | None,
    until: str | None,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Show a decision as it was logged, or tell why an action was not the one.

    A decision is shown with every action of the catalogue: chosen, scored term by term, or refused by a rule. An
    action is followed through all decisions: where it fell out, by which rule, to whom, and what would change it.
    """
    if (decision_id is None) == (action is None):
        raise click.UsageError("name a decision, or an action with --action")
    if action is None and (customer or since or until):
        raise click.UsageError("--customer, --from and --to go with --action")
    if decision_id is not None:
        _show_decision(decision_id, folder, as_json)
    elif action is not None:
        _show_action(action, customer, (since, until), folder, as_json)


def _show_decision(decision_id: str, folder: Path | None, as_json: bool) -> None:
    with open_company(folder, write=False) as company:
        decision = company.decision(decision_id)
    from cvo.cli.decision_view import as_data, show

    if as_json:
        print_json(as_data(decision))
        return
    show(decision, console(), explain=True)


def _show_action(
    action: str,
    customer: str | None,
    period: tuple[str | None, str | None],
    folder: Path | None,
    as_json: bool,
) -> None:
    from cvo.cli.why_view import as_data, show

    with open_company(folder, write=False) as company:
        found = company.why(action, customer=customer, since=period[0], until=period[1])
    if as_json:
        print_json(as_data(found))
    else:
        show(found, console())
