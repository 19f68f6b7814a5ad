"""The OpenAPI document: it names every route, and a tool that only knows the document finds nothing wrong."""

import json
import os
import subprocess
import sys

import pytest
from litestar import Litestar

from cvo.api.access import Access
from cvo.api.asgi import Application
from cvo.api.contract import described, operations
from cvo.api.decisions import Asked
from cvo.api.ofrep import FLAGS
from cvo.api.routes import application
from cvo.api.segment import SETTINGS
from cvo.api.service import Options, Service
from cvo.app.company import Company
from cvo.app.keys import keys_of
from cvo.app.live import Live
from tests.data.server import make_company, serving

HOOKS = """
import itertools
import os

import schemathesis

KEYS = itertools.count()


@schemathesis.hook
def before_call(context, case, kwargs):
    # A key belongs to one request, which no schema can say: each gets its own, of the length that was drawn.
    key = (case.headers or {}).get("Idempotency-Key")
    if isinstance(key, str) and key:
        case.headers["Idempotency-Key"] = str(next(KEYS)).rjust(min(len(key), 255), "k")
    # Nobody guesses a key: every other page that reads its settings has one.
    if case.operation.path == "/v1/projects/{key}/settings" and next(KEYS) % 2:
        case.path_parameters["key"] = os.environ["CVO_TEST_KEY"]
"""
SHORT = ("--max-examples", "8", "--exclude-path-regex", "^/[a-z]$|^/v1/value$")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("openapi") / "company"
    key = make_company(folder)
    with serving(folder, key) as running:
        order = {"userId": "c-17", "event": "Order Completed", "properties": {"order_id": "1", "revenue": 40}}
        running.post("/v1/track", order)
        running.post("/v1/decisions", {"customerId": "c-17", "placement": "home"})
        yield running


def test_the_document_names_every_route_and_no_other(tmp_path):
    make_company(tmp_path / "company")
    with Company.open(tmp_path / "company") as company:
        service = Service(company, Live(company), Access(keys_of(company)), Options())
        framework = application(service)
        bare = Application(service, framework)
    assert isinstance(framework, Litestar)
    served = {(route.path, method) for route in framework.routes for method in route.methods - {"OPTIONS"}}
    served = {(path.replace(":str", ""), method) for path, method in served}
    served |= {(path, found.method) for path, found in bare._bare.items()}
    served |= {(SETTINGS, "GET"), (f"{FLAGS}/{{key}}", "POST")}
    named = {(each.path, each.method) for each in operations(["home"], simulated_time=False)}
    assert named == served


def test_the_document_knows_the_catalogue_and_the_clock(server):
    status, document = server.get("/openapi.json", key="")
    assert status == 200
    assert document == json.loads(described(["home", "newsletter"], simulated_time=False))
    asked = document["paths"]["/v1/decisions"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert asked["properties"]["placement"]["enum"] == ["home", "newsletter"]
    assert set(asked["properties"]) == set(Asked.__struct_encode_fields__)
    timed = json.loads(described([], simulated_time=True))["paths"]["/v1/decisions"]["post"]
    assert [each["name"] for each in timed["parameters"]] == ["Idempotency-Key", "X-Simulated-Now"]


def test_every_example_of_the_document_works(server):
    _, document = server.get("/openapi.json", key="")
    for path, operation in ((path, each.get("post")) for path, each in document["paths"].items()):
        if operation is None or "requestBody" not in operation:
            continue
        example = operation["requestBody"]["content"]["application/json"]["example"]
        status, answer = server.post(path.replace("{key}", "home"), example)
        assert status == 200, (path, answer)


def schemathesis(server, folder, *options):
    (folder / "hooks.py").write_text(HOOKS)
    (folder / "schemathesis.toml").write_text('hooks = "hooks.py"\n')
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{server.address}/openapi.json"]
    held = ["--header", f"Authorization: Bearer {server.key}"]
    done = subprocess.run(
        [*command, *held, "--generation-deterministic", "--no-color", *options],
        cwd=folder,
        env={**os.environ, "CVO_TEST_KEY": server.key},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr
    assert "No issues found" in done.stdout, done.stdout
    return done.stdout


def test_schemathesis_finds_nothing(server, tmp_path):
    said = schemathesis(server, tmp_path, *SHORT, "--phases", "examples,coverage,fuzzing")
    assert "23 selected / 30 total" in said


@pytest.mark.slow
def test_schemathesis_finds_nothing_however_long_it_looks(server, tmp_path):
    said = schemathesis(server, tmp_path, "--max-examples", "200", "--seed", "7")
    assert "30 selected / 30 total" in said
