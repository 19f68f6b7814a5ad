"""What every benchmark shares: a peer in its own environment, interleaved timing, rows that pass or fail.

A benchmark is a module run as `python -m benchmarks.NAME [--json]`. It builds the peer's environment once,
under `.benchmarks/` of the checkout, starts the peer's script there, and alternates calls to cvo and to the
peer in one run, so that whatever else the machine does hits both alike.
"""

import hashlib
import json
import os
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import Any, Self

import click
import msgspec
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENTS = ROOT / ".benchmarks"

_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a benchmark; `ok` tells whether `ratio`, or `ours` where there is no peer, will do."""

    what: str
    ours: float
    peer: float | None
    ratio: float | None
    unit: str
    at_least: float | None
    ok: bool


def faster(what: str, ours: float, peer: float, *, at_least: float, unit: str = "s") -> Row:
    """Compare two durations: the ratio is how many times faster we are."""
    ratio = peer / ours
    return Row(
        what=what, ours=ours, peer=peer, ratio=ratio, unit=unit, at_least=at_least, ok=ratio >= at_least
    )


def higher(what: str, ours: float, peer: float | None, *, at_least: float, unit: str) -> Row:
    """Compare two scores where more is better; without a peer, `at_least` is for our own."""
    ratio = None if peer is None else ours / peer
    reached = ours if ratio is None else ratio
    return Row(
        what=what, ours=ours, peer=peer, ratio=ratio, unit=unit, at_least=at_least, ok=reached >= at_least
    )


def equal(what: str, ours: float, peer: float, *, within: float, unit: str) -> Row:
    """Check that two values agree up to a relative difference of `within`."""
    ratio = ours / peer
    ok = abs(ratio - 1) <= within
    return Row(what=what, ours=ours, peer=peer, ratio=ratio, unit=unit, at_least=1 - within, ok=ok)


def environment(name: str, *steps: Sequence[str], python: str = sys.executable) -> Path:
    """Return the interpreter of the peer's virtual environment, making it on first use.

    Each step is the arguments of one `pip install`; other steps make another environment.
    """
    recipe = hashlib.sha256(json.dumps([python, *map(list, steps)]).encode()).hexdigest()[:12]
    folder = ENVIRONMENTS / f"{name}-{recipe}"
    interpreter = folder / "bin" / "python"
    finished = folder / "finished"
    if not finished.exists():
        click.echo(f"making the environment of {name} in {folder}", err=True)
        if python == sys.executable:
            venv.create(folder, with_pip=True, clear=True)
        else:
            subprocess.run([python, "-m", "venv", "--clear", str(folder)], check=True)
        for step in steps:
            subprocess.run(
                [str(interpreter), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *step],
                check=True,
                stdout=sys.stderr,
            )
        finished.touch()
    return interpreter


class Peer:
    """A peer's script in its own interpreter, asked over pipes: one JSON line there, one back.

    The script reads lines `{"call": name, ...}` and answers `{"value": v, "seconds": s}`, timing the call
    itself, so that pipes cost neither side anything. `peers/serving.py` does the reading and writing.
    """

    def __init__(self, interpreter: Path, script: Path, *arguments: str) -> None:
        self._command = [str(interpreter), str(script), *arguments]
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **_ONE_THREAD, "PYTHONPATH": ""},
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        process = self._running()
        if process.stdin:
            process.stdin.close()
        process.wait()

    def call(self, function: str, /, **arguments: Any) -> dict[str, Any]:
        """Ask the peer to do one thing and return its answer."""
        process = self._running()
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the peer has no pipes")
        process.stdin.write(json.dumps({"call": function, **arguments}) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"the peer {self._command[1]} ended during {function!r}; its message is above")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            raise RuntimeError("use the peer in a `with` statement")
        return self._process


def timed(function: Callable[[], Any]) -> float:
    """Return how many seconds one call takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def interleaved(ours: Callable[[], float], peer: Callable[[], float], *, rounds: int) -> tuple[float, float]:
    """Alternate two measurements, each returning seconds, and give the median of each; one round warms up."""
    ours()
    peer()
    pairs = [(ours(), peer()) for _ in range(rounds)]
    return median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)


def command(
    rows: Callable[[], Sequence[Row]], long: Callable[[], Sequence[Row]] | None = None
) -> click.Command:
    """Make `python -m benchmarks.NAME` of a function that returns rows; it exits with 1 when a row fails.

    `--long` takes the rows of the other function, where there is one.
    """

    @click.command(help=rows.__doc__)
    @click.option("--json", "as_json", is_flag=True, help="Rows as JSON on stdout, nothing else.")
    @click.option("--long", "at_length", is_flag=True, hidden=long is None, help="The long form.")
    def run(as_json: bool, at_length: bool) -> None:
        found = long() if at_length and long is not None else rows()
        if as_json:
            click.echo(json.dumps([msgspec.to_builtins(row) for row in found], indent=2))
        else:
            _print_table(found)
        if not all(row.ok for row in found):
            raise SystemExit(1)

    return run


def _print_table(rows: Sequence[Row]) -> None:
    table = Table("ours", "peer", "ratio", "unit", "at least", "", "what")
    for row in rows:
        numbers = [_number(row.ours), _number(row.peer), _number(row.ratio)]
        table.add_row(
            *numbers, row.unit, _number(row.at_least), "ok" if row.ok else "[red]FAILED[/red]", row.what
        )
    Console().print(table)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.6g}"
