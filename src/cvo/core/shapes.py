"""What is wrong with the shape of an input, said with the names that would have been right."""

import re
from collections.abc import Iterable
from typing import Any

import msgspec

_UNKNOWN = re.compile(
    r"Object contains unknown field `(?P<name>[^`]*)`(?: - at `\$(?P<path>.*)`)?", re.DOTALL
)

_WRONG = re.compile(r"(?P<what>.+) - at `\$\.(?P<path>.+)`", re.DOTALL)


def misshapen(error: Exception, kind: type[Any], also: Iterable[str] = ()) -> str:
    """Return what an error says of an input that was to be read as `kind`; of an unknown field, which ones there are.

    `also` are names that stand beside the fields of `kind` and are read elsewhere.

    >>> class Lamp(msgspec.Struct, forbid_unknown_fields=True):
    ...     colour: str
    ...     watts: int = 5
    >>> try:
    ...     msgspec.convert({"color": "red"}, Lamp)
    ... except msgspec.ValidationError as error:
    ...     print(misshapen(error, Lamp))
    there is no field 'color'; known: colour, watts
    >>> try:
    ...     msgspec.convert({"colour": "red", "watts": "many"}, Lamp)
    ... except msgspec.ValidationError as error:
    ...     print(misshapen(error, Lamp))
    watts: expected `int`, got `str`
    """
    found = _UNKNOWN.fullmatch(str(error))
    if found is None:
        wrong = _WRONG.fullmatch(str(error))
        return f"{wrong['path']}: {wrong['what'][0].lower()}{wrong['what'][1:]}" if wrong else str(error)
    path = found["path"] or ""
    within = f" in `{path.lstrip('.')}`" if path else ""
    beside = () if path else also
    known = sorted(
        {*beside} | _names(msgspec.inspect.type_info(kind), re.findall(r"\.[^.\[]+|\[[^\]]*\]", path))
    )
    remedy = f"; known: {', '.join(known)}" if known else ""
    return f"there is no field {found['name']!r}{within}{remedy}"


def _names(kind: Any, path: list[str]) -> set[str]:
    """Return the names of fields at a path such as `.creatives`, `[...]`."""
    if isinstance(kind, msgspec.inspect.UnionType):
        return {name for each in kind.types for name in _names(each, path)}
    if not path:
        return set(_fields(kind))
    inner = _fields(kind).get(path[0].removeprefix("."))
    if isinstance(kind, msgspec.inspect.DictType):
        inner = kind.value_type
    elif isinstance(kind, msgspec.inspect.ListType):
        inner = kind.item_type
    return set() if inner is None else _names(inner, path[1:])


def _fields(kind: Any) -> dict[str, Any]:
    if not isinstance(kind, msgspec.inspect.StructType):
        return {}
    return {field.encode_name: field.type for field in kind.fields}
