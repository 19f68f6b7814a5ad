"""Facts: what rules and features may ask about a profile, by name, the same for one customer and for many.

| fact | answer |
|---|---|
| `customer.<trait>` | a trait as last set: text, number, bool or list of text |
| `consent.<purpose>` | what the customer allowed or refused; missing where never asked |
| `orders(days)`, `refunds(days)` | how many |
| `spend(days)`, `refunded(days)` | for how much, in major units of the company's currency |
| `activities(name, days)` | how many of that name; name `"any"` for all |
| `contacts(scope, days)` | how many; scope `"any"` or `"channel:…"`, `"stage:…"`, `"team:…"`, `"action:…"` |
| `responses(kind, scope, days)` | how many; kind is presented, dismissed, postponed, clicked, accepted or converted |
| `lifetime.value_90_days`, `…_365_…`, `…_1095_…` | margin expected at the last valuation, in major units |
| `lifetime.probability_alive`, `lifetime.overdue` | as of the last valuation; missing before one |
| `days_since(what)` | days since the last of what; missing if never |
| `open(opens, closes, days)` | whether the first activity came and the second has not since |
| `rest_ends(outcome, scope, times, within_days, days)` | when a rest ends, as in `rests.py`; or missing |

`what` is `order`, `refund`, `activity[:name]`, `contact[:scope]`, `response:kind[:scope]`,
`first_seen` or `last_seen`.
`days` is a number up to 366, and may be left out everywhere: of all time. Counts are zero, not missing, where
nothing happened. Orders in other currencies are counted by `orders` and not valued by `spend`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from functools import lru_cache

import msgspec

from cvo.core.clock import DAY, Instant
from cvo.core.errors import InvalidInput
from cvo.core.money import minor_exponent
from cvo.events.event import ResponseKind, Value
from cvo.profiles.profile import WINDOW_LIMIT_DAYS, Profile, Tally
from cvo.profiles.rests import IGNORED, rest_ends

Fact = Callable[[Profile, Instant], Value | None]
"""Answers one question about a profile at an instant; `None` is missing."""

Argument = str | int | float


class FactType(StrEnum):
    """The types a fact's argument or answer may have."""

    NUMBER = "number"
    TEXT = "text"
    BOOL = "bool"
    TIME = "time"
    ANY = "any"
    """Decided by what the client sent: text, number, bool or list of text."""


class FactFunction(msgspec.Struct, frozen=True):
    """A fact's literal arguments, whether a final `days` may follow, and the type of its answer."""

    name: str
    arguments: tuple[FactType, ...]
    windowed: bool
    result: FactType = FactType.NUMBER


NAMESPACES: Mapping[str, FactType] = {"customer": FactType.ANY, "consent": FactType.BOOL}
"""Open namespaces: any dotted path below them is a fact of that type."""

_VALUED_DAYS = (90, 365, 1_095)
PATHS: Mapping[str, FactType] = {
    **{f"lifetime.value_{days}_days": FactType.NUMBER for days in _VALUED_DAYS},
    "lifetime.probability_alive": FactType.NUMBER,
    "lifetime.overdue": FactType.NUMBER,
}
"""Everything else that is asked without arguments."""

_TEXT, _NUMBER = FactType.TEXT, FactType.NUMBER
FUNCTIONS: tuple[FactFunction, ...] = (
    FactFunction("orders", (), windowed=True),
    FactFunction("refunds", (), windowed=True),
    FactFunction("spend", (), windowed=True),
    FactFunction("refunded", (), windowed=True),
    FactFunction("activities", (_TEXT,), windowed=True),
    FactFunction("contacts", (_TEXT,), windowed=True),
    FactFunction("responses", (_TEXT, _TEXT), windowed=True),
    FactFunction("days_since", (_TEXT,), windowed=False),
    FactFunction("open", (_TEXT, _TEXT), windowed=True, result=FactType.BOOL),
    FactFunction("rest_ends", (_TEXT, _TEXT, _NUMBER, _NUMBER), windowed=True, result=FactType.TIME),
)
"""Everything that is asked with arguments."""

_BY_NAME = {function.name: function for function in FUNCTIONS}
_SCOPES = ("channel", "stage", "team", "action")


@lru_cache(maxsize=4096)
def fact(name: str, arguments: tuple[Argument, ...] = (), *, currency: str) -> Fact:
    """Return the function that answers a fact; a name or argument that says nothing raises `InvalidInput`.

    >>> from cvo.profiles.profile import EMPTY
    >>> fact("orders", (90,), currency="EUR")(EMPTY, Instant(0))
    0.0
    """
    if "." in name and not arguments:
        return _lifetime(name, currency) if name in PATHS else _path(name)
    function = _BY_NAME.get(name)
    if function is None:
        raise InvalidInput(f"there is no fact {name!r}; there are {', '.join(sorted(_BY_NAME))}")
    (texts, numbers), days = _split(function, arguments)
    match function.name:
        case "days_since":
            return _days_since(texts[0])
        case "open":
            return _open(texts[0], texts[1], days)
        case "rest_ends":
            return rest_ends(_outcome(texts[0]), _known_scope(texts[1]), numbers[0], numbers[1], days)
        case "spend" | "refunded":
            return _amount(f"{function.name}:{currency}", days, currency)
        case _:
            return _count(_counted(function.name, texts), days)


def columns(
    profiles: Sequence[Profile], now: Instant, facts: Mapping[str, Fact]
) -> dict[str, list[Value | None]]:
    """Answer many facts for many profiles: one list per fact, in the order of `profiles`."""
    return {key: [ask(profile, now) for profile in profiles] for key, ask in facts.items()}


