"""Times and durations as they are written in a rule."""

import re
from fractions import Fraction

from cvo.actions.rules.vocabulary import EXACT
from cvo.core.clock import DAY, HOUR, MINUTE, SECOND, parse_rfc3339
from cvo.core.errors import InvalidInput

_UNITS = {"d": DAY, "h": HOUR, "m": MINUTE, "s": SECOND, "ms": 1_000, "us": 1}
_PART = re.compile(r"([0-9]{1,20}(?:\.[0-9]{1,20})?)(d|h|ms|m|s|us)")
_DURATION = re.compile(rf"-?(?:{_PART.pattern})+")


def duration(text: str) -> int:
    """Return the microseconds of a duration such as `36h`, `30d` or `-1h30m`; raises `InvalidInput`.

    >>> duration("1h30m") // MINUTE
    90
    """
    if not _DURATION.fullmatch(text):
        raise InvalidInput(f"{text!r} is no duration; write 30d, 36h, 1h30m, 45s, 200ms or 5us")
    parts = (Fraction(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    total = sum(parts, Fraction()) * (-1 if text.startswith("-") else 1)
    if total.denominator != 1 or abs(total) > EXACT:
        raise InvalidInput(f"{text!r} is not a whole number of microseconds within 285 years")
    return int(total)


def timestamp(text: str) -> int:
    """Return the microseconds since 1970 of an RFC 3339 time; raises `InvalidInput`."""
    at = parse_rfc3339(text)
    if abs(at) > EXACT:
        raise InvalidInput(f"{text!r} is out of range; times lie between the years 1685 and 2255")
    return at
