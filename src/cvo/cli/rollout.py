"""`cvo rollout`: a change goes live step by step, and is stopped or promoted by what customers bring."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cvo.cli.common import (
    author_option,
    company_option,
    console,
    json_option,
    open_company,
    plain,
    print_json,
)
from cvo.core.clock import format_rfc3339
from cvo.core.errors import InvalidInput
from cvo.core.evidence import NotEstimable

if TYPE_CHECKING:
    from cvo.app.rollout.judge import Standing

_FILE = click.Path(path_type=Path, dir_okay=False)
_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.group("rollout")
def command() -> None:
    """A change goes live step by step, and is stopped or promoted by what customers bring."""


@command.command("start")
@company_option
@author_option
@click.option("--policy", type=_FILE, help="A TOML file that says what would be different.")
@click.option("--catalogue", type=_FOLDER, help="A folder with a changed catalogue.")
@click.option("--draft", metavar="ID", help="A draft that `cvo apply` has made.")
@click.option("--delta", type=float, help="Loss a customer and window that must not go unnoticed, in money.")
@click.option(
    "--outcome-sd", type=float, help="By how much customers' outcomes differ; from the log if not given."
)
@click.option("--steps", default="0.01,0.05,0.25,1", show_default=True, help="Shares of customers.")
@json_option
def start_rollout(
    folder: Path | None,
    author: str | None,
    policy: Path | None,
    catalogue: Path | None,
    draft: str | None,
    delta: float | None,
    outcome_sd: float | None,
    steps: str,
    as_json: bool,
) -> None:
    """Begin to decide with a change for a first share of customers."""
    if bool(draft) == (policy is not None or catalogue is not None):
        raise InvalidInput("say what goes live: --policy FILE or --catalogue DIR, or else --draft ID")
    with open_company(folder) as company:
        standing = company.start_rollout(
            policy=policy,
            catalogue=catalogue,
            draft=draft,
            author=author,
            delta=delta,
            outcome_sd=outcome_sd,
            steps=_steps(steps),
        )
    show(standing, as_json=as_json)


@command.command("status")
@company_option
@json_option
def status(folder: Path | None, as_json: bool) -> None:
    """Tell how the last rollout stands, and how it came there."""
    with open_company(folder, write=False) as company:
        standing = company.rollout()
    show(standing, as_json=as_json)


@command.command("judge")
@company_option
@author_option
@json_option
def judge(folder: Path | None, author: str | None, as_json: bool) -> None:
    """Score the customers whose windows have closed, and stop, stay, or go on; `cvo learn` does it, too."""
    with open_company(folder) as company:
        company.judge_rollout(author=author)
        standing = company.rollout()
    show(standing, as_json=as_json)


@command.command("stop")
@company_option
@author_option
@click.option("--because", default="", help="Why it is stopped.")
@json_option
def stop(folder: Path | None, author: str | None, because: str, as_json: bool) -> None:
    """End the rollout: everybody gets what ran before."""
    with open_company(folder) as company:
        standing = company.stop_rollout(author=author, because=because)
    show(standing, as_json=as_json)


def _steps(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(each) for each in text.split(","))
    except ValueError:
        raise InvalidInput(f"--steps is {text!r}; give shares such as 0.01,0.05,0.25,1") from None


def as_data(standing: "Standing") -> dict[str, Any]:
    """Return how a rollout stands as JSON shows it."""
    run, found = standing.run, standing.difference
    return {
        "name": run.name,
        "verdict": run.rollout.verdict,
        "reason": run.rollout.reason,
        "share": standing.share,
        "step": run.rollout.step + 1,
        "steps": run.plan.steps,
        "since": format_rfc3339(run.since),
        "started_at": format_rfc3339(run.started_at),
        "judged_at": format_rfc3339(run.judged_at),
        "author": run.author,
        "draft": run.draft_id or None,
        "window_days": run.window_days,
        "delta": run.plan.delta,
        "outcome_sd": run.plan.outcome_sd,
        "scored": run.rollout.scored,
        "of_them_candidate": run.rollout.candidates,
        "difference": {"reason": found.reason, "detail": found.detail}
        if isinstance(found, NotEstimable)
        else {"interval": found, "unit": standing.unit},
        "changes": standing.changes,
    }


def show(standing: "Standing", *, as_json: bool) -> None:
    """Print how a rollout stands."""
    if as_json:
        print_json(as_data(standing))
        return
    from cvo.app.what_if.candidate import spelt

    run, out = standing.run, console()
    out.print(f"[bold]{run.name}[/] is [bold]{run.rollout.verdict}[/], started by {plain(run.author)}.")
    if run.rollout.reason:
        out.print(f"  {plain(run.rollout.reason)}", soft_wrap=True)
    for change in standing.changes:
        out.print(
            f"  {plain(change.entry)}: [dim]{plain(spelt(change.before, 60))}[/] → {plain(spelt(change.after, 60))}",
            soft_wrap=True,
        )
    shares = " → ".join(
        f"[bold]{share:.0%}[/]" if share == standing.share else f"[dim]{share:.0%}[/]"
        for share in run.plan.steps
    )
    out.print(f"\nDecided by the candidate: {shares} of customers.")
    out.print(
        f"Scored: {run.rollout.scored:,} windows of {run.window_days} days, {run.rollout.candidates:,} of them the "
        "candidate's."
    )
    found = standing.difference
    if isinstance(found, NotEstimable):
        out.print(f"Difference: {plain(found.detail)}.")
    else:
        out.print(
            f"Difference: [bold]{found.low:+,.2f} to {found.high:+,.2f}[/] {plain(standing.unit)}, at every look."
        )
    if run.running:
        out.print(
            f"It stops when that is below 0, and goes on to a share when share × its lower end is above "
            f"{-run.plan.delta:,.2f}."
        )