def trait_names(profiles: Iterable[Profile]) -> list[str]:
    """Return every trait that at least one of the profiles has, sorted."""
    return sorted({name for profile in profiles for name in profile.traits})


def _path(name: str) -> Fact:
    namespace, _, member = name.partition(".")
    if namespace == "customer":
        return lambda profile, _now: profile.traits.get(member)
    if namespace == "consent":
        return lambda profile, _now: profile.consent.get(member)
    raise InvalidInput(f"there is no fact {name!r}; facts begin with {' or '.join(sorted(NAMESPACES))}")


def _lifetime(name: str, currency: str) -> Fact:
    member = name.partition(".")[2]
    if member in {"probability_alive", "overdue"}:
        return lambda profile, _now: getattr(profile.valued, member, None)
    days, unit = int(member.split("_")[1]), 10 ** minor_exponent(currency)

    def ask(profile: Profile, _now: Instant) -> float | None:
        valued = profile.valued
        if valued is None or valued.currency != currency:
            return None
        return next((each.expected_minor / unit for each in valued.horizons if each.days == days), None)

    return ask


def _split(
    function: FactFunction, arguments: tuple[Argument, ...]
) -> tuple[tuple[list[str], list[int]], float | None]:
    """Return the texts and whole numbers a fact function was given, and the days of its window."""
    count = len(function.arguments)
    given, rest = arguments[:count], arguments[count:]
    texts = [argument for argument in given if isinstance(argument, str)]
    numbers = [argument for argument in given if type(argument) is int]
    shapes = [_TEXT if isinstance(argument, str) else _NUMBER for argument in given]
    fits = shapes == [*function.arguments] and len(texts) + len(numbers) == count
    if not fits or len(rest) > function.windowed:
        names = [kind.value for kind in function.arguments]
        shape = ", ".join([*names, *(["days"] if function.windowed else [])])
        raise InvalidInput(f"{function.name} takes ({shape}), not {arguments!r}")
    if not rest:
        return (texts, numbers), None
    days = rest[0]
    if isinstance(days, str | bool) or not 0 < days <= WINDOW_LIMIT_DAYS:
        raise InvalidInput(
            f"{function.name}: days is {days!r}; it has to be above 0 and at most {WINDOW_LIMIT_DAYS}, "
            "or left out for all time"
        )
    return (texts, numbers), days


def _counted(name: str, texts: list[str]) -> str:
    match name:
        case "orders" | "refunds":
            return name.removesuffix("s")
        case "activities":
            return "activity" if texts[0] == "any" else f"activity:{texts[0]}"
        case "contacts":
            return _scoped("contact", texts[0])
        case _:
            return _scoped(f"response:{_kind(texts[0])}", texts[1])


def _scoped(key: str, scope: str) -> str:
    if scope == "any":
        return key
    kind, _, value = scope.partition(":")
    if kind not in _SCOPES or not value:
        raise InvalidInput(f'{scope!r} is not a scope; write "any" or e.g. "channel:email", one of {_SCOPES}')
    return f"{key}:{scope}"


def _known_scope(scope: str) -> str:
    _scoped("contact", scope)
    return scope


def _outcome(outcome: str) -> str:
    return outcome if outcome == IGNORED else _kind(outcome)


def _kind(kind: str) -> str:
    try:
        return ResponseKind(kind).value
    except ValueError:
        raise InvalidInput(f"{kind!r} is not a response; there are {', '.join(ResponseKind)}") from None


def _count(key: str, days: float | None) -> Fact:
    def ask(profile: Profile, now: Instant) -> float:
        tally = profile.tallies.get(key)
        return 0.0 if tally is None else float(tally.within(now, days)[0])

    return ask


def _amount(key: str, days: float | None, currency: str) -> Fact:
    unit = 10 ** minor_exponent(currency)

    def ask(profile: Profile, now: Instant) -> float:
        tally = profile.tallies.get(key)
        return 0.0 if tally is None else tally.within(now, days)[1] / unit

    return ask


def _days_since(what: str) -> Fact:
    if what == "first_seen":
        return lambda profile, now: _age(now, profile.first_at) if profile.events else None
    if what == "last_seen":
        return lambda profile, now: _age(now, profile.last_at) if profile.events else None
    key = _last_key(what)

    def ask(profile: Profile, now: Instant) -> float | None:
        tally: Tally | None = profile.tallies.get(key)
        return None if tally is None else _age(now, tally.last_at)

    return ask


def _open(opens: str, closes: str, days: float | None) -> Fact:
    opening, closing = f"activity:{opens}", f"activity:{closes}"

    def ask(profile: Profile, now: Instant) -> bool:
        opened, closed = profile.tallies.get(opening), profile.tallies.get(closing)
        if opened is None or (closed is not None and closed.last_at >= opened.last_at):
            return False
        return days is None or now - opened.last_at < days * DAY

    return ask


def _last_key(what: str) -> str:
    kind, _, rest = what.partition(":")
    match kind:
        case "order" | "refund" if not rest:
            return kind
        case "activity":
            return what
        case "contact":
            return _scoped(kind, rest or "any")
        case "response":
            response, _, scope = rest.partition(":")
            return _scoped(f"response:{_kind(response)}", scope or "any")
        case _:
            raise InvalidInput(
                f"days_since can't tell {what!r}; ask for order, refund, activity:<name>, contact:<scope>, "
                "response:<kind>, first_seen or last_seen"
            )


def _age(now: Instant, at: Instant) -> float:
    return max(now - at, 0) / DAY
