"""Time: UTC microseconds inside, RFC 3339 at the edges, and a clock that is always passed in."""

import time
from datetime import UTC, datetime, timedelta
from typing import NewType, Protocol

from cvo.core.errors import InvalidInput

Instant = NewType("Instant", int)
"""Microseconds since 1970-01-01T00:00:00Z."""

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
LATEST = Instant((datetime(2200, 1, 1, tzinfo=UTC) - _EPOCH) // _MICROSECOND)
"""No time after this is accepted anywhere; it keeps arithmetic on instants far from overflow."""


class Clock(Protocol):
    """Tells the time; handed to everything that needs it, so that a run can be repeated."""

    def now(self) -> Instant:
        """Return the current instant."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> Instant:
        """Return the machine's current instant."""
        return Instant(time.time_ns() // 1_000)


class FixedClock:
    """A clock that stands at one instant until it is moved by hand."""

    def __init__(self, at: Instant) -> None:
        self.at = at

    def now(self) -> Instant:
        """Return the instant the clock stands at."""
        return self.at


def instant(moment: datetime) -> Instant:
    """Convert an aware `datetime` to an `Instant`; a naive one raises `InvalidInput`.

    >>> instant(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000000
    """
    if moment.tzinfo is None:
        raise InvalidInput(f"the time {moment.isoformat()} has no time zone; add one, e.g. +00:00")
    return Instant((moment - _EPOCH) // _MICROSECOND)


def to_datetime(at: Instant) -> datetime:
    """Convert an `Instant` to an aware UTC `datetime`."""
    return _EPOCH + timedelta(microseconds=at)


def parse_rfc3339(text: str) -> Instant:
    """Read an RFC 3339 time such as `2026-01-31T08:00:00Z`; anything else raises `InvalidInput`.

    >>> parse_rfc3339("1970-01-01T00:00:01Z")
    1000000
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"{text!r} is not an RFC 3339 time such as 2026-01-31T08:00:00Z") from None
    return instant(moment)


def format_rfc3339(at: Instant) -> str:
    """Write an instant as RFC 3339 in UTC, with as many decimals as needed.

    >>> format_rfc3339(Instant(1_500_000))
    '1970-01-01T00:00:01.500000Z'
    """
    return to_datetime(at).isoformat().replace("+00:00", "Z")
