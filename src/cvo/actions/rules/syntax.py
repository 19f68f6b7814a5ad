"""The shape of a rule as it was typed, before anything is known of types."""

import msgspec


class Constant(msgspec.Struct, frozen=True):
    """A number, string or bool."""

    value: float | str | bool
    at: int
    depth: int = 1


class Items(msgspec.Struct, frozen=True):
    """`[a, b]`."""

    items: tuple["Syntax", ...]
    at: int
    depth: int


class Path(msgspec.Struct, frozen=True):
    """`a.b["c"]`."""

    parts: tuple[str, ...]
    at: int
    depth: int = 1


class Call(msgspec.Struct, frozen=True):
    """`f(x)`, or `subject.f(x)`; `at` is where the name of the function stands."""

    function: str
    subject: "Syntax | None"
    arguments: tuple["Syntax", ...]
    at: int
    depth: int


class Unary(msgspec.Struct, frozen=True):
    """`!x` or `-x`."""

    operator: str
    operand: "Syntax"
    at: int
    depth: int


class Binary(msgspec.Struct, frozen=True):
    """`x op y`; `at` is where the operator stands."""

    operator: str
    left: "Syntax"
    right: "Syntax"
    at: int
    depth: int


class Chain(msgspec.Struct, frozen=True):
    """`x && y && …` or `x || y || …`."""

    operator: str
    terms: tuple["Syntax", ...]
    at: int
    depth: int


class Conditional(msgspec.Struct, frozen=True):
    """`test ? then : otherwise`."""

    test: "Syntax"
    then: "Syntax"
    otherwise: "Syntax"
    at: int
    depth: int


Syntax = Constant | Items | Path | Call | Unary | Binary | Chain | Conditional


def start(node: Syntax) -> int:
    """Return where the text of a node begins, parentheses left aside."""
    match node:
        case Binary(left=first) | Conditional(test=first) | Call(subject=first) if first is not None:
            return start(first)
        case Chain(terms=terms):
            return start(terms[0])
        case _:
            return node.at
