"""What rules may speak of: the types, the facts, and the schema that declares them."""

import json
import re
from collections.abc import Callable, Mapping
from enum import StrEnum

import msgspec

from cvo.core.errors import InvalidInput

Value = float | int | str | bool | tuple[str, ...]
"""What a fact holds: number `float`, time and duration `int` (µs), string, bool, list of string `tuple`."""

Constants = Mapping[str, float | str | bool]
"""Values that paths stand for in one rule, by key: a rule about an action knows the action's attributes."""

Lookup = Callable[["Fact"], object]
"""Finds the value of a fact; `None` says that it is missing."""

EXACT = 2**53
"""Beyond this a float64 skips whole numbers, so numbers are refused and times count as missing."""

BUILT_IN = frozenset({"has", "size", "timestamp", "duration"})
METHODS = frozenset({"startsWith", "endsWith", "contains", "lowerAscii", "size"})
KEYWORDS = frozenset({"true", "false", "null", "in"})

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DOTTED = re.compile(rf"{_IDENTIFIER.pattern}(\.{_IDENTIFIER.pattern})*")
_KEY = re.compile(rf'{_IDENTIFIER.pattern}(\.{_IDENTIFIER.pattern}|\["(?:[^"\\]|\\.)+"\])*')


class Type(StrEnum):
    """The type of a fact or of a part of a rule."""

    NUMBER = "number"
    STRING = "string"
    BOOL = "bool"
    TIME = "time"
    """An instant; in memory whole microseconds since 1970-01-01T00:00:00Z."""
    DURATION = "duration"
    """In memory whole microseconds."""
    STRINGS = "list of string"


class Fact(msgspec.Struct, frozen=True):
    """A leaf of a rule: a path, or a fact function with literal arguments.

    `key` is its canonical text, the same however the rule was typed; in frames it is the column's name.
    `arguments` is `None` for a path. Whole numbers among the arguments are `int`.
    """

    key: str
    type: Type
    path: tuple[str, ...]
    arguments: tuple[str | int, ...] | None = None


class Argument(msgspec.Struct, frozen=True):
    """A literal that a fact function takes: a string (of `choices`, if given) or a whole number from 0."""

    name: str
    type: Type
    optional: bool = False
    choices: tuple[str, ...] = ()


class Signature(msgspec.Struct, frozen=True):
    """The arguments of a fact function, optional ones last, and the type of the fact."""

    arguments: tuple[Argument, ...]
    returns: Type


class Schema(msgspec.Struct, frozen=True):
    """The facts that a rule may use.

    `paths` gives single facts their type. `namespaces` are open: any member may be asked for; it has the
    given type, or for `None` the type that its use in the rule implies. `functions` are fact functions.
    Paths are keys as `path_key` returns them, the other names dotted identifiers; else `InvalidInput`.

    >>> Schema(paths={"now": Type.TIME}, namespaces={"context": None}).paths["now"]
    <Type.TIME: 'time'>
    """

    paths: Mapping[str, Type] = {}
    namespaces: Mapping[str, Type | None] = {}
    functions: Mapping[str, Signature] = {}

    def __post_init__(self) -> None:
        for path in self.paths:
            if not _KEY.fullmatch(path) or not KEYWORDS.isdisjoint(path.split(".")):
                remedy = 'write customer.recency or customer["first name"]'
                raise InvalidInput(f"{path!r} is no key of a fact; {remedy}")
        for name in (*self.namespaces, *self.functions):
            if not _DOTTED.fullmatch(name) or not KEYWORDS.isdisjoint(name.split(".")):
                raise InvalidInput(f"{name!r} can't be written in a rule; use a name like customer")
        for name, signature in self.functions.items():
            if name in BUILT_IN or name.rpartition(".")[2] in METHODS:
                raise InvalidInput(f"the fact function {name!r} hides one of the language; rename it")
            _check_signature(name, signature)


def _check_signature(name: str, signature: Signature) -> None:
    optional = [argument.optional for argument in signature.arguments]
    if optional != sorted(optional):
        raise InvalidInput(f"the optional arguments of {name!r} must come last")
    for argument in signature.arguments:
        if argument.type not in {Type.STRING, Type.NUMBER}:
            raise InvalidInput(f"argument {argument.name!r} of {name!r} must be a string or a number")


def path_key(path: tuple[str, ...]) -> str:
    """Return the canonical text of a path.

    >>> path_key(("customer", "first name"))
    'customer["first name"]'
    """
    plain = (part for part in path[1:])
    return path[0] + "".join(f".{part}" if _is_plain(part) else f"[{quote(part)}]" for part in plain)


def call_key(path: tuple[str, ...], arguments: tuple[str | int, ...]) -> str:
    """Return the canonical text of a fact function with its arguments.

    >>> call_key(("contacts",), ("channel:email", 30))
    'contacts("channel:email", 30)'
    """
    shown = ", ".join(quote(item) if isinstance(item, str) else str(item) for item in arguments)
    return f"{'.'.join(path)}({shown})"


def quote(text: str) -> str:
    """Return a string as the literal that the language reads back."""
    return json.dumps(text, ensure_ascii=False)


def _is_plain(part: str) -> bool:
    return _IDENTIFIER.fullmatch(part) is not None and part not in KEYWORDS


def accept(kind: Type, value: object) -> Value | None:
    """Return `value` as rules compute with it, or `None` where it is missing or of another type.

    A bool is no number; NaN and infinity are missing; so is text that UTF-8 can't hold.

    >>> accept(Type.NUMBER, 3), accept(Type.NUMBER, True), accept(Type.NUMBER, float("nan"))
    (3.0, None, None)
    """
    return None if value is None else _ACCEPT[kind](value)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, float | int):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if abs(number) < float("inf") else None


def _string(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    if value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        return None
    return value


def _bool(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _microseconds(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if abs(value) <= EXACT else None


def _strings(value: object) -> tuple[str, ...] | None:
    if not isinstance(value, list | tuple):
        return None
    items = tuple(item for item in map(_string, value) if item is not None)
    return items if len(items) == len(value) else None


_ACCEPT: dict[Type, Callable[[object], Value | None]] = {
    Type.NUMBER: _number,
    Type.STRING: _string,
    Type.BOOL: _bool,
    Type.TIME: _microseconds,
    Type.DURATION: _microseconds,
    Type.STRINGS: _strings,
}
