"""A rule after type checking: what both compilers read, and how it is written back as text."""

from collections.abc import Iterable
from typing import ClassVar

import msgspec

from cvo.actions.rules.vocabulary import EXACT, Fact, Type, quote
from cvo.core.clock import DAY, HOUR, MINUTE, SECOND, Instant, format_rfc3339


class Literal(msgspec.Struct, frozen=True):
    """A constant: `float`, `str`, `bool`, or `int` microseconds of a time or duration."""

    value: float | int | str | bool
    type: Type


class Logic(msgspec.Struct, frozen=True):
    """All (`&&`) or any (`||`) of at least two conditions, none of them of the same operator."""

    operator: str
    terms: tuple["Node", ...]
    type: ClassVar[Type] = Type.BOOL


class Not(msgspec.Struct, frozen=True):
    """True where the operand is false or missing."""

    operand: "Node"
    type: ClassVar[Type] = Type.BOOL


class Negate(msgspec.Struct, frozen=True):
    """Minus a number or duration."""

    operand: "Node"
    type: Type


class Arithmetic(msgspec.Struct, frozen=True):
    """`+ - * / %`; missing where an operand is, or the result is no finite number."""

    operator: str
    left: "Node"
    right: "Node"
    type: Type


class Comparison(msgspec.Struct, frozen=True):
    """`== != < <= > >=` of two values of one type; false where one is missing."""

    operator: str
    left: "Node"
    right: "Node"
    type: ClassVar[Type] = Type.BOOL


class Among(msgspec.Struct, frozen=True):
    """Whether a value is one of a list of literals; false where missing."""

    item: "Node"
    literals: tuple[Literal, ...]
    type: ClassVar[Type] = Type.BOOL


class Contained(msgspec.Struct, frozen=True):
    """Whether a string is in a list that is a fact; false where one is missing."""

    item: "Node"
    strings: "Node"
    type: ClassVar[Type] = Type.BOOL


class Choice(msgspec.Struct, frozen=True):
    """`test ? then : otherwise`; a missing test takes `otherwise`."""

    test: "Node"
    then: "Node"
    otherwise: "Node"
    type: Type


class TextTest(msgspec.Struct, frozen=True):
    """`startsWith`, `endsWith` or `contains`; false where one string is missing."""

    function: str
    subject: "Node"
    argument: "Node"
    type: ClassVar[Type] = Type.BOOL


class LowerAscii(msgspec.Struct, frozen=True):
    """The string with A–Z made a–z."""

    subject: "Node"
    type: ClassVar[Type] = Type.STRING


class Size(msgspec.Struct, frozen=True):
    """The number of characters (code points) of a string, or of members of a list."""

    subject: "Node"
    type: ClassVar[Type] = Type.NUMBER


class Has(msgspec.Struct, frozen=True):
    """Whether a fact is there, and of the type that the rule expects."""

    fact: Fact
    type: ClassVar[Type] = Type.BOOL


Node = (
    Literal | Fact | Logic | Not | Negate | Arithmetic | Comparison | Among | Contained | Choice | TextTest
    | LowerAscii | Size | Has
)  # fmt: skip

ARITHMETIC_POWERS = {"+": 5, "-": 5, "*": 6, "/": 6, "%": 6}
_CHOICE, _OR, _AND, _RELATION, _UNARY, _MEMBER = 1, 2, 3, 4, 7, 8
_DURATION_UNITS = (("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", SECOND), ("ms", 1_000), ("us", 1))


def children(node: Node) -> tuple[Node, ...]:  # noqa: PLR0911  one answer per kind of node
    """Return the parts of a node, in the order in which they are written."""
    match node:
        case Logic(terms=terms):
            return terms
        case Not(operand=operand) | Negate(operand=operand):
            return (operand,)
        case Arithmetic(left=left, right=right) | Comparison(left=left, right=right):
            return left, right
        case Among(item=item):
            return (item,)
        case Contained(item=item, strings=strings):
            return item, strings
        case Choice(test=test, then=then, otherwise=otherwise):
            return test, then, otherwise
        case TextTest(subject=subject, argument=argument):
            return subject, argument
        case LowerAscii(subject=subject) | Size(subject=subject):
            return (subject,)
        case Has(fact=fact):
            return (fact,)
        case Literal() | Fact():
            return ()


