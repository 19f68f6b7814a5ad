"""From tokens to syntax: precedence climbing (Pratt, 1973) over the grammar of CEL.

From loosest to tightest: `? :`, `||`, `&&`, comparisons and `in`, `+ -`, `* / %`, `! -`, members and calls.
"""

from cvo.actions.rules.lexer import Kind, Token, tokens
from cvo.actions.rules.syntax import Binary, Call, Chain, Conditional, Constant, Items, Path, Syntax, Unary
from cvo.actions.rules.vocabulary import EXACT, METHODS
from cvo.core.errors import RuleError

MAX_DEPTH = 32
"""Levels of a rule; `a && b && c` is one level however long."""

_CONDITIONAL, _UNARY = 1, 7
_POWERS = {
    "?": _CONDITIONAL,
    "||": 2,
    "&&": 3,
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">=", "in"), 4),
    **dict.fromkeys("+-", 5),
    **dict.fromkeys("*/%", 6),
}
_REMEDIES = {
    "and": "write &&",
    "or": "write ||",
    "not": "write !",
    "is": "write ==",
    "like": 'write .contains("...")',
    "between": "write low <= x && x <= high",
    "null": "a missing fact is asked for by has(...)",
    "none": "a missing fact is asked for by has(...)",
    "true": "write true",
    "false": "write false",
}


