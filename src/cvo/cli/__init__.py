"""The `cvo` command: one file a verb, loaded when it is called.

Exit codes: 0 done · 1 the answer is no (a replay that differs, damage found) · 2 the input is wrong ·
3 something is not there · 4 a conflict, such as another process writing · 5 stored data is damaged ·
6 not now, such as a full disk.
"""

import sys
from importlib import import_module

import click

from cvo import __version__
from cvo.core.errors import Conflict, CvoError, Damaged, NotFound, Unavailable

COMMANDS = {
    "demo": "A real randomised trial through the whole product, on this machine.",
    "init": "Make a new company.",
    "apply": "Propose the catalogue on disk, or settle a draft.",
    "drafts": "Every change of the catalogue, by whom, and what it was evaluated to bring.",
    "ingest": "Take in events from a file.",
    "serve": "The company over HTTP: events in, decisions out.",
    "keys": "Who may ask the server for what.",
    "learn": "Learn from the log, and decide with the result.",
    "decide": "Decide what is next for a customer.",
    "run": "Decide for everybody, or a segment, at once.",
    "why": "Why a decision came out as it did, or an action was not the one.",
    "replay": "Make a logged decision again, and tell whether it is the same.",
    "clv": "What customers are worth: of a company, or from a file of transactions.",
    "value": "What was caused, and what was realised.",
    "bank": "What customers have brought, and what is expected of them.",
    "growth": "Where margin grew from, and what of it was caused.",
    "evaluate": "What a change would have brought, before a customer sees it.",
    "experiment": "Plan, register and judge experiments, in a company or in a file.",
    "tune": "How much to explore, by what it would have brought.",
    "drift": "Whether responses, customers and choices are still as they were.",
    "rollout": "A change goes live step by step, stopped or promoted by what it brings.",
    "simulate": "A made-up company whose truth is known, driven like a real one.",
    "export": "The log as files that other tools open.",
    "backup": "Copy a company, while others write to it.",
    "restore": "Make a company from a backup.",
    "doctor": "Check that the data is what was written.",
}


class _Verbs(click.Group):
    """Knows every verb by name and imports only the one that is called."""

    def list_commands(self, _context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = import_module(f"cvo.cli.{name}").command
        return command

    def format_commands(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="cvo")
def group() -> None:
    """Customer value optimisation: decide, deliver, measure and learn what was caused."""


def main() -> None:
    """Run the command line, and turn errors of ours into a message and an exit code."""
    try:
        group()
    except CvoError as error:
        click.echo(f"cvo: {error}", err=True)
        sys.exit(_exit_code(error))


def _exit_code(error: CvoError) -> int:
    for kind, code in ((NotFound, 3), (Conflict, 4), (Damaged, 5), (Unavailable, 6)):
        if isinstance(error, kind):
            return code
    return 2
