"""A server and its load for the benchmarks: each in a process of its own, on this machine only."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import served
from benchmarks.harness import ROOT

_ENVIRONMENT = {
    **os.environ,
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]),
}


class Server:
    """A server that was started for a measurement."""

    def __init__(self, port: int, key: str, customers: int, process: "subprocess.Popen[bytes]") -> None:
        self.port = port
        self.key = key
        self.customers = customers
        self.process = process
        self.seconds_to_ready = 0.0

    def load(self, kind: str, **options: float) -> dict[str, Any]:
        """Ask it, and return what came of it."""
        flags = [part for name, value in options.items() for part in (f"--{name}", str(value))]
        command = [sys.executable, "-m", "benchmarks.load", kind, "--port", str(self.port), "--key", self.key]
        command += ["--customers", str(self.customers), *flags]
        done = subprocess.run(command, check=True, capture_output=True, env=_ENVIRONMENT, cwd=ROOT)
        found: dict[str, Any] = json.loads(done.stdout)
        if found["failed"] or found["lost"]:
            raise RuntimeError(f"{kind}: {found['failed']} failed, {found['lost']} connections lost")
        return found

    def peak_bytes(self) -> int:
        """Return the most memory it ever had."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return 1024 * int(status.split("VmHWM:")[1].split()[0])


@contextmanager
def serving(customers: int) -> Iterator[Server]:
    """Serve a copy of the company with so many customers until the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="served-", dir=ROOT / ".benchmarks"))
    try:
        key = served.copy(customers, folder / "company")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = [sys.executable, "-m", "benchmarks.served_with_empty_route"]
        begun = time.perf_counter()
        process = subprocess.Popen(
            [*command, str(folder / "company"), str(port)],
            env=_ENVIRONMENT,
            cwd=ROOT,
            stderr=subprocess.DEVNULL,
        )
        server = Server(port, key, customers, process)
        try:
            _wait(server)
            server.seconds_to_ready = time.perf_counter() - begun
            yield server
        finally:
            process.terminate()
            process.wait()
    finally:
        shutil.rmtree(folder)


def _wait(server: Server) -> None:
    for _ in range(3_000):
        if server.process.poll() is not None:
            raise RuntimeError("the server ended before it was ready")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/readyz", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.01)
    raise RuntimeError("the server was not ready within thirty seconds")
