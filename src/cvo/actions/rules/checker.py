"""From syntax to a typed tree: resolves facts, infers undeclared types, refuses what makes no sense."""

from cvo.actions.rules.literals import duration, timestamp
from cvo.actions.rules.resolve import Resolver
from cvo.actions.rules.syntax import (
    Binary,
    Call,
    Chain,
    Conditional,
    Constant,
    Items,
    Path,
    Syntax,
    Unary,
    start,
)
from cvo.actions.rules.tree import (
    Among,
    Arithmetic,
    Choice,
    Comparison,
    Contained,
    Has,
    Literal,
    LowerAscii,
    Negate,
    Node,
    Not,
    Size,
    TextTest,
    joined,
)
from cvo.actions.rules.vocabulary import BUILT_IN, METHODS, Constants, Fact, Schema, Type
from cvo.core.errors import InvalidInput, RuleError

_NUMBER, _TIME, _DURATION = Type.NUMBER, Type.TIME, Type.DURATION
_SUMS = {
    ("+", _TIME, _DURATION): _TIME,
    ("+", _DURATION, _TIME): _TIME,
    ("+", _DURATION, _DURATION): _DURATION,
    ("-", _TIME, _DURATION): _TIME,
    ("-", _TIME, _TIME): _DURATION,
    ("-", _DURATION, _DURATION): _DURATION,
    **{(operator, _NUMBER, _NUMBER): _NUMBER for operator in "+-*/%"},
}
_UNORDERED = {Type.BOOL, Type.STRINGS}


def check(syntax: Syntax, text: str, schema: Schema, constants: Constants) -> Node:
    """Return the typed tree of a whole rule, with `constants` in place of their paths; raises `RuleError`.

    Undeclared facts take the type of what they first meet. Where two of them meet, another place of the
    rule may decide, so the walk is repeated until nothing new is learnt.
    """
    resolver = Resolver(text, schema, constants)
    while True:
        known = len(resolver.inferred)
        checker = _Checker(text, resolver)
        tree = checker.expect(syntax, Type.BOOL, "a rule is a condition")
        if not checker.undecided:
            return tree
        if len(resolver.inferred) == known:
            raise checker.undecided[0]


