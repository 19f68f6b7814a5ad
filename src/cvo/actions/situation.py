"""What rules and features can see at a decision: the profile, what the caller says, and the moment."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import msgspec

from cvo.actions.catalogue import Catalogue, Creative
from cvo.actions.rules import Argument, Fact, Schema, Signature, Type, path_key
from cvo.actions.scarcity import NOTHING_SCARCE, Scarcity
from cvo.actions.stock import NO_STOCK, Stock
from cvo.actions.wall_clock import READINGS, TRAIT, shown
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
_TYPES = {
    FactType.NUMBER: Type.NUMBER,
    FactType.TEXT: Type.STRING,
    FactType.BOOL: Type.BOOL,
    FactType.TIME: Type.TIME,
}
_PRODUCT = Argument("product", Type.STRING)
_STOCK = {
    "stock": Signature((_PRODUCT, Argument("place", Type.STRING, optional=True)), Type.NUMBER),
    "stock_at": Signature((_PRODUCT, Argument("key of the context", Type.STRING)), Type.NUMBER),
}
"""How many there are at a place, or at all together; and at the place that the caller names in the context."""
_LEFT = "left"
"""How much is left of a resource in its period."""
_MOMENT = {"now": Type.TIME, "placement": Type.STRING, "channel": Type.STRING}


class Situation(msgspec.Struct, frozen=True):
    """One customer at one placement at one instant.

    `time_zone` is the company's, for who has none of their own. `stock` has the products that rules ask about,
    `scarcity` what is left of resources.
    """

    profile: Profile
    at: Instant
    placement: str
    channel: str
    context: dict[str, Scalar] = {}
    time_zone: str = "UTC"
    stock: Stock = NO_STOCK
    scarcity: Scarcity = NOTHING_SCARCE


Ask = Callable[[Situation], Any]
"""Answers one fact in a situation; `None` is missing."""


_HERE: dict[str, Ask] = {
    "now": lambda situation: situation.at,
    "placement": lambda situation: situation.placement,
    "channel": lambda situation: situation.channel,
}


def schema(catalogue: Catalogue) -> Schema:
    """Return the facts that features may use, and rules besides their own.

    Traits are those the catalogue declares, so that a misspelt one is an error and not a rule that never
    holds; `context` is open, its types taken from use.
    """
    functions = {
        function.name: Signature(
            (
                *(Argument(f"argument {n}", _TYPES[kind]) for n, kind in enumerate(function.arguments, 1)),
                *((Argument("days", Type.NUMBER, optional=True),) if function.windowed else ()),
            ),
            _TYPES[function.result],
        )
        for function in FUNCTIONS
    }
    traits = {f"customer.{name}": _TRAIT_TYPES[trait.type] for name, trait in catalogue.traits.items()}
    return Schema(
        paths={**_MOMENT, **dict.fromkeys(PATHS, Type.NUMBER), **traits},
        namespaces={"context": None, "consent": Type.BOOL},
        functions=functions,
    )


def rule_schema(catalogue: Catalogue) -> Schema:
    """Return the facts that the rules of a catalogue may use.

    Beside those of features there are the customer's clock, what is in stock, and `action.…` and `creative.…`: what
    `constants` says of the action and the creative that a rule is about, missing where only others have it.
    """
    every = schema(catalogue)
    attributes: dict[str, Type] = {}
    for key in reversed(catalogue.action_ids):
        about = [constants(key, catalogue)]
        about += [creative_constants(*each) for each in catalogue.actions[key].creatives.items()]
        attributes.update((name, _attribute_type(value)) for known in about for name, value in known.items())
    local = {f"local.{reading}": Type.STRING for reading in READINGS}
    return Schema(
        paths={**every.paths, **local, **attributes},
        namespaces=every.namespaces,
        functions={**every.functions, **_STOCK, _LEFT: _left(catalogue)},
    )


def _left(catalogue: Catalogue) -> Signature:
    """Return how rules ask for a resource: of a misspelt one there would be plenty for ever."""
    return Signature((Argument("resource", Type.STRING, choices=tuple(catalogue.resources)),), Type.NUMBER)


def constants(key: str, catalogue: Catalogue) -> dict[str, float | str | bool]:
    """Return what rules about an action know of it: its attributes, and its id, team and stage."""
    action = catalogue.actions[key]
    known = {"id": key, "team": action.team, "stage": action.stage.value}
    return {path_key(("action", name)): value for name, value in {**action.attributes, **known}.items()}


def creative_constants(key: str, creative: Creative) -> dict[str, float | str | bool]:
    """Return what rules know of a creative: its parts' contents and attributes, its id, placement and locale."""
    known: dict[str, float | str | bool] = {}
    for name, part in creative.parts.items():
        known[path_key(("creative", name))] = part.content
        known |= {path_key(("creative", name, each)): value for each, value in part.attributes.items()}
    own = {"id": key, "placement": creative.placement, "locale": creative.locale}
    return known | {path_key(("creative", name)): value for name, value in own.items()}


def _attribute_type(value: float | str | bool) -> Type:
    if isinstance(value, bool):
        return Type.BOOL
    return Type.STRING if isinstance(value, str) else Type.NUMBER


def ask(wanted: Fact, currency: str) -> Ask:
    """Return the function that answers a fact of a rule or feature.

    Raises `CatalogueError` for arguments that no profile can answer, such as a window of two years.
    """
    if wanted.arguments is None:
        return _path(wanted, currency)
    if wanted.path[-1] in _STOCK:
        return _stock(wanted.path[-1], *map(str, wanted.arguments))
    if wanted.path[-1] == _LEFT:
        resource = str(wanted.arguments[0])
        return lambda here: here.scarcity.left_of(resource)
    try:
        answer = fact(wanted.path[-1], wanted.arguments, currency=currency)
    except InvalidInput as error:
        raise CatalogueError(f"{wanted.key}: {error}") from None
    return lambda situation: answer(situation.profile, situation.at)


def _path(wanted: Fact, currency: str) -> Ask:
    head, member = wanted.path[0], ".".join(wanted.path[1:])
    if head in _HERE:
        return _HERE[head]
    if head == "context":
        return _typed(wanted, lambda situation: situation.context.get(member))
    if head == "local":
        return _local(READINGS[member])
    if head in {"action", "creative"}:
        return lambda _situation: None
    answer = fact(f"{head}.{member}", currency=currency)
    return _typed(wanted, lambda situation: answer(situation.profile, situation.at))


def _stock(function: str, product: str, where: str | None = None) -> Ask:
    if function == "stock":
        return lambda here: here.stock.level(product, where)

    def at_named_place(here: Situation) -> float | None:
        place = here.context.get(where or "")
        named = isinstance(place, str | int) and not isinstance(place, bool)
        return here.stock.level(product, str(place)) if named else None

    return at_named_place


def products(facts: Iterable[Fact]) -> frozenset[str]:
    """Return the products whose stock some facts ask about."""
    return frozenset(str(each.arguments[0]) for each in facts if each.arguments and each.path[-1] in _STOCK)


def watched(facts: Iterable[Fact]) -> frozenset[str]:
    """Return the resources of which some facts ask how much is left."""
    return frozenset(str(each.arguments[0]) for each in facts if each.arguments and each.path[-1] == _LEFT)


def _local(reading: Callable[[datetime], str]) -> Ask:
    return lambda here: reading(shown(here.at, here.profile.traits.get(TRAIT), here.time_zone))


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
