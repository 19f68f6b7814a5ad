"""What the clock on the customer's wall shows: quiet hours and weekdays are theirs, not the company's."""

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cvo.actions.catalogue import Weekday
from cvo.core.clock import Instant, to_datetime

TRAIT = "timezone"
"""The trait that names a customer's time zone, such as Europe/Berlin."""

_WEEKDAYS = [day.value for day in Weekday]
READINGS: dict[str, Callable[[datetime], str]] = {
    "time": lambda shown: f"{shown.hour:02d}:{shown.minute:02d}",
    "weekday": lambda shown: _WEEKDAYS[shown.weekday()],
    "date": lambda shown: shown.date().isoformat(),
}
"""What can be read off: `local.time` "21:30", `local.weekday` "mon", `local.date` "2026-12-24"."""


def shown(at: Instant, zone: object, otherwise: str) -> datetime:
    """Return an instant by the clock of a time zone, or of another where the first is not known.

    An instant has one wall time however the clock was moved, so an hour that comes twice in autumn is quiet twice.

    >>> shown(Instant(0), "Europe/Berlin", "UTC").hour, shown(Instant(0), "Mars/Olympus", "UTC").hour
    (1, 0)
    """
    found = _zone(zone) if isinstance(zone, str) else None
    return to_datetime(at).astimezone(found or _zone(otherwise))


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
