"""`cvo ingest`: take in events from a file."""

from pathlib import Path

import click

from cvo.cli.common import company_option, json_option, open_company, print_json


@click.command("ingest")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@company_option
@json_option
def command(file: Path, folder: Path | None, as_json: bool) -> None:
    """Take in FILE: one Segment-shaped JSON message a line.

    Messages taken before are recognised, so a file can be sent again after a crash. One that is wrong is kept
    as a dead letter with its reason; it never stops the rest.
    """
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

    from cvo.app.ingest import ingest, read_messages
    from cvo.cli.common import console

    with (
        open_company(folder) as company,
        Progress(
            "Taking in", BarColumn(), DownloadColumn(), TimeRemainingColumn(), console=console(stderr=True)
        ) as progress,
    ):
        task = progress.add_task("", total=file.stat().st_size)
        taken = ingest(company, read_messages(file, lambda size: progress.advance(task, size)))
    if as_json:
        print_json(taken)
        return
    click.echo(f"{taken.accepted:,} taken in, {taken.duplicates:,} known already.")
    for reason, count in taken.refused.items():
        click.echo(f"{count:,} refused: {reason}")
