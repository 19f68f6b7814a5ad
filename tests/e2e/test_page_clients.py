"""The page on connecting clients holds: its tour is walked, its snippets are run, its errors are those there are."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from cvo.api.http import _TITLES, problem
from tests.data.clients import node_clients
from tests.data.pages import blocks, same, shell_environment
from tests.data.server import make_company, serving

PAGE = (Path(__file__).parents[2] / "docs" / "clients.md").read_text(encoding="utf-8")
TOUR, *SNIPPETS = [block.text for block in blocks(PAGE)]
ADDRESS = "http://127.0.0.1:8000"
END = "that was it"
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")


class Terminal:
    """One shell, in which a page's commands are run one after the other; the server takes a free port."""

    def __init__(self, folder):
        self._folder = folder
        environment = shell_environment()
        environment["PATH"] = f"{folder / 'bin'}:{environment['PATH']}"
        (folder / "bin").mkdir()
        for name, what in {"cvo": "-m cvo", "python": ""}.items():
            (folder / "bin" / name).write_text(f'#!/bin/sh\nexec {sys.executable} {what} "$@"\n')
            (folder / "bin" / name).chmod(0o755)
        self._shell = subprocess.Popen(
            ["bash", "-m"],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._address = ADDRESS
        self._ids = {}

    def run(self, command, shown):
        """Return what a command prints."""
        serves = command.startswith("cvo serve ")
        if serves:
            command = command.replace("&", "--port 0 2> said &\nuntil grep Serving said; do sleep 0.05; done")
        command = _ID.sub(lambda found: self._ids.get(found[0], found[0]), command)
        self._shell.stdin.write(f"{command.replace(ADDRESS, self._address)}\necho; echo {END}\n")
        self._shell.stdin.flush()
        output = "".join(iter(self._shell.stdout.readline, f"{END}\n")).strip()
        if serves:
            self._address = output.split()[-1]
        self._ids |= dict(zip(_ID.findall(shown), _ID.findall(output), strict=False))
        return output

    def close(self):
        self._shell.stdin.close()
        self._shell.wait(timeout=30)
        self._shell.stdout.close()


@pytest.fixture
def terminal(tmp_path):
    opened = Terminal(tmp_path)
    yield opened
    opened.close()


def commands(transcript):
    """Yield each command of a transcript, which may go on over lines, with what it is shown to print."""
    for part in re.split(r"^\$ ", transcript, flags=re.MULTILINE)[1:]:
        lines = part.splitlines()
        end = 1
        while "\n".join(lines[:end]).count("'") % 2 or lines[end - 1].endswith(("\\", "|")):
            end += 1
        yield "\n".join(lines[:end]), "\n".join(lines[end:]).strip()


def test_the_tour_leads_where_it_says(terminal):
    answers = 0
    for command, shown in commands(TOUR):
        printed = terminal.run(command, shown)
        if shown.startswith("{"):
            assert outline(printed) == outline(shown), printed
            answers += 1
        elif not command.startswith("cvo serve"):
            assert same(shown, printed), printed
    assert answers == 3


def test_the_readme_serves_the_demo(terminal, demo, tmp_path):
    shutil.copytree(demo[0] / "cvo-demo", tmp_path / "cvo-demo")
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    (tour,) = [block.text for block in blocks(readme) if "cvo serve" in block.text]
    answers = []
    for command, shown in commands(tour):
        printed = terminal.run(command, shown)
        if shown.startswith("{"):
            now, then = msgspec.json.decode(printed), msgspec.json.decode(shown)
            assert now.keys() == then.keys(), printed
            answers.append(now)
        elif not command.startswith("cvo serve"):
            assert same(shown, printed), printed
    taken, decided, replayed = answers
    assert taken == {"success": True}
    assert {item["action"] for item in decided["items"]} <= {"mens", "womens"}
    assert replayed == {"identical": True, "differences": []}


def outline(text):
    """Return JSON without what a draw decides: an item is there or not, and no figure is that of another day."""
    answer = msgspec.json.decode(text)
    for item in answer.pop("items", []):
        assert item.keys() == {
            "rank",
            "action",
            "creative",
            "content",
            "propensity",
            "expectedValue",
            "grade",
        }
        assert item["content"] == {
            "headline": {"content": "Good to see you again", "attributes": {"tone": "warm"}}
        }
    drawn = {"decisionId", "madeAt", "arm", "policyVersion"}
    return {key: "" if key in drawn else value for key, value in answer.items()}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page") / "company"
    starter = (Path(__file__).parents[2] / "src" / "cvo" / "app" / "starter.yaml").read_text(encoding="utf-8")
    key = make_company(folder, starter)
    with serving(folder, key) as running:
        yield running


def visits(server):
    status, found = server.get("/v1/customers/c-17")
    return found["counts"].get("activity:Visit", {"count": 0})["count"] if status == 200 else 0


def test_every_snippet_runs(server, tmp_path_factory):
    environment = {**os.environ, "CVO_KEY": server.key}
    languages = [_language(snippet) for snippet in SNIPPETS]
    assert languages == ["python", "node", "browser", "python"]
    folder = node_clients(tmp_path_factory)
    for language, snippet in zip(languages, SNIPPETS, strict=True):
        code = snippet.replace(ADDRESS, server.address)
        if language == "browser":
            page = (folder / "page.html").read_text(encoding="utf-8")
            assert "AnalyticsBrowser.load(" in page
            assert "cdnURL" in page
            continue
        before = visits(server)
        variants = [code, code.replace("from segment.", "from rudderstack.")] if "segment" in code else [code]
        for variant in variants:
            command = [sys.executable, "-"] if language == "python" else ["node", "--input-type=module", "-"]
            done = subprocess.run(
                command,
                input=variant,
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
        told = variant.count('"Visit"') * len(variants)
        assert visits(server) == before + told
    assert server.get("/v1/customers/c-17")[1]["traits"] == {"city": "Oslo"}


def _language(snippet):
    if snippet.startswith("import os"):
        return "python"
    return "node" if snippet.startswith("import {") else "browser"


def test_every_error_is_explained():
    for status in _TITLES:
        if status != 415:
            assert f"| {status} | `{problem(status, '').type}`" in PAGE
