"""The one thread that writes: whatever queued while it worked is done next, together, in one transaction.

So the more is asked, the more goes into each commit, and nobody waits for a timer.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

import msgspec

from cvo.app.live import Accept, Ask, Job, Live
from cvo.core.errors import CvoError, Unavailable
from cvo.decisions.decision import Decision
from cvo.events.message import Receipt

LOG = logging.getLogger(__name__)
T = TypeVar("T")

WAITING_LIMIT = 2_000
"""Jobs that may wait; later ones are told to come again."""
WEIGHT_LIMIT = 4_000
"""Messages, or decisions counted as eight, that one transaction takes on: it has to end soon."""
_DECISION_WEIGHT = 8


class _Call(msgspec.Struct, frozen=True):
    function: Callable[[], Any]


_Waiting = tuple[Job | _Call | None, "asyncio.Future[Any]"]
"""What waits, and where its result goes; nothing at all stands for the end."""


class Writer:
    """Does jobs in a thread of its own, for callers on one event loop."""

    def __init__(self, live: Live, loop: asyncio.AbstractEventLoop) -> None:
        self._live = live
        self._loop = loop
        self._queue: SimpleQueue[_Waiting] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._waiting = 0
        self._closing = False
        self.units = 0
        self.jobs = 0

    @property
    def waiting(self) -> int:
        """Return how many jobs wait or are being done."""
        return self._waiting

    @property
    def alive(self) -> bool:
        """Tell whether jobs are taken."""
        return self._thread.is_alive() and not self._closing

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    async def stop(self) -> None:
        """Do everything that waits, then end."""
        if not self._closing:
            self._closing = True
            end = self._loop.create_future()
            self._queue.put((None, end))
            await end
            await asyncio.to_thread(self._thread.join)

    def accept(self, job: Accept) -> "asyncio.Future[list[Receipt]]":
        """Queue messages; the receipts are there once they are durable.

        Raises `Unavailable` when too much waits.
        """
        return self._put(job)

    def decide(self, job: Ask) -> "asyncio.Future[Decision]":
        """Queue a request for a decision, which is there once it is durable.

        Raises `Unavailable` when too much waits.
        """
        return self._put(job)

    def call(self, function: Callable[[], T]) -> "asyncio.Future[T]":
        """Call a function in the thread, between transactions."""
        return self._put(_Call(function))

    def _put(self, work: "Job | _Call") -> "asyncio.Future[Any]":
        if self._waiting >= WAITING_LIMIT:
            raise Unavailable(f"{self._waiting} requests are waiting already; try again in a second")
        if self._closing or not self._thread.is_alive():
            raise Unavailable("the server is stopping; try again when it is back")
        done = self._loop.create_future()
        self._waiting += 1
        self._queue.put((work, done))
        return done

    def _run(self) -> None:
        held: _Waiting | None = None
        while True:
            item: _Waiting | None = held or self._queue.get()
            held = None
            batch: list[tuple[Job, asyncio.Future[Any]]] = []
            weight = 0
            while item is not None and isinstance(item[0], Accept | Ask):
                batch.append((item[0], item[1]))
                weight += _weight(item[0])
                item = self._next() if weight < WEIGHT_LIMIT else None
            if batch:
                held = item
                self._answer([done for _, done in batch], self._process([job for job, _ in batch]))
            elif item is not None:
                work, done = item
                self._answer([done], [_attempt(work.function) if isinstance(work, _Call) else None])
                if work is None:
                    return

    def _next(self) -> _Waiting | None:
        try:
            return self._queue.get_nowait()
        except Empty:
            return None

    def _process(self, jobs: list[Job]) -> Iterable[Any]:
        self.units += 1
        self.jobs += len(jobs)
        done = _attempt(lambda: self._live.process(jobs))
        return [done] * len(jobs) if isinstance(done, BaseException) else done

    def _answer(self, waiting: list["asyncio.Future[Any]"], results: Iterable[Any]) -> None:
        self._loop.call_soon_threadsafe(self._deliver, waiting, results)

    def _deliver(self, waiting: list["asyncio.Future[Any]"], results: Iterable[Any]) -> None:
        for done, result in zip(waiting, results, strict=True):
            self._waiting -= 1
            if done.cancelled():
                continue
            if isinstance(result, BaseException):
                done.set_exception(result)
            else:
                done.set_result(result)


def _attempt(function: Callable[[], Any]) -> Any:
    """Return what a function returns or raises: the thread outlives whatever goes wrong in a job."""
    try:
        return function()
    except CvoError as error:
        return error
    except Exception as error:
        LOG.exception("a unit of work failed")
        return error


def _weight(job: Job) -> int:
    return len(job.messages) if isinstance(job, Accept) else _DECISION_WEIGHT
