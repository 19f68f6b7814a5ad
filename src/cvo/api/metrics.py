"""Figures of the running server, for Prometheus."""

from collections import Counter as Counts
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from cvo.app.drift import DriftAlarm
from cvo.core.clock import SECOND
from cvo.events.message import Accepted, DeadLetter, Duplicate, Receipt


class Metrics:
    """Counters of one server; every server has its own registry."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        self.requests = Counter(
            "cvo_requests", "Requests answered, by route and status", ["route", "status"], registry=registry
        )
        self.seconds = Histogram(
            "cvo_request_seconds",
            "From the first byte read to the answer",
            ["route"],
            registry=registry,
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
        )
        self.messages = Counter(
            "cvo_messages", "Messages taken in, known already or refused", ["outcome"], registry=registry
        )
        self.waiting = Gauge("cvo_writer_waiting", "Jobs that wait for the writer", registry=registry)
        self.lessons = Counter("cvo_lessons", "Models learned and decided with", registry=registry)
        self.drift_since = Gauge(
            "cvo_drift_since_seconds",
            "When what drifts began to, as a Unix time; nothing where nothing drifts",
            ["what", "name"],
            registry=registry,
        )
        self.units = Counter("cvo_units_of_work", "Transactions of the writer", registry=registry)

        self._routes: dict[tuple[str, int], tuple[Counter, Histogram]] = {}
        self._drifting: set[tuple[str, str]] = set()
        self._units = 0

    def text(self, waiting: int = 0, units: int = 0) -> bytes:
        """Return all figures in Prometheus' text format; the writer's are handed in."""
        self.waiting.set(waiting)
        self.units.inc(units - self._units)
        self._units = units
        return generate_latest(self._registry)

    def seen(self, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        found = self._routes.get((route, status))
        if found is None:
            # Looking both up by their labels costs more than counting.
            found = (self.requests.labels(route, status), self.seconds.labels(route))
            self._routes[route, status] = found
        found[0].inc()
        found[1].observe(seconds)

    def drifted(self, alarms: Iterable[DriftAlarm]) -> list[DriftAlarm]:
        """Show what drifts by now, and return what did not the last time."""
        now = {(alarm.what.value, alarm.name): alarm for alarm in alarms}
        for gone in self._drifting - now.keys():
            self.drift_since.remove(*gone)
        for key, alarm in now.items():
            self.drift_since.labels(*key).set(alarm.since / SECOND)
        new = [alarm for key, alarm in now.items() if key not in self._drifting]
        self._drifting = set(now)
        return new

    def taken(self, receipts: Iterable[Receipt]) -> None:
        """Count what became of messages."""
        for kind, count in Counts(type(receipt) for receipt in receipts).items():
            self.messages.labels(_OUTCOMES[kind]).inc(count)


_OUTCOMES: dict[type, str] = {Accepted: "accepted", Duplicate: "duplicate", DeadLetter: "refused"}
