"""What rules and features can see at a decision: the profile, what the caller says, and the moment."""

from collections.abc import Callable
from typing import Any

import msgspec

from cvo.actions.catalogue import Catalogue
from cvo.actions.rules import Argument, Fact, Schema, Signature, Type
from cvo.core.clock import Instant, parse_rfc3339
from cvo.core.errors import CatalogueError, InvalidInput
from cvo.events.event import Scalar
from cvo.profiles.facts import FUNCTIONS, PATHS, FactType, fact
from cvo.profiles.profile import Profile

_TRAIT_TYPES = {
    "number": Type.NUMBER,
    "string": Type.STRING,
    "bool": Type.BOOL,
    "time": Type.TIME,
    "strings": Type.STRINGS,
}
_ARGUMENT_TYPES = {FactType.NUMBER: Type.NUMBER, FactType.TEXT: Type.STRING}
_MOMENT = {"now": Type.TIME, "placement": Type.STRING, "channel": Type.STRING}


class Situation(msgspec.Struct, frozen=True):
    """One customer at one placement at one instant."""

    profile: Profile
    at: Instant
    placement: str
    channel: str
    context: dict[str, Scalar] = {}


Ask = Callable[[Situation], Any]
"""Answers one fact in a situation; `None` is missing."""


def schema(catalogue: Catalogue) -> Schema:
    """Return the facts that the rules of a catalogue may use.

    Traits are those the catalogue declares, so that a misspelt one is an error and not a rule that never
    holds; `context` is open, its types taken from use.
    """
    functions = {
        function.name: Signature(
            (
                *(
                    Argument(f"argument {n}", _ARGUMENT_TYPES[kind])
                    for n, kind in enumerate(function.arguments, 1)
                ),
                *((Argument("days", Type.NUMBER, optional=True),) if function.windowed else ()),
            ),
            Type.NUMBER,
        )
        for function in FUNCTIONS
    }
    traits = {f"customer.{name}": _TRAIT_TYPES[trait.type] for name, trait in catalogue.traits.items()}
    return Schema(
        paths={**_MOMENT, **dict.fromkeys(PATHS, Type.NUMBER), **traits},
        namespaces={"context": None, "consent": Type.BOOL},
        functions=functions,
    )


def ask(wanted: Fact, currency: str) -> Ask:
    """Return the function that answers a fact of a rule or feature.

    Raises `CatalogueError` for arguments that no profile can answer, such as a window of two years.
    """
    if wanted.arguments is None:
        return _path(wanted, currency)
    try:
        answer = fact(wanted.path[-1], wanted.arguments, currency=currency)
    except InvalidInput as error:
        raise CatalogueError(f"{wanted.key}: {error}") from None
    return lambda situation: answer(situation.profile, situation.at)


def _path(wanted: Fact, currency: str) -> Ask:
    head, member = wanted.path[0], ".".join(wanted.path[1:])
    if head == "context":
        return _typed(wanted, lambda situation: situation.context.get(member))
    if head == "now":
        return lambda situation: situation.at
    if head == "placement":
        return lambda situation: situation.placement
    if head == "channel":
        return lambda situation: situation.channel
    answer = fact(f"{head}.{member}", currency=currency)
    return _typed(wanted, lambda situation: answer(situation.profile, situation.at))


def _typed(wanted: Fact, raw: Ask) -> Ask:
    """Clients send times as text; everything else is taken as it came and checked by the rule itself."""
    return (lambda situation: _time(raw(situation))) if wanted.type is Type.TIME else raw


def _time(value: object) -> Instant | None:
    if not isinstance(value, str):
        return None
    try:
        return parse_rfc3339(value)
    except InvalidInput:
        return None
