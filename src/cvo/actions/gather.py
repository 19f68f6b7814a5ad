"""All facts that rules or features ask about a situation, looked up by one compiled Python function.

What the customer is and what the caller says are most of them, and simple: they are looked up in place, the rest is
asked one by one. Every name in the generated source is made here, and every text of a fact enters it as a `repr`.
"""

from collections.abc import Callable, Sequence
from struct import Struct
from typing import Any

from cvo.actions.rules import Fact, Type
from cvo.actions.rules.single import refusal_lines
from cvo.actions.rules.tree import Node
from cvo.actions.rules.vocabulary import accept
from cvo.actions.situation import Ask, Situation

Gather = Callable[[Situation], tuple[Any, ...]]

_SOURCES = {"customer": "traits", "context": "context"}
_IN_PLACE = {
    # Of the type that is wanted already, as nearly all are: NaN and infinity less themselves are not 0.
    Type.NUMBER: "v if type(v := {0}) is float and v - v == 0.0 else accept(number, v)",
    Type.STRING: "v if type(v := {0}) is str and v.isascii() else accept(string, v)",
}


_ODD = {
    # Whatever is not as nearly all values are; of finite numbers alone the difference with themselves is 0.
    Type.NUMBER: "type({0}) is not float or {0} - {0}: {0} = accept(number, {0})",
    Type.STRING: "type({0}) is not str or not {0}.isascii(): {0} = accept(string, {0})",
}


def compile_gather(facts: Sequence[Fact], asks: Sequence[Ask], *, raw: bool = False) -> Gather:
    """Return a function from a situation to the value of every fact as rules compute with it; `None` is missing.

    `asks` answer the facts, each with a value of any type; with `raw` that is what is returned.
    """
    written = _raw if raw else _value
    values = "".join(f" {written(fact, number)},\n" for number, fact in enumerate(facts))
    function: Gather = _compiled(f" return (\n{values})\n", _answers(facts, asks))
    return function


def compile_numbers(
    asked: Sequence[tuple[Fact, Ask] | None], number: Callable[[Any], float]
) -> Callable[[Situation], bytes]:
    """Return a function from a situation to the numbers that are asked, packed as 64-bit floats.

    `number` makes one of any value, `None` included; what nobody can be asked is NaN.
    """
    values = "".join(
        " nan,\n" if each is None else f" {_number(each[0], place)},\n" for place, each in enumerate(asked)
    )
    answers = {f"ask{place}": each[1] for place, each in enumerate(asked) if each is not None}
    pack = Struct(f"={len(asked)}d").pack
    function: Callable[[Situation], bytes] = _compiled(
        f" return pack(\n{values})\n", {"pack": pack, "nan": float("nan"), "as_number": number, **answers}
    )
    return function


def compile_refusals(
    facts: Sequence[Fact], asks: Sequence[Ask], chains: Sequence[Sequence[tuple[int, Node]]]
) -> Callable[[Situation], bytes]:
    """Return a function from a situation to what refuses each chain of conditions, as `refusal_lines` says."""
    variables, lines, known = refusal_lines(facts, chains)
    fetched = [
        line
        for number, (name, fact) in enumerate(zip(variables, facts, strict=True))
        for line in _fetched(name, fact, number)
    ]
    function: Callable[[Situation], bytes] = _compiled(
        "".join(f" {line}\n" for line in [*fetched, *lines]), {**_answers(facts, asks), **known}
    )
    return function


def _answers(facts: Sequence[Fact], asks: Sequence[Ask]) -> dict[str, Any]:
    """Return what the texts of values need to know."""
    return {
        "accept": accept,
        "number": Type.NUMBER,
        "string": Type.STRING,
        **{f"ask{number}": answer for number, answer in enumerate(asks)},
        **{f"type{number}": fact.type for number, fact in enumerate(facts)},
    }


def _compiled(body: str, names: dict[str, Any]) -> Any:
    source = f"def gather(here):\n traits, context = here.profile.traits.get, here.context.get\n{body}"
    namespace = {"__builtins__": {"type": type, "float": float, "str": str}, **names}
    exec(compile(source, "<facts>", "exec"), namespace)  # noqa: S102  the source holds no text but literals
    return namespace["gather"]


def _number(fact: Fact, place: int) -> str:
    return f"v if type(v := {_raw(fact, place)}) is float else as_number(v)"


def _value(fact: Fact, number: int) -> str:
    source = _SOURCES.get(fact.path[0])
    if fact.arguments is None and source is not None and fact.type in _IN_PLACE:
        return _IN_PLACE[fact.type].format(f"{source}({'.'.join(fact.path[1:])!r})")
    # What comes from a tally needs no check.
    return f"ask{number}(here)" if fact.arguments is not None else f"accept(type{number}, ask{number}(here))"


def _fetched(name: str, fact: Fact, number: int) -> list[str]:
    """Return the lines that give a variable what `_value` says."""
    source = _SOURCES.get(fact.path[0])
    if fact.arguments is None and source is not None and fact.type in _ODD:
        first = f"{name} = {source}({'.'.join(fact.path[1:])!r})"
        return [first, f"if {_ODD[fact.type].format(name)}"]
    return [f"{name} = {_value(fact, number)}"]


def _raw(fact: Fact, number: int) -> str:
    source = _SOURCES.get(fact.path[0])
    if fact.arguments is None and source is not None and fact.type in _IN_PLACE:
        return f"{source}({'.'.join(fact.path[1:])!r})"
    return f"ask{number}(here)"
