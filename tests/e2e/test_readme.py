"""Every page of the repository holds: its commands run, its output is what is printed, its links lead somewhere.

After a change that is meant to change output, `CVO_WRITE_PAGES=1 python -m pytest tests/e2e/test_readme.py`
writes what is printed now into the pages; the difference is then read in git like any other.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import click
import msgspec
import pytest

from cvo.actions.catalogue import Catalogue
from cvo.actions.read import _ENTRY_TYPES, parse_catalogue
from cvo.api.ofrep import FLAGS
from cvo.api.routes import application
from cvo.api.segment import BATCH, SETTINGS, TYPES
from cvo.api.service import Service
from cvo.app.config import Config, Decisions
from cvo.cli import COMMANDS, group
from cvo.events.bodies import _KNOWN
from cvo.events.message import Reason
from cvo.storage.schema import METADATA
from tests.data.pages import FENCES, Shell, blocks, same, session, shell_environment

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("**/*.md")])
WRITE = "CVO_WRITE_PAGES" in os.environ
READERS_OWN = ("git clone ", "source ", "pip install ", "python ")


@pytest.fixture
def desk(tmp_path: Path, request: pytest.FixtureRequest, page: Path) -> Iterator[Shell]:
    """Return a shell in an empty folder, or in one with a copy of the demo's company if the page needs it."""
    printed = {}
    if "cvo-demo" in page.read_text(encoding="utf-8"):
        folder, text = request.getfixturevalue("demo")
        shutil.copytree(folder / "cvo-demo", tmp_path / "cvo-demo")
        printed["cvo demo"] = text
    before = Path.cwd()
    os.chdir(tmp_path)
    yield Shell(tmp_path, printed)
    os.chdir(before)
    shutil.rmtree(tmp_path / "cvo-demo", ignore_errors=True)  # a hundred megabytes


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_shows_is_what_comes_out(page: Path, desk: Shell) -> None:
    text = page.read_text(encoding="utf-8")
    found, names, edits = blocks(text), {}, []
    assert {block.fence for block in found} <= FENCES
    for block in found:
        now = _now(block.fence, block.text, desk, names)
        if not same(block.text, now):
            assert WRITE, f"{page.name} shows\n\n{block.text}\nand what comes out is\n\n{now}"
        edits.append((block, now))
    if not all(same(block.text, now) for block, now in edits):
        for block, now in reversed(edits):
            text = text[: block.start] + now + text[block.end :]
        page.write_text(text, encoding="utf-8")


def _now(fence: str, text: str, desk: Shell, names: dict[str, Any]) -> str:
    match fence:
        case "console":
            return desk.transcript(text)
        case "python" if text.startswith(">>>"):
            return session(text, names)
        case "python":
            exec(compile(text, "page", "exec"), names)
        case "sh":
            _follow(text, desk)
        case "yaml":
            parse_catalogue(text)
        case "toml":
            msgspec.convert(tomllib.loads(text), Config)
    return text


def _follow(recipe: str, desk: Shell) -> None:
    """Run the lines of a recipe that a test can run; the others have to be known for what they are."""
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    for line in recipe.splitlines():
        command = line.partition("#")[0].strip()
        if command.startswith("make "):
            assert command.split()[1] in targets
        elif command.startswith(("cvo ", "cd cvo-demo")):
            desk.run(command)
        else:
            assert not command or command.startswith(READERS_OWN) or "=" in command.split()[0], command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not target.startswith(("http://", "https://", "#")):
            assert (page.parent / target.partition("#")[0]).exists(), target


def test_every_page_can_be_found_from_the_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    for page in (ROOT / "docs").glob("*.md"):
        assert page.name == "index.md" or f"({page.name})" in index


def test_every_command_shows_its_help(tmp_path: Path) -> None:
    page = ROOT / "docs" / "cli.md"
    text = page.read_text(encoding="utf-8")
    if WRITE:
        head, *sections = re.split(r"^(?=## )", text, flags=re.MULTILINE)
        known = {section.split()[1]: section for section in sections}
        desk = Shell(tmp_path, {})
        text = head + "".join(known.get(name) or _section(name, desk) for name in COMMANDS)
        page.write_text(text, encoding="utf-8")
    assert re.findall(r"^\$ cvo ([\w -]+?) --help$", text, flags=re.MULTILINE) == list(_commands())


def _section(name: str, desk: Shell) -> str:
    shown = [each for each in _commands() if each.split()[0] == name]
    consoles = [f"```console\n{desk.transcript(f'$ cvo {each} --help')}```\n\n" for each in shown]
    return f"## {name}\n\n{''.join(consoles)}"


def _commands() -> Iterator[str]:
    context = click.Context(group)
    for name in COMMANDS:
        yield name
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from (f"{name} {verb}" for verb in command.list_commands(context))


def test_every_setting_is_explained() -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    for field in msgspec.structs.fields(Config):
        assert f"`{field.name}`" in page or f"`[{field.name}]`" in page, field.name
    for field in msgspec.structs.fields(Decisions):
        row = rf"`{field.name}` \| `CVO_{field.name.upper()}` \| `{field.default}` \|"
        assert re.search(row, page), field.name


def test_every_field_of_the_catalogue_is_explained() -> None:
    page = (ROOT / "docs" / "catalogue.md").read_text(encoding="utf-8")
    for section in msgspec.structs.fields(Catalogue):
        _, found, text = page.partition(f"## `{section.name}`")
        assert found, section.name
        described = text.partition("\n## ")[0]
        for field in msgspec.structs.fields(_ENTRY_TYPES[section.name]):
            assert f"`{field.name}`" in described, f"{section.name}: {field.name}"


def test_every_event_reason_and_table_is_explained() -> None:
    events = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
    storage = (ROOT / "docs" / "storage.md").read_text(encoding="utf-8")
    for name in [*_KNOWN, *(reason.value for reason in Reason)]:
        assert f"`{name}`" in events, name
    for table in METADATA.tables:
        assert f"`{table}`" in storage, table


@pytest.mark.filterwarnings("ignore::litestar.exceptions.LitestarDeprecationWarning")
def test_every_route_of_the_service_is_explained() -> None:
    page = (ROOT / "docs" / "service.md").read_text(encoding="utf-8")
    # A handler asks for its service when it is called; the routes are there before.
    routes = {route.path for route in application(cast(Service, None)).routes}
    served = {re.sub(r":\w+", "", path) for path in routes} - {"/", "/{path}"}  # the framework's own
    assert len(served) > 5
    taken = (f"/v1/{kind}" for kind in (*TYPES, BATCH))
    for path in [*served, *taken, SETTINGS, FLAGS, "/v1/decisions`"]:
        assert path in page, path


def test_the_example_tells_its_story() -> None:
    example = ROOT / "examples" / "event_to_value.py"
    done = subprocess.run(
        [sys.executable, str(example)],
        env=shell_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    text = example.read_text(encoding="utf-8")
    code = re.sub(r'""".*?"""', '""""""', text, flags=re.DOTALL)
    assert sum(bool(line.strip()) for line in code.splitlines()) < 80
    assert "identical: True" in done.stdout
    estimates = re.findall(r"\[([-\d.,]+), ([-\d.,]+)\] \(measured\)", done.stdout)
    truths = re.findall(r"the truth: ([-\d.,]+) EUR", done.stdout)
    assert len(estimates) == len(truths) == 2
    for (low, high), truth in zip(estimates, truths, strict=True):
        assert _number(low) < _number(truth) < _number(high)


def _number(text: str) -> float:
    return float(text.replace(",", ""))
