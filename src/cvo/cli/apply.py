"""`cvo apply`: propose the catalogue on disk, or settle a draft."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from cvo.cli.common import (
    author_option,
    company_option,
    console,
    json_option,
    open_company,
    plain,
    print_json,
)
from cvo.cli.drafts import effect_data, told
from cvo.cli.steps import steps

if TYPE_CHECKING:
    from cvo.actions.drafts import Difference
    from cvo.app.apply import Applied


@click.command("apply")
@company_option
@author_option
@click.option("--approve", is_flag=True, help="Approve the draft right away, as a sole owner may.")
@click.option("--approve-draft", metavar="ID", help="Approve an earlier draft.")
@click.option("--reject-draft", metavar="ID", help="Reject an earlier draft.")
@click.option("--because", default="", help="Why it is approved or rejected.")
@click.option(
    "--evaluate/--no-evaluate",
    default=True,
    help="Whether the log is asked what the change would have brought.",
)
@json_option
def command(
    folder: Path | None,
    author: str | None,
    approve: bool,
    approve_draft: str | None,
    reject_draft: str | None,
    because: str,
    evaluate: bool,
    as_json: bool,
) -> None:
    """Make the catalogue on disk a draft; an approved draft is the running catalogue."""
    if sum(map(bool, (approve, approve_draft, reject_draft))) > 1:
        raise click.UsageError("give one of --approve, --approve-draft and --reject-draft")
    with open_company(folder) as company:
        if approve_draft:
            applied = company.approve(approve_draft, author=author, because=because)
        elif reject_draft:
            applied = company.reject(reject_draft, author=author, because=because)
        else:
            with steps() as progress:
                applied = company.apply(author=author, approve=approve, evaluate=evaluate, progress=progress)
    if as_json:
        differences = [{**msgspec.structs.asdict(each), "kind": each.kind} for each in applied.differences]
        effect = effect_data(applied.effect)
        print_json({**msgspec.structs.asdict(applied), "differences": differences, "effect": effect})
    else:
        _show(applied, rejected=bool(reject_draft))


def _show(applied: "Applied", *, rejected: bool) -> None:
    if applied.draft_id is None:
        click.echo("Nothing to change: the catalogue on disk is the running one.")
        return
    from rich.table import Table

    table = Table("change", "entry", "before", "after", box=None)
    for each in applied.differences:
        table.add_row(each.kind, plain(each.entry), *map(plain, _sides(each)))
    console().print(table)
    if applied.effect is not None:
        click.echo(f"By the log: {told(applied.effect)}.")
    if rejected:
        click.echo(f"{applied.draft_id} is rejected.")
    elif applied.running:
        click.echo(f"{applied.draft_id} is approved and runs as {applied.version[:12]}.")
    else:
        click.echo(
            f"{applied.draft_id} is proposed; approve it with: cvo apply --approve-draft {applied.draft_id}"
        )


def _sides(change: "Difference") -> tuple[str, str]:
    """Return an entry before and after: only what differs of it; all of a lever, whose money is what is approved."""
    before, after = change.before, change.after
    if change.kind != "changed":
        told = change.entry.startswith("levers.")
        return (_fields(before), _fields(after)) if told else ("", "")
    if not isinstance(before, dict) or not isinstance(after, dict):
        return str(before), str(after)
    differ = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    return _fields({k: before[k] for k in differ if k in before}), _fields(
        {k: after[k] for k in differ if k in after}
    )


def _fields(entry: Mapping[str, Any] | None) -> str:
    return ", ".join(f"{name} {value}" for name, value in (entry or {}).items())
