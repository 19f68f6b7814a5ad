"""What is asked of the value report: which stretch of time, and split by what."""

from collections.abc import Iterable

import msgspec

from cvo.core.clock import Instant, parse_rfc3339
from cvo.core.errors import InvalidInput
from cvo.ledger.rows import DIMENSIONS


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of time, its end not included, and the columns to split by; without either end, all there is."""

    since: Instant | None = None
    until: Instant | None = None
    by: tuple[str, ...] = ("stage", "action")


def read_question(since: str | None, until: str | None, by: Iterable[str]) -> Question:
    """Read a question as people and requests write it: RFC 3339 dates or times, columns named.

    A date is its midnight in UTC. Raises `InvalidInput` naming what is wrong.

    >>> read_question("2026-01-01", None, ["week"]).by
    ('week',)
    """
    asked = tuple(dict.fromkeys(by))
    for name in asked:
        if name not in DIMENSIONS:
            raise InvalidInput(f"by={name!r} is not a column to split by; known: {', '.join(DIMENSIONS)}")
    start, end = _time("from", since), _time("to", until)
    if start is not None and end is not None and end <= start:
        raise InvalidInput(f"the period from {since} to {until} is empty; `to` has to come after `from`")
    return Question(since=start, until=end, by=asked or Question().by)


def _time(name: str, text: str | None) -> Instant | None:
    if text is None:
        return None
    is_date = len(text) == len("2026-01-31")
    try:
        return parse_rfc3339(f"{text}T00:00:00Z" if is_date else text)
    except InvalidInput as error:
        raise InvalidInput(f"`{name}`: {error}, nor a date such as 2026-01-31") from None
