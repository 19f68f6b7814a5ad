"""Values from clients: what a trait or a property may be, and everything that is refused."""

import math
from typing import Any

import msgspec

from cvo.events.event import Value
from cvo.events.message import Reason, Refused

INTEGER_LIMIT = 2**53
"""Integers beyond this are not exact in JSON clients or in float64 columns."""

_DEPTH_LIMIT = 16


def text(value: str, where: str) -> str:
    """Return `value`; a NUL character, which PostgreSQL can't store, raises `Refused`."""
    if "\0" in value:
        raise Refused(Reason.NUL_CHARACTER, f"{where} contains a NUL character; remove it")
    return value


def flatten(values: dict[str, Any] | None, where: str) -> dict[str, Value | None]:
    """Return an object's values by dotted path: `{"address": {"city": "Oslo"}}` → `{"address.city": "Oslo"}`.

    Lists of strings stay lists; other lists are kept as their JSON text, so that nothing said is lost.
    What JSON or a database can't carry (NaN, NUL, integers beyond 2^53) raises `Refused`.
    """
    flat: dict[str, Value | None] = {}
    for key, value in (values or {}).items():
        # Most values are plain text; the check is spelt out because this loop is the hottest of intake.
        if type(value) is str and "\0" not in value and "\0" not in key:
            flat[key] = value
        else:
            _put(flat, text(key, f"a key of {where}"), value, where, 0)
    return flat


def _put(flat: dict[str, Value | None], path: str, value: object, where: str, depth: int) -> None:
    if isinstance(value, dict):
        if depth >= _DEPTH_LIMIT:
            raise Refused(Reason.TOO_DEEP, f"{where}.{path} is nested deeper than {_DEPTH_LIMIT} levels")
        for key, inner in value.items():
            if not isinstance(key, str):
                raise Refused(Reason.WRONG_TYPE, f"{where}.{path} has a key that is not text: {key!r}")
            _put(flat, f"{path}.{text(key, where)}", inner, where, depth + 1)
    elif isinstance(value, list):
        _check(value, f"{where}.{path}", depth)
        strings = [item for item in value if isinstance(item, str)]
        flat[path] = strings if len(strings) == len(value) else msgspec.json.encode(value).decode()
    else:
        flat[path] = scalar(value, f"{where}.{path}")


def scalar(value: object, where: str) -> str | int | float | bool | None:
    """Return a JSON scalar that can be stored; anything else raises `Refused`."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return text(value, where)
    if isinstance(value, int):
        if abs(value) > INTEGER_LIMIT:
            raise Refused(Reason.OUT_OF_RANGE, f"{where} is beyond ±2^53; send it as text")
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise Refused(Reason.NOT_FINITE, f"{where} is {value}; leave it out instead")
        return value
    raise Refused(Reason.WRONG_TYPE, f"{where} is of type {type(value).__name__}, which JSON does not have")


def _check(value: object, where: str, depth: int) -> None:
    if depth > _DEPTH_LIMIT:
        raise Refused(Reason.TOO_DEEP, f"{where} is nested deeper than {_DEPTH_LIMIT} levels")
    if isinstance(value, list):
        for item in value:
            _check(item, where, depth + 1)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise Refused(Reason.WRONG_TYPE, f"{where} has a key that is not text: {key!r}")
            text(key, where)
            _check(inner, where, depth + 1)
    else:
        scalar(value, where)
