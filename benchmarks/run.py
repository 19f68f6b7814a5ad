"""All benchmarks, one after the other: `python -m benchmarks.run`, which rewrites benchmarks/RESULTS.md.

A benchmark that fails, or whose peer cannot be installed here, is named with its reason; the others still run. With
names only those run, and the page keeps what was last found of the others, each with the commit it was found at.
"""

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from benchmarks.harness import ROOT, Row

RESULTS = ROOT / "benchmarks" / "RESULTS.md"
_KEPT = ROOT / ".benchmarks" / "outcomes"
_MEASURES = "\ndef rows("
"""What makes a module a benchmark; the others here help."""

_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class Outcome(msgspec.Struct, frozen=True):
    """What one benchmark found, in how many seconds, or the last line of what it said when it broke."""

    name: str
    about: str
    commit: str
    seconds: float
    rows: list[Row]
    broke: str


def names() -> list[str]:
    """Return the benchmarks of this folder."""
    modules = sorted(Path(__file__).parent.glob("*.py"))
    return [file.stem for file in modules if _MEASURES in file.read_text(encoding="utf-8")]


@click.command(help=__doc__)
@click.argument("only", nargs=-1)
def run(only: tuple[str, ...]) -> None:
    chosen = [name for name in names() if not only or name in only]
    if unknown := set(only) - set(chosen):
        raise click.UsageError(f"there is no benchmark {min(unknown)!r}; there are {', '.join(names())}")
    outcomes = []
    for name in chosen:
        click.echo(f"{name} …", err=True)
        outcomes.append(_outcome(name))
        _keep(outcomes[-1])
    RESULTS.write_text(page(_kept()), encoding="utf-8")
    click.echo(page(outcomes))
    raise SystemExit(any(each.broke or not all(row.ok for row in each.rows) for each in outcomes))


def _keep(outcome: Outcome) -> None:
    _KEPT.mkdir(parents=True, exist_ok=True)
    (_KEPT / f"{outcome.name}.json").write_bytes(msgspec.json.encode(outcome))


def _kept() -> list[Outcome]:
    files = [_KEPT / f"{name}.json" for name in names()]
    return [msgspec.json.decode(file.read_bytes(), type=Outcome) for file in files if file.exists()]


def _commit() -> str:
    """Return the commit that is measured, with a plus where files differ from it."""
    told = subprocess.run(
        ["git", "describe", "--always", "--dirty=+"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return told.stdout.strip()


def _outcome(name: str) -> Outcome:
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", "--json"],
        cwd=ROOT,
        env={**os.environ, **_ONE_THREAD},
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.monotonic() - started
    try:
        rows = msgspec.convert(json.loads(done.stdout), list[Row])
    except (json.JSONDecodeError, msgspec.ValidationError):
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        return Outcome(name, _about(name), _commit(), seconds, [], said[-1])
    return Outcome(name, _about(name), _commit(), seconds, rows, "")


def _about(name: str) -> str:
    """Return the first line of a benchmark's docstring without running it."""
    first = (Path(__file__).parent / f"{name}.py").read_text(encoding="utf-8").partition("\n")[0]
    return first.strip('"').strip()


def page(outcomes: Sequence[Outcome]) -> str:
    """Return the results in Markdown."""
    parts = [
        "# Benchmarks\n\n"
        "`make bench` runs all and rewrites this page. Peers run in environments of their own, interleaved with cvo in "
        "the same run; the ratio is what counts, for it holds on other machines.\n\n"
        f"Python {platform.python_version()} on {platform.system()} {platform.machine()}, {os.cpu_count()} cores, one "
        "thread.\n"
    ]
    for each in outcomes:
        parts.append(f"\n## {each.name}\n\n{each.about} ({each.seconds:,.0f} s, at {each.commit})\n\n")
        if each.broke:
            parts.append(f"Not measured: {each.broke}\n")
            continue
        parts.append(
            "| what | ours | peer | ratio | unit | at least | |\n|---|---:|---:|---:|---|---:|---|\n"
        )
        parts += [
            f"| {row.what} | {_number(row.ours)} | {_number(row.peer)} | {_number(row.ratio)} | {row.unit} | "
            f"{_number(row.at_least)} | {'ok' if row.ok else '**no**'} |\n"
            for row in each.rows
        ]
    return "".join(parts)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.4g}" if abs(value) < 10_000 else f"{value:,.0f}"


if __name__ == "__main__":
    run()
