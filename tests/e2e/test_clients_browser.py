"""Segment's client for browsers, unchanged, on a page of another site, in a real browser.

Without a browser the test is skipped and says so; with CVO_BROWSER=required it fails instead.
"""

import functools
import http.server
import os
import queue
import shutil
import subprocess
import threading
import time
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tests.data.clients import node_clients
from tests.data.server import make_company, serving

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
OPTIONS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")


class Shop(http.server.SimpleHTTPRequestHandler):
    """A site that serves the page, and hears from it when it is done."""

    def __init__(self, *arguments, said, **options):
        self._said = said
        super().__init__(*arguments, **options)

    def do_GET(self):
        address = urlsplit(self.path)
        if address.path == "/done":
            self._said.put(parse_qs(address.query))
            self.send_response(204)
            self.end_headers()
        else:
            super().do_GET()

    def log_message(self, *_arguments):
        """Say nothing."""


@pytest.fixture(scope="module")
def browser():
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        reason = f"no browser found (looked for {', '.join(NAMES)})"
        if os.environ.get("CVO_BROWSER") == "required":
            pytest.fail(reason)
        pytest.skip(f"{reason}; the client for browsers was not run")
    return found


@pytest.fixture
def shop(tmp_path_factory):
    said = queue.Queue()
    handler = functools.partial(Shop, said=said, directory=node_clients(tmp_path_factory))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as site:
        thread = threading.Thread(target=site.serve_forever, daemon=True)
        thread.start()
        site.said, site.address = said, f"http://127.0.0.1:{site.server_port}"
        yield site
        site.shutdown()
        thread.join()


def test_a_page_of_another_site_tells_what_its_visitor_does(browser, shop, tmp_path):
    key = make_company(tmp_path / "company")
    with serving(tmp_path / "company", key) as server:
        page = f"{shop.address}/page.html?{urlencode({'cdnURL': server.address, 'writeKey': key})}"
        command = [browser, *OPTIONS, f"--user-data-dir={tmp_path / 'profile'}", "--remote-debugging-port=0"]
        running = subprocess.Popen([*command, page], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            said = shop.said.get(timeout=60)
            assert "error" not in said
            found = _wait_for_all(server)
        finally:
            running.kill()
            running.wait()
    assert found["traits"] == {"city": "Oslo"}
    assert found["anonymousIds"] == said["anonymousId"]
    counts = {name: count["count"] for name, count in found["counts"].items()}
    assert counts["activity:page"] == counts["activity:Visit"] == counts["order"] == 1
    assert found["account"]["revenue"] == 40.5


def _wait_for_all(server):
    """Return the customer once the client, which sends beside what the page does, has sent all."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        status, found = server.get("/v1/customers/browser")
        if (
            status == 200
            and found["traits"]
            and {"order", "activity:page", "activity:Visit"} <= set(found["counts"])
        ):
            return found
        time.sleep(0.1)
    raise AssertionError(f"not all came: {found}")
