"""A server of a company in a process of its own, and a client that says what it wants in one line."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cvo

CATALOGUE = """
teams: {sales: {name: Sales}, care: {name: Care}}
channels: {web: {consent: none}, email: {consent: opt-out}}
placements:
  home: {channel: web, slots: 2}
  newsletter: {channel: email}
actions:
  upgrade:
    {team: sales, stage: grow, status: live, name: Upgrade, contact_cost: 0.10, value: 30,
     creatives: {u-home: {placement: home, parts: {title: {content: Faster, attributes: {tone: warm}}}},
                 u-mail: {placement: newsletter}}}
  accessory:
    {team: sales, stage: grow, status: live, name: Accessory, contact_cost: 0.05, value: 5,
     creatives: {a-home: {placement: home}, a-mail: {placement: newsletter}}}
  callback:
    {team: care, stage: serve, status: live, name: Call back, contact_cost: 2, value: 40,
     suitable: ['context.device != "kiosk"'], creatives: {c-home: {placement: home}}}
limits:
  weekly-mail: {per: channel, of: email, at_most: 1, days: 7}
assumptions:
  margin_rate: {value: 0.4, because: tests}
"""
START_SECONDS = 20


def make_company(folder: Path, catalogue: str = CATALOGUE) -> str:
    """Make a company with an approved catalogue and return a key for everything."""
    from cvo.app.keys import new_key

    with cvo.init(folder, "Test", "EUR", seed="seed") as company:
        (folder / "catalogue" / "catalogue.yaml").write_text(catalogue)
        company.apply(approve=True)
        return new_key(company)


class Server:
    """A running `cvo serve`."""

    def __init__(self, process: "subprocess.Popen[str]", address: str, key: str) -> None:
        self.process = process
        self.address = address
        self.key = key

    def ask(
        self, method: str, path: str, body: Any = None, *, key: str | None = None, **headers: str
    ) -> tuple[int, Any]:
        """Return status and decoded body."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        given = self.key if key is None else key
        if given:
            sent.setdefault("Authorization", f"Bearer {given}")
        request = urllib.request.Request(self.address + path, data, sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                status, content, kind = answer.status, answer.read(), answer.headers["content-type"]
        except urllib.error.HTTPError as error:
            with error:
                status, content, kind = error.code, error.read(), error.headers["content-type"]
        return status, json.loads(content) if "json" in kind else content.decode()

    def post(self, path: str, body: Any, **headers: str) -> tuple[int, Any]:
        """POST and return status and decoded body."""
        return self.ask("POST", path, body, **headers)

    def get(self, path: str, **headers: str) -> tuple[int, Any]:
        """GET and return status and decoded body."""
        return self.ask("GET", path, **headers)

    def stop(self) -> int:
        """Tell it to stop, as an operator does, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=20)


@contextmanager
def serving(folder: Path, key: str, *options: str) -> Iterator[Server]:
    """Serve a company on a free port until the block ends."""
    command = [sys.executable, "-m", "cvo", "serve", "--company", str(folder), "--port", "0", *options]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert line.startswith("Serving at "), line + process.stderr.read()
        server = Server(process, line.split()[-1], key)
        _wait_until_ready(server)
        yield server
    finally:
        process.kill()
        process.communicate()


def _wait_until_ready(server: Server) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        try:
            if server.get("/readyz", key="")[0] == 200:
                return
        except (urllib.error.URLError, ConnectionError):
            pass
        time.sleep(0.02)
    raise AssertionError(f"not ready within {START_SECONDS} s")
