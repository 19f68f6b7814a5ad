"""A profile: the state of one customer now, folded from their events."""

import msgspec

from cvo.core.clock import HOUR, Instant
from cvo.core.ids import EventId
from cvo.events.event import Scalar

LAYOUT = 1
"""Version of the packed form; a profile of another layout is folded anew from the log."""


class Tally(msgspec.Struct, array_like=True):
    """How often something happened and for how much, by hour, so that any window up to a year can be asked.

    `hours` are hours since 1970 (UTC) in ascending order, beside `counts` and `amounts` (minor units).
    Hours that are more than 366 days older than the newest are dropped: they live on in the totals.
    """

    count: int = 0
    amount_minor: int = 0
    first_at: Instant = Instant(0)
    last_at: Instant = Instant(0)
    hours: list[int] = []
    counts: list[int] = []
    amounts: list[int] = []

    def within(self, now: Instant, days: int | None) -> tuple[int, int]:
        """Return (count, amount in minor units) of the last `days` days up to `now`, or of all time for `None`.

        The hour that the window begins in counts as a whole, so a contact limit is never overrun.
        """
        ...


class Profile(msgspec.Struct, array_like=True):
    """What we know of one customer. `tallies` is keyed as `profiles/facts.py` documents."""

    layout: int = LAYOUT
    events: int = 0
    first_at: Instant = Instant(0)
    last_at: Instant = Instant(0)
    last_event_id: EventId = EventId(b"")
    traits: dict[str, Scalar | list[str]] = {}
    consent: dict[str, bool] = {}
    tallies: dict[str, Tally] = {}