def parse_syntax(text: str) -> Syntax:
    """Read the text of a rule; raises `RuleError` that points at the first character that doesn't fit."""
    parser = _Parser(text)
    syntax = parser.expression(0)
    token = parser.token
    if token.kind is not Kind.END:
        raise parser.error(f"unexpected {_shown(token)} after the end of an expression", token)
    return syntax


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokens(text)
        self._next = 0
        self._nested = 0

    @property
    def token(self) -> Token:
        return self._tokens[self._next]

    def error(self, reason: str, token: Token) -> RuleError:
        remedy = _REMEDIES.get(token.text.lower()) if token.kind is Kind.NAME else None
        return RuleError(reason + (f": {remedy}" if remedy else ""), self._text, token.at)

    def expression(self, power: int) -> Syntax:
        """Read operators that bind tighter than `power`."""
        self._nested += 1
        # One level takes up to three nested calls: parentheses, an operator's right side, a sign.
        self._limit(self._nested // 3, self.token.at)
        left = self._unary()
        while (binding := self._binding()) > power:
            operator = self._advance()
            if operator.text == "?":
                left = self._conditional(left, operator)
            elif operator.text in {"&&", "||"}:
                left = self._chain(left, operator, binding)
            else:
                right = self.expression(binding)
                left = Binary(operator.text, left, right, operator.at, self._depth(operator.at, left, right))
        self._nested -= 1
        return left

    def _binding(self) -> int:
        return _POWERS.get(self.token.text, 0) if self.token.kind in {Kind.OPERATOR, Kind.NAME} else 0

    def _conditional(self, test: Syntax, operator: Token) -> Syntax:
        then = self.expression(_CONDITIONAL)
        self._expect(":", "between the two answers of ? :")
        otherwise = self.expression(0)
        return Conditional(
            test, then, otherwise, operator.at, self._depth(operator.at, test, then, otherwise)
        )

    def _chain(self, first: Syntax, operator: Token, binding: int) -> Syntax:
        terms = [first, self.expression(binding)]
        while self.token.kind is Kind.OPERATOR and self.token.text == operator.text:
            self._advance()
            terms.append(self.expression(binding))
        return Chain(operator.text, tuple(terms), operator.at, self._depth(operator.at, *terms))

    def _unary(self) -> Syntax:
        token = self.token
        if token.kind is Kind.OPERATOR and token.text in {"!", "-"}:
            self._advance()
            operand = self.expression(_UNARY)
            return Unary(token.text, operand, token.at, self._depth(token.at, operand))
        return self._members(self._primary())

    def _primary(self) -> Syntax:
        token = self._advance()
        if token.kind is Kind.NUMBER:
            return Constant(self._number(token), token.at)
        if token.kind is Kind.STRING:
            return Constant(token.text, token.at)
        if token.kind is Kind.NAME:
            return self._name(token)
        if token.text == "(":
            inner = self.expression(0)
            self._expect(")", "to close the parenthesis")
            return inner
        if token.text == "[":
            items = self._listed("]", "to close the list")
            return Items(items, token.at, self._depth(token.at, *items))
        if token.kind is Kind.END:
            raise self.error(
                "the rule ends where a value is expected" if token.at else "the rule is empty", token
            )
        raise self.error(f"unexpected {_shown(token)} where a value is expected", token)

    def _name(self, token: Token) -> Syntax:
        if token.text in {"true", "false"}:
            return Constant(token.text == "true", token.at)
        if token.text in {"null", "in"} or (token.text.lower() in _REMEDIES and not self._at(".", "(")):
            raise self.error(f"unexpected {_shown(token)} where a value is expected", token)
        if self._at("("):
            return self._call(token, None)
        return Path((token.text,), token.at)

    def _members(self, node: Syntax) -> Syntax:
        while self._at(".", "["):
            opening = self._advance()
            if not isinstance(node, Path) and opening.text == "[":
                raise self.error('only a fact has members: customer["first name"]', opening)
            if opening.text == "[":
                member = self._advance()
                if member.kind is not Kind.STRING or not member.text:
                    raise self.error('a member is named by a string: customer["first name"]', member)
                self._expect("]", "after the name of the member")
            else:
                member = self._advance()
                if member.kind is not Kind.NAME:
                    raise self.error(f"expected a name after the dot, not {_shown(member)}", member)
            node = self._member(node, opening, member)
        return node

    def _member(self, node: Syntax, opening: Token, member: Token) -> Syntax:
        if opening.text == "." and self._at("("):
            return self._call(member, node)
        if isinstance(node, Path):
            return Path((*node.parts, member.text), node.at)
        if member.text in METHODS:
            raise self.error(f"{member.text} is a function: write .{member.text}(...)", member)
        raise self.error("only a fact has members", member)

    def _call(self, name: Token, subject: Syntax | None) -> Syntax:
        self._advance()
        arguments = self._listed(")", f"to close {name.text}(")
        inner = arguments if subject is None else (subject, *arguments)
        return Call(name.text, subject, arguments, name.at, self._depth(name.at, *inner))

    def _listed(self, closing: str, purpose: str) -> tuple[Syntax, ...]:
        items: list[Syntax] = []
        while not self._at(closing):
            if items:
                self._expect(",", f"or {closing} {purpose}")
            items.append(self.expression(0))
        self._advance()
        return tuple(items)

    def _number(self, token: Token) -> float:
        value = float(token.text)
        if abs(value) == float("inf") or (token.text.isdigit() and int(token.text) > EXACT):
            raise self.error("this number is too large to be exact", token)
        return value

    def _at(self, *operators: str) -> bool:
        return self.token.kind is Kind.OPERATOR and self.token.text in operators

    def _advance(self) -> Token:
        token = self.token
        if token.kind is not Kind.END:
            self._next += 1
        return token

    def _expect(self, operator: str, purpose: str) -> None:
        if not self._at(operator):
            raise self.error(f"expected {operator} {purpose}, not {_shown(self.token)}", self.token)
        self._advance()

    def _depth(self, at: int, *children: Syntax) -> int:
        depth = 1 + max((child.depth for child in children), default=0)
        self._limit(depth, at)
        return depth

    def _limit(self, depth: int, at: int) -> None:
        if depth > MAX_DEPTH:
            raise RuleError(f"nested more than {MAX_DEPTH} levels deep; split the rule", self._text, at)


def _shown(token: Token) -> str:
    if token.kind is Kind.END:
        return "the end of the rule"
    return "a string" if token.kind is Kind.STRING else repr(token.text)
