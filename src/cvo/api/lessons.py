"""Lessons: now and then a process beside the server learns from the log, and the server decides with the result.

The models arrive whole and are swapped in between two transactions; no decision sees half of them.
"""

import asyncio
import logging
import sys
from pathlib import Path

import msgspec

from cvo.api.child import run
from cvo.api.service import Service
from cvo.app.company import Company
from cvo.app.drift import DriftAlarm, drift
from cvo.app.history import everybody
from cvo.app.learn import learned_from
from cvo.app.rollout.judge import judged
from cvo.app.rollout.record import Run, known_catalogue
from cvo.app.state import running_catalogue
from cvo.core.clock import SECOND, FixedClock, Instant, format_rfc3339
from cvo.core.errors import CvoError
from cvo.core.evidence import NotEstimable
from cvo.valuation import models as model_snapshots

LOG = logging.getLogger(__name__)

_LOOK_SECONDS = 0.25
"""How often simulated time is looked at: it may pass in no time."""


class Lesson(msgspec.Struct, frozen=True, array_like=True):
    """What one reading of the log taught: a snapshot of models, how a rollout stands, and what drifted."""

    models: bytes
    rollout: Run | None
    drifted: list[DriftAlarm]


_DECODER = msgspec.msgpack.Decoder(Lesson)


async def give_lessons(service: Service) -> None:
    """Learn again and again until cancelled; a lesson that fails is logged, and the models stay as they are."""
    if not service.options.learn_every_seconds:
        return
    last = None
    while True:
        last = await _due(service, last)
        try:
            await learn_once(service, last)
        except CvoError as error:
            LOG.warning("nothing was learned: %s", error)


async def learn_once(service: Service, as_of: Instant) -> None:
    """Learn from what is known at a time, and decide with it."""
    if service.live.policy is None:
        return
    folder = str(service.company.folder)
    lesson = _DECODER.decode(await run("-m", "cvo.api.lessons", folder, str(as_of)))
    deciding = await asyncio.to_thread(service.live.learned, model_snapshots.decode(lesson.models))
    if deciding is not None and deciding.policies[0].models.version != service.live.policy.models.version:
        await service.writer.call(lambda: service.live.publish(deciding))
        service.metrics.lessons.inc()
    _tell(service, lesson.drifted)
    if (rollout := lesson.rollout) is not None:
        await service.writer.call(lambda: service.live.follow(rollout))
        LOG.info("%s at step %d: %s", rollout.name, rollout.rollout.step + 1, rollout.rollout.verdict)


def _tell(service: Service, drifted: list[DriftAlarm]) -> None:
    """Show what drifted among the figures, and warn of what had not drifted before."""
    for alarm in service.metrics.drifted(drifted):
        since = format_rfc3339(alarm.since)
        LOG.warning("drift of %s (%s) since %s: %s", alarm.name, alarm.what, since, alarm.said)


async def _due(service: Service, last: Instant | None) -> Instant:
    every = service.options.learn_every_seconds
    if not service.options.simulated_time:
        await asyncio.sleep(every)
        return service.now()
    # The stated clock begins somewhere; the first lesson comes a whole stretch after that.
    while (since := last or service.simulated_since) is None or service.now() < since + every * SECOND:
        await asyncio.sleep(_LOOK_SECONDS)
    return service.now()


def main(folder: str, as_of: str) -> None:
    """Learn from a company's log up to a time, and write the lesson to stdout; the company is only read."""
    with Company.open(Path(folder), write=False, clock=FixedClock(Instant(int(as_of)))) as company:
        catalogue = known_catalogue(company.store, running_catalogue(company.store), company.settings)
        learned = learned_from(company, catalogue, everybody, keep=True)
        rollout = judged(company, company.clock.now())
        found = drift(company)
    drifted = [] if isinstance(found, NotEstimable) else found.alarms
    lesson = Lesson(model_snapshots.encode(learned.models), rollout, drifted)
    sys.stdout.buffer.write(msgspec.msgpack.encode(lesson))


if __name__ == "__main__":
    main(*sys.argv[1:])
