"""Compiles rules to one Python function over a row of fact values, for a single request.

Every name in the generated source is made here, and every text of a rule enters it as a `repr`.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from struct import Struct
from typing import Any

from cvo.actions.rules.tree import (
    Among,
    Arithmetic,
    Choice,
    Comparison,
    Contained,
    Has,
    Literal,
    Logic,
    LowerAscii,
    Negate,
    Node,
    Not,
    Size,
    TextTest,
)
from cvo.actions.rules.vocabulary import EXACT, Fact, Type, Value

Row = Sequence[Value | None]
"""The value of every fact in the order agreed on, as `accept` returns it."""

Conditions = Callable[[Row], tuple[bool, ...]]

_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
_TESTS = {
    "startsWith": "{0}.startswith({1})",
    "endsWith": "{0}.endswith({1})",
    "contains": "{1} in {0}",
}
_FUNCTIONS = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide", "%": "remainder"}


def compile_conditions(facts: Sequence[Fact], trees: Sequence[Node]) -> Conditions:
    """Return a function from the values of `facts` to whether each tree holds."""
    writer = _Writer(facts)
    results = "".join(f"{writer.condition(tree)},\n" for tree in trees)
    unpacking = f"({''.join(name + ', ' for name in writer.names.values())}) = values\n" if facts else ""
    source = f"def conditions(values):\n {unpacking} return (\n{results})\n"
    namespace: dict[str, Any] = {"__builtins__": {}, **_ENVIRONMENT, **writer.constants}
    exec(compile(source, "<rules>", "exec"), namespace)  # noqa: S102  the source holds no text but literals
    function: Conditions = namespace["conditions"]
    return function


def refusal_lines(
    facts: Sequence[Fact], chains: Sequence[Sequence[tuple[int, Node]]]
) -> tuple[list[str], list[str], dict[str, Any]]:
    """Return the variables of `facts`, the end of a function that has them, and what else that needs to know.

    The function tells what refuses each chain of numbered conditions: it packs a 32-bit integer a chain, the number of
    the first condition that does not hold, plus one, or 0 where all hold. What stands in several chains is looked at
    once.
    """
    writer = _Writer(facts)
    times = Counter(tree for chain in chains for _, tree in chain)
    texts = {tree: writer.condition(tree) for tree in times}
    names = {tree: f"c{place}" for place, tree in enumerate(times) if times[tree] > 1}
    lines = [f"{name} = {texts[tree]}" for tree, name in names.items()]
    texts |= names
    # One flat `or` a chain: conditionals within each other could be too many for the parser.
    found = (
        " or ".join([*(f"not {texts[tree]} and {number + 1}" for number, tree in chain), "0"])
        for chain in chains
    )
    lines.append(f"return pack({', '.join(found)})")
    pack = Struct(f"={len(chains)}i").pack
    return list(writer.names.values()), lines, {**_ENVIRONMENT, **writer.constants, "pack": pack}


def value_of(tree: Node) -> Value | None:
    """Return the value of a tree without facts."""
    writer = _Writer(())
    source = writer.value(tree)
    namespace = {"__builtins__": {}, **_ENVIRONMENT, **writer.constants}
    value: Value | None = eval(source, namespace)  # noqa: S307  the source holds no text but literals
    return value


class _Writer:
    """Writes Python: `condition` a text that is True or False, `value` one that may be None for missing."""

    def __init__(self, facts: Sequence[Fact]) -> None:
        self.names = {fact: f"v{slot}" for slot, fact in enumerate(facts)}
        self.constants: dict[str, Any] = {}
        self._bound = 0

    def condition(self, node: Node) -> str:  # noqa: PLR0911  one answer per kind of node
        match node:
            case Logic(operator=operator, terms=terms):
                joint = " and " if operator == "&&" else " or "
                return f"({joint.join(map(self.condition, terms))})"
            case Not(operand=operand):
                return f"(not {self.condition(operand)})"
            case Has(fact=fact):
                return f"({self.names[fact]} is not None)"
            case Among(item=item, literals=literals):
                return f"({self.value(item)} in {self._constant(frozenset(x.value for x in literals))})"
            case Contained(item=item, strings=strings):
                return self._guarded("{0} in {1}", item, strings)
            case Comparison(operator=operator, left=left, right=right):
                return self._guarded(f"{{0}} {operator} {{1}}", left, right)
            case TextTest(function=function, subject=subject, argument=argument):
                return self._guarded(_TESTS[function], subject, argument)
            case _:
                return f"({self.value(node)} is True)"

    def value(self, node: Node) -> str:  # noqa: PLR0911  one answer per kind of node
        match node:
            case Fact():
                return self.names[node]
            case Literal(value=value):
                return repr(value)
            case Negate(operand=operand):
                return f"negate({self.value(operand)})"
            case Arithmetic(operator=operator, left=left, right=right, type=kind):
                function = _FUNCTIONS[operator] + ("" if kind is Type.NUMBER else "_time")
                return f"{function}({self.value(left)}, {self.value(right)})"
            case Choice(test=test, then=then, otherwise=otherwise):
                return f"({self.value(then)} if {self.condition(test)} else {self.value(otherwise)})"
            case LowerAscii(subject=subject):
                return f"lower({self.value(subject)})"
            case Size(subject=subject):
                return f"size({self.value(subject)})"
            case _:
                return self.condition(node)

    def _guarded(self, pattern: str, *operands: Node) -> str:
        """Write a test that is false as soon as an operand is missing."""
        guards, atoms = [], []
        for operand in operands:
            if isinstance(operand, Literal):
                atoms.append(repr(operand.value))
                continue
            text = self.value(operand)
            if isinstance(operand, Fact):
                guards.append(f"{text} is not None")
                atoms.append(text)
            else:
                name = f"t{self._bound}"
                self._bound += 1
                guards.append(f"({name} := {text}) is not None")
                atoms.append(name)
        return f"({' and '.join([*guards, pattern.format(*atoms)])})"

    def _constant(self, value: object) -> str:
        name = f"k{len(self.constants)}"
        self.constants[name] = value
        return name


def _finite(value: float) -> float | None:
    return value if -math.inf < value < math.inf else None


def _bounded(value: int) -> int | None:
    return value if -EXACT <= value <= EXACT else None


def _add(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else _finite(a + b)


def _subtract(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else _finite(a - b)


def _multiply(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else _finite(a * b)


def _divide(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None or b == 0 else _finite(a / b)


def _remainder(a: float | None, b: float | None) -> float | None:
    quotient = _divide(a, b)
    if a is None or b is None or quotient is None:
        return None
    # As the columns compute it: vectorised fmod is not at hand there.
    return _finite(a - b * float(math.trunc(quotient)))


def _add_time(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else _bounded(a + b)


def _subtract_time(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else _bounded(a - b)


def _negate(a: float | None) -> float | None:
    return None if a is None else -a


def _lower(a: str | None) -> str | None:
    return None if a is None else a.translate(_LOWER)


def _size(a: str | tuple[str, ...] | None) -> float | None:
    return None if a is None else float(len(a))


_ENVIRONMENT = {
    "add": _add,
    "subtract": _subtract,
    "multiply": _multiply,
    "divide": _divide,
    "remainder": _remainder,
    "add_time": _add_time,
    "subtract_time": _subtract_time,
    "negate": _negate,
    "lower": _lower,
    "size": _size,
}
