"""One story that every client of Segment's specification is made to tell, and what has to be known afterwards."""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.data.server import Server

NODE = Path(__file__).with_name("node")


def check_the_story(server: Server, customer: str) -> None:
    """Check that every part of the story is in the profile, once."""
    status, found = server.get(f"/v1/customers/{customer}")
    assert status == 200
    assert found["traits"] == {"city": "Oslo", "address.zip": "0150"}
    assert found["userIds"] == [customer]
    assert sorted(found["anonymousIds"]) == [f"{customer}-browser", f"{customer}-phone"]
    assert {name: count["count"] for name, count in found["counts"].items()} == {
        "activity": 5,
        "activity:page": 1,
        "activity:screen": 1,
        "activity:group": 1,
        "activity:Visit": 1,
        "activity:Search": 1,
        "order": 1,
        "spend:EUR": 1,
    }
    assert found["account"]["revenue"] == 40.5


def node_clients(factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the clients made for Node and browsers, installed once for all workers.

    Without npm the tests fail; with CVO_NODE=optional they are skipped and say so.
    """
    if shutil.which("npm") is None:
        reason = "npm is missing: the clients for Node could not be installed"
        if os.environ.get("CVO_NODE") == "optional":
            pytest.skip(reason)
        pytest.fail(f"{reason}; install Node 20, or set CVO_NODE=optional to go without these tests")
    workers = "PYTEST_XDIST_WORKER" in os.environ
    base = factory.getbasetemp().parent if workers else factory.getbasetemp()
    folder = base / "node-clients"
    with (base / "node-clients.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "installed").exists():
            shutil.copytree(NODE, folder, dirs_exist_ok=True)
            command = ["npm", "install", "--no-audit", "--no-fund", "--no-save", "--ignore-scripts"]
            done = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, timeout=300, check=False
            )
            assert done.returncode == 0, done.stderr
            (folder / "installed").touch()
    return folder
