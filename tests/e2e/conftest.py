"""The demo's company, made once for all tests that look at it."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.data.pages import shell_environment


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Return a folder with the demo's company in it, and what `cvo demo` printed; made once for all workers."""
    workers = "PYTEST_XDIST_WORKER" in os.environ
    base = tmp_path_factory.getbasetemp().parent if workers else tmp_path_factory.mktemp("pages")
    folder = base / "demo"
    with (base / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "printed").exists():
            folder.mkdir(exist_ok=True)
            done = subprocess.run(
                [sys.executable, "-m", "cvo", "demo"],
                cwd=folder,
                env=shell_environment(),
                capture_output=True,
                text=True,
                check=False,
                timeout=300,
            )
            assert done.returncode == 0, done.stderr
            (folder / "printed").write_text(done.stdout)
    return folder, (folder / "printed").read_text()
