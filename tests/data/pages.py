"""Pages that hold true: what a Markdown page shows of shell and Python is run, and has to come out the same.

| fence | what happens |
|---|---|
| `console` | every line after `$` is run, what follows it is what has to be printed |
| `sh` | a recipe: `cvo` lines are run, `make` targets have to exist, the rest is for the reader |
| `python` | is run, as a session where it begins with `>>>`: what follows is what has to be shown |
| `yaml`, `toml` | a catalogue, a company's settings: have to read |
| `cel`, `json`, `mermaid`, `text` | belong to the page's own tests, or to nobody |

Ids, hashes, times, draws, durations, bars and which option a draw picked are not compared, and a number may differ
by one in its last digit: machines add up in different orders. An id in a later command stands for the one printed
in that run.
"""

import doctest
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

FENCES = {"console", "sh", "python", "yaml", "toml", "cel", "json", "mermaid", "text"}

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
_MASKS = (
    (_ID, "<id>"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "<time>"),
    (re.compile(r"\b[0-9a-f]{12}\b"), "<hash>"),
    (re.compile(r"draw 0\.\d+"), "draw <draw>"),
    (re.compile(r"\(\d+ s\)"), "(<seconds>)"),
    (re.compile(r"^  \w+, picked with probability .*$", re.MULTILINE), "  <picked>"),
    (re.compile(r"[├─●┤┊ \t]+"), " "),
)
_NUMBER = re.compile(r"[+−-]?\d[\d,]*(?:\.\d+)?")


class Block(msgspec.Struct, frozen=True):
    """A fenced block of a page: its language, its text, and where the text stands in the page."""

    fence: str
    text: str
    start: int
    end: int


def blocks(page: str) -> list[Block]:
    """Return the fenced blocks of a page in their order."""
    return [Block(m[1], m[2], m.start(2), m.end(2)) for m in _BLOCK.finditer(page)]


def same(shown: str, now: str) -> bool:
    """Tell whether output is what a page shows, apart from what may differ."""
    first, second = _masked(shown), _masked(now)
    if _NUMBER.sub("#", first) != _NUMBER.sub("#", second):
        return False
    pairs = zip(_NUMBER.findall(first), _NUMBER.findall(second), strict=True)
    return all(_close(one, other) for one, other in pairs)


def _masked(output: str) -> str:
    for pattern, replacement in _MASKS:
        output = pattern.sub(replacement, output)
    return "\n".join(line.strip() for line in output.strip("\n").splitlines())


def _close(first: str, second: str) -> bool:
    numbers = [float(text.replace(",", "").replace("−", "-")) for text in (first, second)]
    decimals = min(len(text.partition(".")[2]) for text in (first, second))
    return abs(numbers[0] - numbers[1]) < 1.5 * 10.0**-decimals


class Shell:
    """Runs a page's commands one after the other, as one person would in one terminal.

    `printed` are outputs of commands too long to run again for every page.
    """

    def __init__(self, folder: Path, printed: Mapping[str, str]) -> None:
        self.folder = folder
        self._printed = printed
        self._ids: dict[str, str] = {}
        self._environment = shell_environment()
        self._environment["PATH"] = f"{_installed(folder / 'bin')}:{self._environment['PATH']}"

    def run(self, command: str) -> str:
        """Run a command and return what it printed; fails where it does."""
        command = _ID.sub(lambda found: self._ids.get(found[0], found[0]), command)
        if command in self._printed:
            return self._printed[command]
        if command.startswith("cd "):
            self.folder = (self.folder / command.removeprefix("cd ")).resolve(strict=True)
            return ""
        done = subprocess.run(
            command,
            shell=True,
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, f"$ {command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def transcript(self, shown: str) -> str:
        """Run the commands of a console block and return the block as it comes out now."""
        lines: list[str] = []
        for part in re.split(r"^\$ ", shown, flags=re.MULTILINE)[1:]:
            command, _, expected = part.partition("\n")
            output = self.run(command).strip("\n")
            self._ids |= dict(zip(_ID.findall(expected), _ID.findall(output), strict=False))
            command = _ID.sub(lambda found: self._ids.get(found[0], found[0]), command)
            output = re.sub(r"[ \t]+$", "", output, flags=re.MULTILINE)
            lines += [f"$ {command}", *([output] if output else [])]
        return "\n".join(lines) + "\n"


def _installed(folder: Path) -> Path:
    """Put the `cvo` command into a folder, as installing the package would."""
    folder.mkdir()
    script = folder / "cvo"
    script.write_text(f"#!{sys.executable}\nfrom cvo.cli import main\n\nmain()\n")
    script.chmod(0o755)
    return folder


def shell_environment() -> dict[str, str]:
    """Return the environment of commands: this source tree, and a terminal 100 columns wide."""
    source = str(Path(__file__).parents[2] / "src")
    own = {"PYTHONPATH": source, "COLUMNS": "100", "NO_COLOR": "1"}
    return {key: value for key, value in os.environ.items() if not key.startswith("CVO_")} | own


def session(shown: str, names: dict[str, Any]) -> str:
    """Run a Python session and return it as it comes out now."""
    test = doctest.DocTestParser().get_doctest(shown, names, "page", None, None)
    runner = _Recorder(verbose=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    runner.run(test, out=lambda _text: None, clear_globs=False)
    names.update(test.globs)
    lines = shown.splitlines(keepends=True)
    for example, got in reversed(runner.differing):
        after = example.lineno + example.source.count("\n")
        lines[after : after + example.want.count("\n")] = got.splitlines(keepends=True)
    return "".join(lines)


class _Recorder(doctest.DocTestRunner):
    """Keeps what came out otherwise than shown."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.differing: list[tuple[doctest.Example, str]] = []

    def report_failure(
        self, out: Callable[[str], object], test: doctest.DocTest, example: doctest.Example, got: str
    ) -> None:
        self.differing.append((example, got))

    def report_unexpected_exception(
        self, out: Callable[[str], object], test: doctest.DocTest, example: doctest.Example, exc_info: Any
    ) -> None:
        raise exc_info[1]
