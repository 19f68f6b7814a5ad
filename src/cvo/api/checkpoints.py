"""Keeping the write-ahead log short while the server is busy, without making anybody wait for it."""

import asyncio

from cvo.api.service import Service
from cvo.storage.sqlite import Checkpoints

_LOOK_SECONDS = 0.2
_ENOUGH_PAGES = 500
"""Pages that the writer moves itself, in the blink of an eye."""
_PASSES = 4
"""Each pass leaves what was written while it ran, which is less every time."""


async def keep_log_short(service: Service) -> None:
    """Move the log into the database whenever it has grown, until cancelled."""
    checkpoints = service.company.store.checkpoints()
    moving: asyncio.Future[None] | None = None
    try:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            if checkpoints.due():
                moving = asyncio.ensure_future(asyncio.to_thread(_move, checkpoints))
                await asyncio.shield(moving)
                await service.writer.call(checkpoints.finish)
    finally:
        # The thread can't be interrupted, and works on the connection that is closed now.
        if moving is not None:
            await moving
        checkpoints.close()


def _move(checkpoints: Checkpoints) -> None:
    for _ in range(_PASSES):
        if checkpoints.move() <= _ENOUGH_PAGES:
            return