class _Checker:
    def __init__(self, text: str, resolver: Resolver) -> None:
        self._text = text
        self._resolver = resolver
        self.undecided: list[RuleError] = []

    def expect(self, node: Syntax, wanted: Type, why: str) -> Node:
        """Check a node that must have the type `wanted`."""
        typed = self._check(node, wanted)
        if typed.type is not wanted:
            raise self._error(f"{why}: expected a {wanted}, not a {typed.type}", start(node))
        return typed

    def _check(self, node: Syntax, hint: Type) -> Node:  # noqa: PLR0911  one answer per kind of node
        """Check a node; `hint` is the type that an undeclared fact takes here."""
        match node:
            case Constant():
                return _constant(node)
            case Path():
                value = self._resolver.constant(node)
                return self._resolver.fact(node, hint) if value is None else _literal(value)
            case Call():
                return self._call(node)
            case Unary(operator="!"):
                return Not(self.expect(node.operand, Type.BOOL, "! turns a condition around"))
            case Unary():
                return self._negate(node)
            case Chain():
                return self._chain(node)
            case Binary(operator="in"):
                return self._membership(node)
            case Binary(operator="+" | "-" | "*" | "/" | "%"):
                return self._arithmetic(node)
            case Binary():
                return self._comparison(node)
            case Conditional():
                return self._conditional(node, hint)
            case Items():
                raise self._error("a list stands on the right of `in` only", node.at)

    def _undecided(self, node: Syntax) -> bool:
        """Tell whether the type of a node depends on an undeclared fact that nothing has fixed yet."""
        match node:
            case Path():
                return self._resolver.is_open(node)
            case Conditional():
                return self._undecided(node.then) and self._undecided(node.otherwise)
            case _:
                return False

    def _pair(self, left: Syntax, right: Syntax, hint: Type | None) -> tuple[Node, Node] | None:
        """Check two nodes of one type, the decided one first; `None` where neither is."""
        if not self._undecided(left):
            first = self._check(left, hint or Type.NUMBER)
            return first, self._check(right, first.type)
        if not self._undecided(right):
            second = self._check(right, hint or Type.NUMBER)
            return self._check(left, second.type), second
        if hint is not None:
            return self._check(left, hint), self._check(right, hint)
        return None

    def _chain(self, node: Chain) -> Node:
        why = f"{node.operator} joins conditions"
        return joined(node.operator, [self.expect(term, Type.BOOL, why) for term in node.terms])

    def _negate(self, node: Unary) -> Node:
        typed = self._check(node.operand, Type.NUMBER)
        if typed.type not in {Type.NUMBER, Type.DURATION}:
            raise self._error(f"- needs a number or duration, not a {typed.type}", node.at)
        if isinstance(typed, Literal) and not isinstance(typed.value, str | bool):
            return Literal(0 - typed.value, typed.type)
        return Negate(typed, typed.type)

    def _arithmetic(self, node: Binary) -> Node:
        left, right = self._check(node.left, Type.NUMBER), self._check(node.right, Type.NUMBER)
        result = _SUMS.get((node.operator, left.type, right.type))
        if result is None:
            raise self._error(f"a {left.type} {node.operator} a {right.type} has no meaning", node.at)
        return Arithmetic(node.operator, left, right, result)

    def _comparison(self, node: Binary) -> Node:
        pair = self._pair(node.left, node.right, None)
        if pair is None:
            return self._later(node.left)
        left, right = pair
        if left.type is not right.type:
            chained = isinstance(node.left, Binary) and isinstance(left, Comparison)
            hint = "; comparisons don't chain: write a < b && b < c" if chained else ""
            raise self._error(f"{node.operator} compares a {left.type} with a {right.type}{hint}", node.at)
        if left.type is Type.STRINGS:
            raise self._error('lists are not compared; ask for a member: "vip" in customer.tags', node.at)
        if left.type in _UNORDERED and node.operator not in {"==", "!="}:
            raise self._error(f"a {left.type} has no order; only == and != compare it", node.at)
        return Comparison(node.operator, left, right)

    def _membership(self, node: Binary) -> Node:
        if not isinstance(node.right, Items):
            strings = self.expect(node.right, Type.STRINGS, "`in` looks into a list")
            return Contained(self.expect(node.left, Type.STRING, "a list holds strings"), strings)
        if not node.right.items:
            raise self._error("nothing is in an empty list", node.right.at)
        literals = tuple(self._item(item) for item in node.right.items)
        kind = literals[0].type
        for item, literal in zip(node.right.items, literals, strict=True):
            if literal.type is not kind:
                raise self._error(f"a {literal.type} in a list of {kind}", start(item))
        return Among(self.expect(node.left, kind, f"this is a list of {kind}"), literals)

    def _item(self, node: Syntax) -> Literal:
        typed = None if isinstance(node, Path) else self._check(node, Type.STRING)
        if not isinstance(typed, Literal) or typed.type is Type.BOOL:
            raise self._error("a list holds literals: numbers, strings, times or durations", start(node))
        return typed

    def _conditional(self, node: Conditional, hint: Type) -> Node:
        test = self.expect(node.test, Type.BOOL, "? asks a condition")
        pair = self._pair(node.then, node.otherwise, hint)
        if pair is None or pair[0].type is not pair[1].type:
            raise self._error("both answers of ? : must have one type", node.at)
        return Choice(test, *pair, pair[0].type)

    def _call(self, node: Call) -> Node:
        if self._resolver.is_function(node):
            return self._resolver.function(node)
        if node.subject is not None and node.function in METHODS:
            return self._method(node, node.subject)
        if node.subject is None and node.function in BUILT_IN:
            self._count(node, 1)
            return self._built_in(node, node.arguments[0])
        raise self._resolver.unknown_function(node)

    def _built_in(self, node: Call, argument: Syntax) -> Node:
        if node.function == "size":
            return self._size(argument)
        if node.function == "has":
            return self._has(argument)
        if not isinstance(argument, Constant) or not isinstance(argument.value, str):
            raise self._error(f'{node.function} takes a string: {node.function}("...")', start(argument))
        try:
            if node.function == "timestamp":
                return Literal(timestamp(argument.value), Type.TIME)
            return Literal(duration(argument.value), Type.DURATION)
        except InvalidInput as error:
            raise self._error(str(error), argument.at) from None

    def _method(self, node: Call, subject: Syntax) -> Node:
        self._count(node, 1 if node.function in {"startsWith", "endsWith", "contains"} else 0)
        if node.function == "size":
            return self._size(subject)
        why = f".{node.function} asks a string"
        typed = self.expect(subject, Type.STRING, why)
        if node.function == "lowerAscii":
            return LowerAscii(typed)
        return TextTest(node.function, typed, self.expect(node.arguments[0], Type.STRING, why))

    def _has(self, argument: Syntax) -> Node:
        if self._resolver.constant(argument) is not None:
            return Literal(True, Type.BOOL)
        if self._undecided(argument):
            return self._later(argument)
        fact = self._check(argument, Type.STRING)
        if not isinstance(fact, Fact):
            raise self._error("has asks for a fact: has(customer.name)", start(argument))
        return Has(fact)

    def _size(self, argument: Syntax) -> Node:
        if self._undecided(argument):
            self._later(argument)
            return Literal(0.0, Type.NUMBER)
        typed = self._check(argument, Type.STRING)
        if typed.type not in {Type.STRING, Type.STRINGS}:
            raise self._error(f"size measures a string or a list, not a {typed.type}", start(argument))
        return Size(typed)

    def _later(self, node: Syntax) -> Literal:
        """Stand in for a part that can't be typed yet; the walk is repeated or ends in this error."""
        reason = "nothing here tells the type of this fact; declare it, or compare it with a literal"
        self.undecided.append(self._error(reason, start(node)))
        return Literal(True, Type.BOOL)

    def _count(self, node: Call, wanted: int) -> None:
        if len(node.arguments) != wanted:
            plural = "argument" if wanted == 1 else "arguments"
            raise self._error(f"{node.function} takes {wanted} {plural}, not {len(node.arguments)}", node.at)

    def _error(self, reason: str, at: int) -> RuleError:
        return RuleError(reason, self._text, at)


def _constant(node: Constant) -> Literal:
    return _literal(node.value)


def _literal(value: float | str | bool) -> Literal:
    if isinstance(value, bool):
        return Literal(value, Type.BOOL)
    return Literal(value, Type.STRING if isinstance(value, str) else Type.NUMBER)
