"""What every route stands on: the company, the writer, the keys, and which catalogue a decision pinned."""

from collections.abc import Iterable
from functools import lru_cache

import msgspec

from cvo.actions.catalogue import Catalogue
from cvo.api.access import Access
from cvo.api.http import Header, Problem, problem
from cvo.api.metrics import Metrics
from cvo.api.writer import Writer
from cvo.app.company import Company
from cvo.app.keys import Scope
from cvo.app.live import Live
from cvo.app.state import Pinned, kept_catalogue
from cvo.core.clock import Instant, parse_rfc3339
from cvo.core.errors import InvalidInput, Unavailable
from cvo.decisions.decision import Decision

AUTHORIZATION = b"authorization"
SIMULATED_NOW = b"x-simulated-now"


class Options(msgspec.Struct, frozen=True):
    """How a server was started."""

    simulated_time: bool = False
    learn_every_seconds: float = 300.0
    """Between lessons, by the stated clock where time is simulated; 0 never learns."""


class Service:
    """One company being served."""

    def __init__(self, company: Company, live: Live, access: Access, options: Options) -> None:
        self.company = company
        self.live = live
        self.access = access
        self.options = options
        self.pinned = Pinned(company.store)
        self.metrics = Metrics()
        self.simulated_since: Instant | None = None
        self.simulated_now = Instant(0)
        self._writer: Writer | None = None
        self._catalogue = lru_cache(maxsize=16)(lambda version: kept_catalogue(company.store, version))

    @property
    def writer(self) -> Writer:
        """Return the thread that writes; raises `Unavailable` before it runs."""
        if self._writer is None:
            raise Unavailable("the server is starting; try again in a second")
        return self._writer

    @writer.setter
    def writer(self, writer: Writer) -> None:
        self._writer = writer

    @property
    def ready(self) -> bool:
        """Tell whether requests can be answered."""
        return self._writer is not None and self._writer.alive

    def figures(self) -> bytes:
        """Return the figures of this server for Prometheus."""
        writer = self._writer
        return self.metrics.text() if writer is None else self.metrics.text(writer.waiting, writer.units)

    def catalogue(self, decision: Decision) -> Catalogue:
        """Return the catalogue that a decision was made with."""
        policy = self.live.policy
        if policy is not None and policy.catalogue.version == decision.pins.catalogue:
            return policy.catalogue
        return self._catalogue(decision.pins.catalogue)

    def now(self) -> Instant:
        """Return the time: the latest one stated where time is simulated, else the clock's."""
        return self.simulated_now if self.options.simulated_time else self.company.clock.now()

    def refuse(self, headers: dict[bytes, bytes], scope: Scope) -> Problem | None:
        """Return why these headers do not open a route, if so."""
        if SIMULATED_NOW in headers and not self.options.simulated_time:
            return problem(400, "X-Simulated-Now is only taken by a server started with --simulated-time")
        return self.access.refuse(headers.get(AUTHORIZATION), scope)

    def decision_time(self, headers: dict[bytes, bytes]) -> Instant | None:
        """Return when a decision is made; `None` is when it is taken up.

        A simulated world stands at the latest time stated. Before there was one, `InvalidInput` is raised.
        """
        at = self.stated_time(headers)
        if at is None and self.options.simulated_time:
            if self.simulated_since is None:
                raise InvalidInput("time is simulated: say when this is with X-Simulated-Now")
            return self.simulated_now
        return at

    def stated_time(self, headers: dict[bytes, bytes]) -> Instant | None:
        """Return the simulated time a request states; one that is no time raises `InvalidInput`."""
        stated = headers.get(SIMULATED_NOW)
        if stated is None:
            return None
        try:
            at = parse_rfc3339(stated.decode("ascii"))
        except (UnicodeDecodeError, InvalidInput):
            raise InvalidInput(
                "X-Simulated-Now is not an RFC 3339 time such as 2026-01-31T08:00:00Z"
            ) from None
        if self.simulated_since is None:
            self.simulated_since = at
        self.simulated_now = max(self.simulated_now, at)
        return at


def headers_of(raw: Iterable[Header]) -> dict[bytes, bytes]:
    """Return headers by lower-case name."""
    return dict(raw)
