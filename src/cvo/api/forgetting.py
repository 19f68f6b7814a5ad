"""Forgetting, in small steps between transactions, what is kept only to know a repeat again."""

import asyncio
import logging

from cvo.api.service import Service
from cvo.core.clock import DAY, Instant
from cvo.core.errors import CvoError

LOG = logging.getLogger(__name__)

_LOOK_SECONDS = 10.0
_AT_MOST = 200
"""Rows of a table that one step takes: gone in a few milliseconds, so that nobody waits for long."""


async def forget_repeats(service: Service) -> None:
    """Forget what lies longer back than the company promises to know repeats, until cancelled.

    Simulated time passes at any speed, and what was received by one clock can't be forgotten by another: such
    a server forgets nothing.
    """
    if service.options.simulated_time:
        return
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        try:
            await forget_once(service)
        except CvoError as error:
            LOG.warning("no repeats were forgotten: %s", error)


async def forget_once(service: Service) -> int:
    """Forget all that is due by now; return how much that was."""
    company = service.company
    before = Instant(company.clock.now() - int(company.config.repeats_known_days * DAY))
    total = 0
    # Each step is a job of its own, so that requests come in between.
    while step := await service.writer.call(lambda: company.store.forget_repeats(before, _AT_MOST)):
        total += step
    return total
