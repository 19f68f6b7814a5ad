"""A profile: the state of one customer now, folded from their events."""

from bisect import bisect_left, bisect_right

import msgspec

from cvo.core.clock import DAY, HOUR, Instant
from cvo.core.errors import Damaged
from cvo.core.ids import EventId
from cvo.events.event import Value, Valued

LAYOUT = 3
"""Version of the stored form; a profile of another layout is folded anew from the log."""

WINDOW_LIMIT_DAYS = 366
"""How far back a window may reach."""

_DAY_HOURS = 24
_FINE_HOURS = 32 * _DAY_HOURS
_KEPT_HOURS = (WINDOW_LIMIT_DAYS + 2) * _DAY_HOURS


class Tally(msgspec.Struct, frozen=True, array_like=True):
    """How often something happened and for how much, so that any window up to a year can be asked.

    `hours` are hours since 1970 (UTC), ascending, beside `counts` and, for money, `amounts` (minor units).
    What is more than 32 days older than the newest is kept by day, more than a year older lives on in the
    totals only: a tally never has more than some 1,100 buckets however busy the customer is.
    """

    count: int = 0
    amount_minor: int = 0
    first_at: Instant = Instant(0)
    last_at: Instant = Instant(0)
    hours: list[int] = []
    counts: list[int] = []
    amounts: list[int] = []

    def adding(self, at: Instant, amount_minor: int | None = None) -> "Tally":
        """Return the tally after one more at `at`, which must not lie before `last_at`.

        A tally of money is given an amount every time, a tally of anything else never.
        """
        hour = at // HOUR
        hours, counts, amounts = self.hours, self.counts, self.amounts
        if hours and hours[-1] == hour:
            counts = [*counts[:-1], counts[-1] + 1]
            if amount_minor is not None:
                amounts = [*amounts[:-1], amounts[-1] + amount_minor]
        else:
            if hours and _ages(hours, hour):
                hours, counts, amounts = _aged(hours, counts, amounts, hour)
            hours = [*hours, hour]
            counts = [*counts, 1]
            if amount_minor is not None:
                amounts = [*amounts, amount_minor]
        return Tally(
            self.count + 1,
            self.amount_minor + (amount_minor or 0),
            self.first_at if self.count else at,
            at,
            hours,
            counts,
            amounts,
        )

    def within(self, now: Instant, days: float | None = None) -> tuple[int, int]:
        """Return (count, amount in minor units) of the last `days` days up to `now`, or of all time.

        The bucket in which the window begins counts as a whole (an hour, or beyond 32 days a day), so a
        contact limit is never overrun.

        >>> Tally().adding(Instant(0)).adding(Instant(30 * HOUR)).within(Instant(31 * HOUR), 1)
        (1, 0)
        """
        if days is None:
            return self.count, self.amount_minor
        if not self.hours:
            return 0, 0
        start = (now - int(days * DAY)) // HOUR
        if start < _day(self.hours[-1]) - _FINE_HOURS:
            start = _day(start)
        low = bisect_left(self.hours, start)
        high = bisect_right(self.hours, now // HOUR)
        return sum(self.counts[low:high]), sum(self.amounts[low:high])


def _day(hour: int) -> int:
    """Return the first hour of the day."""
    return hour - hour % _DAY_HOURS


def _ages(hours: list[int], newest: int) -> bool:
    """Tell whether a bucket leaves the hours that are kept singly, or the year that is kept at all."""
    old, new = _day(hours[-1]), _day(newest)
    if old == new:
        return False
    aged = bisect_left(hours, old - _FINE_HOURS) != bisect_left(hours, new - _FINE_HOURS)
    return aged or hours[0] < new - _KEPT_HOURS


def _aged(
    hours: list[int], counts: list[int], amounts: list[int], newest: int
) -> tuple[list[int], list[int], list[int]]:
    new_hours: list[int] = []
    new_counts: list[int] = []
    new_amounts: list[int] = []
    for i, original in enumerate(hours):
        hour = _day(original) if original < _day(newest) - _FINE_HOURS else original
        if hour < _day(newest) - _KEPT_HOURS:
            continue
        if new_hours and new_hours[-1] == hour:
            new_counts[-1] += counts[i]
            if amounts:
                new_amounts[-1] += amounts[i]
        else:
            new_hours.append(hour)
            new_counts.append(counts[i])
            if amounts:
                new_amounts.append(amounts[i])
    return new_hours, new_counts, new_amounts


class Profile(msgspec.Struct, frozen=True, array_like=True):
    """What we know of one customer.

    `valued` is the latest lifetime value predicted. `tallies` are keyed as `profiles/fold.py` documents. `named`
    counts the activities among them, whose names clients choose, and `dropped` what was not kept because a
    profile is bounded. `recent_orders` has the latest as `profiles/fold.py` knows them again.
    """

    layout: int = LAYOUT
    events: int = 0
    first_at: Instant = Instant(0)
    last_at: Instant = Instant(0)
    last_event_id: EventId = EventId(b"")
    named: int = 0
    dropped: int = 0
    traits: dict[str, Value] = {}
    consent: dict[str, bool] = {}
    tallies: dict[str, Tally] = {}
    valued: Valued | None = None
    valued_at: Instant = Instant(0)
    recent_orders: list[bytes] = []


EMPTY = Profile()
"""The profile of somebody just met."""

_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Profile)


def encode(profile: Profile) -> bytes:
    """Return the stored form: equal profiles folded from equal events give equal bytes."""
    return _ENCODER.encode(profile)


def decode(data: bytes) -> Profile | None:
    """Read the stored form; `None` for another layout, which is then folded anew. Damage raises `Damaged`."""
    # The first byte is the msgpack array header, the second the layout, a small integer.
    if len(data) > 1 and data[1] != LAYOUT:
        return None
    try:
        return _DECODER.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Damaged(f"a stored profile can't be read ({error}); run `cvo doctor`") from None
