"""Rests after outcomes: when a customer who ignored, dismissed or accepted something may be asked again.

An outcome here is a response, or `ignored`: a contact with no reaction after it for a day; everything but being
presented is a reaction. A reaction ends the rest that silence began, because whoever answers does not ignore. What was
withheld counts as if it had been delivered, or the two groups would differ in what they get next.
"""

from bisect import bisect_left
from collections.abc import Callable

from cvo.core.clock import DAY, HOUR, LATEST, Instant
from cvo.core.errors import InvalidInput
from cvo.events.event import ResponseKind
from cvo.profiles.profile import Profile, Tally

IGNORED = "ignored"
"""The outcome that nothing came of a contact."""
PATIENCE = DAY
"""How long after a contact silence makes it ignored."""

RestEnds = Callable[[Profile, Instant], Instant | None]
"""Answers until when a customer rests, `None` where there is nothing to rest from."""

_DAY_HOURS = 24
_SINGLE_HOURS = 31 * _DAY_HOURS
"""How far behind its newest a tally counts by the hour for certain; what is older may be counted by the day."""
_REACTIONS = tuple(kind.value for kind in ResponseKind if kind is not ResponseKind.PRESENTED)


def rest_ends(outcome: str, scope: str, times: int, within_days: int, days: float | None) -> RestEnds:
    """Return what tells until when a customer rests from a scope such as `action:loan`, or `any`.

    A rest begins when `outcome` has come `times` times within `within_days` days, and lasts `days` days, or without
    `days` for ever. Tallies count by the hour, and beyond a month by the day: a rest may end up to that much later than
    it could, and never earlier.
    """
    if times < 1 or within_days < 1:
        raise InvalidInput(f"rest_ends: {times} times within {within_days} days; both have to be at least 1")
    suffix = "" if scope == "any" else f":{scope}"
    span = LATEST if days is None else int(days * DAY)

    def of_response(profile: Profile, _now: Instant) -> Instant | None:
        tally = profile.tallies.get(f"response:{outcome}{suffix}")
        return None if tally is None else _ends(_latest(tally, len(tally.hours), times, within_days), span)

    def of_silence(profile: Profile, now: Instant) -> Instant | None:
        contacts = profile.tallies.get(f"contact{suffix}")
        if contacts is None:
            return None
        last = _last_reaction(profile, suffix)
        if contacts.last_at <= last:
            return None
        end = bisect_left(contacts.hours, (now - PATIENCE) // HOUR + 1)
        start = bisect_left(contacts.hours, _hour_of(contacts, last))
        begun = _latest(contacts, end, times, within_days, start)
        return None if begun is None else _ends(Instant(begun + PATIENCE), span)

    return of_silence if outcome == IGNORED else of_response


def _ends(begun: Instant | None, span: int) -> Instant | None:
    return None if begun is None else Instant(min(begun + span, LATEST))


def _last_reaction(profile: Profile, suffix: str) -> Instant:
    tallies = (profile.tallies.get(f"response:{kind}{suffix}") for kind in _REACTIONS)
    return max((tally.last_at for tally in tallies if tally is not None), default=Instant(-1))


def _latest(tally: Tally, end: int, times: int, within_days: int, start: int = 0) -> Instant | None:
    """Return when something last came for the `times`-th time within `within_days`, looking at some buckets only."""
    for i in range(end - 1, start - 1, -1):
        since = _hour_of(tally, Instant((tally.hours[i] - within_days * _DAY_HOURS) * HOUR))
        low = max(start, bisect_left(tally.hours, since))
        if sum(tally.counts[low : i + 1]) >= times:
            return _upper(tally, i)
    return None


def _hour_of(tally: Tally, at: Instant) -> int:
    """Return the earliest hour under which a tally may keep what happened at `at`."""
    hour = at // HOUR
    return hour - hour % _DAY_HOURS if _by_day(tally, hour) else hour


def _upper(tally: Tally, i: int) -> Instant:
    """Return the latest instant at which what a bucket counts can have happened."""
    if i == len(tally.hours) - 1:
        return tally.last_at
    hour = tally.hours[i]
    coarse = hour % _DAY_HOURS == 0 and _by_day(tally, hour)
    return Instant((hour + (_DAY_HOURS if coarse else 1)) * HOUR - 1)


def _by_day(tally: Tally, hour: int) -> bool:
    return hour < tally.hours[-1] - _SINGLE_HOURS
