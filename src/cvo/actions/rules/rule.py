"""A rule, and many rules evaluated together."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from cvo.actions.rules import tree
from cvo.actions.rules.checker import check
from cvo.actions.rules.parser import parse_syntax
from cvo.actions.rules.single import Conditions, Row, compile_conditions
from cvo.actions.rules.vocabulary import Constants, Fact, Lookup, Schema, Value, accept
from cvo.core.errors import RuleError

if TYPE_CHECKING:
    import polars as pl


class Failing(msgspec.Struct, frozen=True):
    """Why a rule is false: its first part that doesn't hold, and the facts that this part looks at."""

    condition: str
    values: dict[str, Value | None]


class Rule(msgspec.Struct, frozen=True, eq=False, dict=True):
    """A condition on facts; `text` as typed, `str(rule)` in normal form; equal when the normal forms are."""

    text: str
    tree: tree.Node
    facts: tuple[Fact, ...]

    def evaluate(self, lookup: Lookup) -> bool:
        """Tell whether the rule holds, asking `lookup` for each fact once."""
        return self._alone.evaluate(self._alone.gather(lookup))[0]

    def failing(self, lookup: Lookup) -> Failing | None:
        """Return the first part of the top-level `&&` that is false, or `None` if the rule holds."""
        return self._alone.failing(self._alone.gather(lookup), 0)

    def expression(self) -> "pl.Expr":
        """Return the rule as a Boolean Polars expression, never null, over columns named by fact keys.

        `columnar` says which type each column has, and makes a frame from rows.
        """
        from cvo.actions.rules.columnar import condition

        return condition(self.tree)

    @cached_property
    def _alone(self) -> "Rulebook":
        return Rulebook((self,))

    def __str__(self) -> str:
        return tree.text(self.tree)

    def __repr__(self) -> str:
        return f"Rule({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rule) and self.tree == other.tree

    def __hash__(self) -> int:
        return hash(self.tree)


class _Explained(NamedTuple):
    """The parts of one rule, compiled: the slots of all its facts, and of each part its text and slots."""

    conditions: Conditions
    slots: list[int]
    parts: list[tuple[str, list[int]]]


class Rulebook:
    """Rules that are evaluated together, each fact looked up once.

    A fact that two rules use with different types raises `RuleError`: a column has one type.

    >>> from cvo.actions.rules import Schema, Type
    >>> schema = Schema(paths={"customer.age": Type.NUMBER})
    >>> book = Rulebook([parse("customer.age >= 18", schema), parse("customer.age < 30", schema)])
    >>> values = book.gather(lambda fact: {"customer.age": 40}.get(fact.key))
    >>> book.evaluate(values)
    (True, False)
    >>> book.failing(values, 1)
    Failing(condition='customer.age < 30', values={'customer.age': 40.0})
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)
        self.facts = _united(self.rules)
        self._slots = {fact: slot for slot, fact in enumerate(self.facts)}
        self._explained: dict[int, _Explained] = {}

    def gather(self, lookup: Lookup) -> list[Value | None]:
        """Return the values of `facts`, `None` for what is missing or of another type."""
        return [accept(fact.type, lookup(fact)) for fact in self.facts]

    def evaluate(self, values: Row) -> tuple[bool, ...]:
        """Tell of each rule whether it holds, given what `gather` returned."""
        return self._conditions(values)

    def failing(self, values: Row, rule: int) -> Failing | None:
        """Return the first false part of the rule at index `rule`, or `None` if it holds."""
        if rule not in self._explained:
            self._explained[rule] = self._explain(self.rules[rule])
        explained = self._explained[rule]
        holds = explained.conditions([values[slot] for slot in explained.slots])
        if all(holds):
            return None
        text, slots = explained.parts[holds.index(False)]
        return Failing(text, {self.facts[slot].key: values[slot] for slot in slots})

    def _explain(self, rule: Rule) -> _Explained:
        parts = tree.conjuncts(rule.tree)
        return _Explained(
            compile_conditions(rule.facts, parts),
            self._slots_of(rule.facts),
            [(tree.text(part), self._slots_of(tree.facts(part))) for part in parts],
        )

    def _slots_of(self, facts: Iterable[Fact]) -> list[int]:
        return [self._slots[fact] for fact in facts]

    @cached_property
    def _conditions(self) -> Conditions:
        return compile_conditions(self.facts, [rule.tree for rule in self.rules])


_NO_CONSTANTS: Constants = {}


def parse(text: str, schema: Schema, constants: Constants = _NO_CONSTANTS) -> Rule:
    """Read a rule; raises `RuleError` that points at the character and says what to write instead.

    `constants` are the values of declared paths that are known already, such as the attributes of an action.

    >>> from cvo.actions.rules import Schema, Type
    >>> rule = parse("customer.age>=18 && context.device=='app'",
    ...              Schema(paths={"customer.age": Type.NUMBER}, namespaces={"context": None}))
    >>> str(rule)
    'customer.age >= 18 && context.device == "app"'
    >>> rule.evaluate(lambda fact: {"customer.age": 40}.get(fact.key))
    False
    """
    checked = check(parse_syntax(text), text, schema, constants)
    return Rule(text, checked, tree.facts(checked))


def _united(rules: Sequence[Rule]) -> tuple[Fact, ...]:
    known: dict[str, Fact] = {}
    for rule in rules:
        for fact in rule.facts:
            other = known.setdefault(fact.key, fact)
            if other.type is not fact.type:
                reason = f"{fact.key} is used as a {fact.type} here and as a {other.type} in another rule"
                raise RuleError(f"{reason}; declare its type", rule.text, max(0, rule.text.find(fact.key)))
    return tuple(known.values())
