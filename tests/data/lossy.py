"""A network that loses answers: requests arrive, and whoever sent them never hears of it."""

import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Network(ThreadingHTTPServer):
    """Passes POST requests on to a server; the first `to_lose` answers never come back."""

    daemon_threads = True

    def __init__(self, behind: str, to_lose: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behind = behind
        self.to_lose = to_lose
        self.arrived: list[tuple[dict[str, str], bytes]] = []
        self.address = f"http://127.0.0.1:{self.server_port}"

    def pass_on(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        """Return what the server answers."""
        self.arrived.append((headers, body))
        request = urllib.request.Request(self.behind + path, body, headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()


class _Handler(BaseHTTPRequestHandler):
    server: Network

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        status, answer = self.server.pass_on(self.path, dict(self.headers), body)
        self.close_connection = True
        if self.server.to_lose > 0:
            self.server.to_lose -= 1
            return
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing: what arrived is kept."""


@contextmanager
def losing_answers(behind: str, to_lose: int) -> Iterator[Network]:
    """Run such a network until the block ends."""
    network = Network(behind, to_lose)
    thread = threading.Thread(target=network.serve_forever, daemon=True)
    thread.start()
    try:
        yield network
    finally:
        network.shutdown()
        network.server_close()
        thread.join()
