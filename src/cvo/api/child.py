"""Long work beside the server: in a process of its own, so that no request waits for it."""

import asyncio
import os
import sys
from pathlib import Path

from cvo.core.errors import Unavailable


async def value_report(folder: Path, *options: str) -> bytes:
    """Return the value report of a company as JSON; `options` are those of `cvo value`."""
    return await run("-m", "cvo", "value", "--json", "--company", str(folder), *options)


async def run(*arguments: str) -> bytes:
    """Run this Python with arguments and return what it writes; one that fails raises `Unavailable`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"},
        preexec_fn=lambda: os.nice(10),
    )
    try:
        out, err = await process.communicate()
    finally:
        # Whoever waited was told to stop: nobody wants the answer any more.
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise Unavailable(f"it ended with {err.decode(errors='replace').strip()[-500:]}")
    return out
