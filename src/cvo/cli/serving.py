"""A server in a process of its own, for as long as a command needs one."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from cvo.core.errors import Unavailable

_WEEK_SECONDS = 7 * 24 * 3600
_STOP_SECONDS = 40


@contextmanager
def simulated_server(folder: Path) -> Iterator[str]:
    """Serve a company by simulated time on a free port, learning once a week, and give the address.

    What the server says goes on to standard error. Raises `Unavailable` where it does not start.
    """
    command = [sys.executable, "-m", "cvo", "serve", "--company", str(folder), "--port", "0"]
    command += ["--simulated-time", "--learn-every", str(_WEEK_SECONDS)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:  # noqa: S603
        try:
            said = server.stderr or iter(())
            first = next(said, "")
            if not first.startswith("Serving at "):
                rest = "".join(said)
                raise Unavailable(f"the server of {folder} did not start: {first}{rest}".strip())
            threading.Thread(target=_pass_on, args=(said,), daemon=True).start()
            yield first.split()[-1]
        finally:
            server.terminate()
            try:
                server.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                server.kill()


def _pass_on(lines: Iterator[str]) -> None:
    for line in lines:
        click.echo(line, nl=False, err=True)
