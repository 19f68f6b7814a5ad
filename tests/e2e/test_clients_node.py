"""The clients of Segment and RudderStack for Node, unchanged, against a real server."""

import gzip
import json
import subprocess

import pytest

from tests.data.clients import check_the_story, node_clients
from tests.data.lossy import losing_answers
from tests.data.server import make_company, serving


@pytest.fixture(scope="module")
def clients(tmp_path_factory):
    return node_clients(tmp_path_factory)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("node") / "company"
    key = make_company(folder)
    with serving(folder, key) as running:
        yield running


def tell(clients, name, address, key, customer):
    return subprocess.run(
        ["node", f"{name}.mjs", address, key, customer],
        cwd=clients,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("name", ["segment", "rudder"])
def test_what_was_sent_is_in_the_profile(clients, server, name):
    done = tell(clients, name, server.address, server.key, name)
    assert done.returncode == 0, done.stderr
    check_the_story(server, name)


@pytest.mark.parametrize("name", ["segment", "rudder"])
def test_what_is_sent_again_for_want_of_an_answer_counts_once(clients, server, name):
    with losing_answers(server.address, to_lose=1) as network:
        done = tell(clients, name, network.address, server.key, f"{name}-again")
    assert done.returncode == 0, done.stderr
    check_the_story(server, f"{name}-again")
    ids = [message["messageId"] for arrived in network.arrived for message in _read(*arrived)["batch"]]
    assert len(ids) > len(set(ids)) == 8
    labels = {headers.get("Content-Type") for headers, _ in network.arrived}
    assert labels == {"application/json" if name == "segment" else "application/x-www-form-urlencoded"}


def _read(headers, body):
    return json.loads(gzip.decompress(body) if headers.get("Content-Encoding") == "gzip" else body)


@pytest.mark.parametrize("name", ["segment", "rudder"])
def test_a_key_that_is_not_in_use_fails_at_once(clients, server, name):
    with losing_answers(server.address, to_lose=0) as network:
        done = tell(clients, name, network.address, "guess", f"{name}-guess")
    assert done.returncode == 1
    assert "401" in done.stderr
    assert server.get(f"/v1/customers/{name}-guess")[0] == 404
