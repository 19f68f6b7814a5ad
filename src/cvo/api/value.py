"""What `GET /v1/value` may be asked: a stretch of time, and columns to split by."""

from collections.abc import Iterable

from cvo.api.openapi import Parameter, Schema
from cvo.app.value import read_question
from cvo.core.errors import InvalidInput
from cvo.ledger.rows import DIMENSIONS

_TIME: Schema = {"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]}
_COLUMN = "|".join(DIMENSIONS)
VALUE_PARAMETERS = (
    Parameter("from", "query", "A date or time from which decisions count.", _TIME),
    Parameter("to", "query", "A date or time up to which they and their windows count.", _TIME),
    Parameter(
        "by",
        "query",
        f"Columns to split by, with commas between: {', '.join(DIMENSIONS)}.",
        {"type": "string", "pattern": f"^({_COLUMN})(,({_COLUMN}))*$"},
    ),
)
_NAMES = frozenset(each.name for each in VALUE_PARAMETERS)


def value_options(query: Iterable[tuple[str, str]]) -> list[str]:
    """Return the options of `cvo value` for a query; one that can't be read raises `InvalidInput`."""
    given: dict[str, str] = {}
    for name, text in query:
        if name not in _NAMES:
            raise InvalidInput(f"{name!r} is not asked here; known: {', '.join(sorted(_NAMES))}")
        if name in given:
            raise InvalidInput(f"`{name}` is given twice; with several columns write by=stage,action")
        given[name] = text
    read_question(given.get("from"), given.get("to"), given["by"].split(",") if "by" in given else ())
    return [f"--{name}={text}" for name, text in given.items()]