def facts(node: Node) -> tuple[Fact, ...]:
    """Return the facts of a tree, each once, in the order of their first appearance."""
    if isinstance(node, Fact):
        return (node,)
    return tuple(dict.fromkeys(fact for child in children(node) for fact in facts(child)))


def conjuncts(node: Node) -> tuple[Node, ...]:
    """Return the parts that must all hold: the terms of a top-level `&&`, else the whole."""
    return node.terms if isinstance(node, Logic) and node.operator == "&&" else (node,)


def joined(operator: str, terms: Iterable[Node]) -> Node:
    """Return all (`&&`) or any (`||`) of one or more conditions, flat and as a `Logic` only where there are several."""
    flat: list[Node] = []
    for term in terms:
        same = isinstance(term, Logic) and term.operator == operator
        flat.extend(term.terms if isinstance(term, Logic) and same else [term])
    return Logic(operator, tuple(flat)) if len(flat) > 1 else flat[0]


def text(node: Node) -> str:  # noqa: PLR0911  one answer per kind of node
    """Write a tree in its one normal form, with no more parentheses than needed."""
    match node:
        case Fact(key=key):
            return key
        case Literal():
            return _literal(node)
        case Logic(operator=operator, terms=terms):
            return f" {operator} ".join(_within(term, _power(node) + 1) for term in terms)
        case Not(operand=operand):
            return f"!{_within(operand, _UNARY)}"
        case Negate(operand=operand):
            return f"-{_within(operand, _UNARY)}"
        case Arithmetic(operator=operator, left=left, right=right):
            return f"{_within(left, _power(node))} {operator} {_within(right, _power(node) + 1)}"
        case Comparison(operator=operator, left=left, right=right):
            return f"{_within(left, _RELATION)} {operator} {_within(right, _RELATION + 1)}"
        case Choice(test=test, then=then, otherwise=otherwise):
            return f"{_within(test, _OR)} ? {_within(then, _OR)} : {text(otherwise)}"
        case _:
            return _call_text(node)


def _call_text(node: Among | Contained | TextTest | LowerAscii | Size | Has) -> str:
    match node:
        case Among(item=item, literals=literals):
            return f"{_within(item, _RELATION)} in [{', '.join(map(_literal, literals))}]"
        case Contained(item=item, strings=strings):
            return f"{_within(item, _RELATION)} in {_within(strings, _RELATION + 1)}"
        case TextTest(function=function, subject=subject, argument=argument):
            return f"{_within(subject, _MEMBER)}.{function}({text(argument)})"
        case LowerAscii(subject=subject):
            return f"{_within(subject, _MEMBER)}.lowerAscii()"
        case Size(subject=subject):
            return f"size({text(subject)})"
        case Has(fact=fact):
            return f"has({fact.key})"


def _within(node: Node, power: int) -> str:
    return text(node) if _power(node) >= power else f"({text(node)})"


def _power(node: Node) -> int:
    match node:
        case Choice():
            return _CHOICE
        case Logic(operator=operator):
            return _OR if operator == "||" else _AND
        case Comparison() | Among() | Contained():
            return _RELATION
        case Arithmetic(operator=operator):
            return ARITHMETIC_POWERS[operator]
        case Not() | Negate():
            return _UNARY
        case _:
            return _MEMBER


def _literal(literal: Literal) -> str:
    value = literal.value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) <= EXACT else repr(value)
    if literal.type is Type.TIME:
        return f'timestamp("{format_rfc3339(Instant(value))}")'
    unit, size = next((unit, size) for unit, size in _DURATION_UNITS if value % size == 0)
    return f'duration("{value // size}{unit}")'
