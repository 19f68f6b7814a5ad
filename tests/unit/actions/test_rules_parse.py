"""Reading a rule: precedence, literals, limits, and errors that point at the character."""

import pickle

import pytest

from cvo.actions.rules import Argument, Rule, Schema, Signature, Type, parse, path_key
from cvo.core.errors import InvalidInput, RuleError

SCHEMA = Schema(
    paths={
        "now": Type.TIME,
        "customer.recency": Type.NUMBER,
        "customer.orders": Type.NUMBER,
        "customer.vip": Type.BOOL,
        "customer.name": Type.STRING,
        "customer.tags": Type.STRINGS,
        "customer.joined_at": Type.TIME,
        'customer["first name"]': Type.STRING,
    },
    namespaces={"context": None, "consent": Type.BOOL},
    functions={
        "orders": Signature((Argument("days", Type.NUMBER, optional=True),), Type.NUMBER),
        "contacts": Signature(
            (Argument("scope", Type.STRING), Argument("days", Type.NUMBER, optional=True)), Type.NUMBER
        ),
        "history.responses": Signature(
            (Argument("kind", Type.STRING, choices=("clicked", "accepted")),), Type.NUMBER
        ),
    },
)
OPTIONAL = Argument("x", Type.STRING, optional=True)


def rule(text: str) -> Rule:
    return parse(text, SCHEMA)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("customer.vip || consent.a && consent.b", "customer.vip || (consent.a && consent.b)"),
        ("!customer.vip == consent.a", "(!customer.vip) == consent.a"),
        ("customer.recency > 1 == consent.a", "(customer.recency > 1) == consent.a"),
        ("customer.recency - 1 - 2 == 0", "(customer.recency - 1) - 2 == 0"),
        ("1 + customer.recency * 2 > 3", "(1 + (customer.recency * 2)) > 3"),
        ("8 / customer.recency / 2 % 3 == 1", "((8 / customer.recency) / 2) % 3 == 1"),
        ("-customer.recency + 1 == 0", "(-customer.recency) + 1 == 0"),
        ("customer.vip ? consent.a : consent.b ? consent.c : consent.d",
         "customer.vip ? consent.a : (consent.b ? consent.c : consent.d)"),
        ("consent.a || consent.b ? consent.c : consent.d",
         "(consent.a || consent.b) ? consent.c : consent.d"),
        ("1 + 1 in [2] && true", "((1 + 1) in [2]) && true"),
        ("consent.a && (consent.b && consent.c)", "consent.a && consent.b && consent.c"),
        ("--customer.recency == 1", "-(-customer.recency) == 1"),
    ],
)  # fmt: skip
def test_operators_bind_as_in_cel(text: str, same: str) -> None:
    assert rule(text) == rule(same)
    assert str(rule(text)) == str(rule(same))


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("customer.recency>=1e2", "customer.recency >= 100"),
        ("customer.recency < .5", "customer.recency < 0.5"),
        ("customer.recency > -0", "customer.recency > 0"),
        ("customer.recency == 1e-7", "customer.recency == 1e-07"),
        ("customer.name == 'it\\'s \"x\"'", 'customer.name == "it\'s \\"x\\""'),
        ("customer.name == '\\u00e9\\x41\\U0001F600\\n'", 'customer.name == "éA😀\\n"'),
        ("((customer.vip))", "customer.vip"),
        ("(customer.vip || consent.a)\n  && consent.b", "(customer.vip || consent.a) && consent.b"),
        ("now - customer.joined_at > duration('1h30m')", 'now - customer.joined_at > duration("90m")'),
        ("now < timestamp('2026-01-31T09:00:00+01:00')", 'now < timestamp("2026-01-31T08:00:00Z")'),
        ("now - customer.joined_at < -duration('36h')", 'now - customer.joined_at < duration("-36h")'),
        ("customer.name.size() == size('é')", 'size(customer.name) == size("é")'),
        ("contacts( 'channel:email' ,30)<2", 'contacts("channel:email", 30) < 2'),
        ("history.responses('clicked') > 0", 'history.responses("clicked") > 0'),
        ("customer['recency'] > 1", "customer.recency > 1"),
        ("customer['first name'] == 'A'", 'customer["first name"] == "A"'),
        ("context.in == 'x'", 'context["in"] == "x"'),
        ("has(orders(90))", "has(orders(90))"),
        ("customer.name in ['a', \"b\"]", 'customer.name in ["a", "b"]'),
        ("'vip' in customer.tags", '"vip" in customer.tags'),
        ("customer.recency - (1 - customer.orders) == 0", "customer.recency - (1 - customer.orders) == 0"),
    ],
)
def test_the_normal_form_reads_back_as_the_same_rule(text: str, normal: str) -> None:
    assert str(rule(text)) == normal
    assert rule(normal) == rule(text)
    assert hash(rule(normal)) == hash(rule(text))


def test_facts_stand_once_in_order_of_appearance() -> None:
    facts = rule("orders(90) > 1 && customer.vip && contacts('any') < orders(90) && orders() > 0").facts
    assert [fact.key for fact in facts] == ["orders(90)", "customer.vip", 'contacts("any")', "orders()"]
    assert facts[0].path == ("orders",)
    assert facts[0].arguments == (90,)
    assert facts[1].arguments is None


@pytest.mark.parametrize(
    ("text", "mark", "says"),
    [
        ("customer.recency = 3", "=", "write =="),
        ("customer.vip & consent.a", "&", "written &&"),
        ("customer.vip and consent.a", "and", "write &&"),
        ("not customer.vip", "not", "write !"),
        ("customer.name == null", "null", "has("),
        ("customer.name == 'open", "'open", "not closed"),
        ("customer.name == “x”", "“", "quote strings"),
        ("customer.name == '\\q'", "\\q", "unknown escape"),
        ("customer.name == '\\ud800'", "\\ud800", "no character"),
        ("customer.recensy > 3", "customer.recensy", "did you mean customer.recency"),
        ("custmer.recency > 3", "custmer.recency", "did you mean customer.recency"),
        ("contex.device == 'a'", "contex.device", "did you mean context.device"),
        ("context == 'a'", "context", "name a member"),
        ("contacs('any') < 2", "contacs", "did you mean contacts"),
        ("customer.name.beginsWith('a')", "beginsWith", "unknown function"),
        ("customer.name.startswith('a')", "startswith", "did you mean startsWith"),
        ("customer.name.contains == 'a'", "customer.name.contains", "unknown fact"),
        ("orders > 3", "orders", "is a function"),
        ("contacts() < 2", "contacts", "(scope, days?)"),
        ("contacts(30) < 2", "30", "scope is a string"),
        ("orders(1.5) > 1", "1.5", "whole number"),
        ("orders(customer.recency) > 1", "customer.recency)", "whole number"),
        ("history.responses('cliked') > 1", "'cliked'", "did you mean clicked"),
        ("customer.recency", "customer.recency", "expected a bool, not a number"),
        ("customer.vip && customer.recency", "customer.recency", "&& joins conditions"),
        ("customer.recency == 'a'", "==", "compares a number with a string"),
        ("1 < customer.recency < 3", "< 3", "comparisons don't chain"),
        ("customer.vip < true", "<", "has no order"),
        ("customer.tags == customer.tags", "==", "lists are not compared"),
        ("customer.name + 'a' == 'b'", "+", "has no meaning"),
        ("now + now > now", "+", "has no meaning"),
        ("-customer.name == 'a'", "-", "needs a number"),
        ("customer.recency in [1, 'a']", "'a'", "a string in a list of number"),
        ("customer.recency in ['a']", "customer.recency", "expected a string"),
        ("customer.recency in []", "[]", "empty list"),
        ("customer.recency in [customer.orders]", "customer.orders", "literals"),
        ("[1] == 1", "[1]", "right of `in`"),
        ("customer.vip ? 1 : 'a' == 'a'", "?", None),
        ("(customer.vip ? 1 : 'a') == 1", "?", "one type"),
        ("(customer.vip", None, "expected ) to close"),
        ("customer.vip)", ")", "after the end"),
        ("customer.vip consent.a", "consent.a", "after the end"),
        ("customer.vip &&", None, "ends where a value"),
        ("", None, "the rule is empty"),
        ("contacts('any' 3) < 1", "3)", "expected ,"),
        ("now > timestamp('yesterday')", "'yesterday'", "RFC 3339"),
        ("now > timestamp('2026-01-31T08:00:00')", "'2026", "time zone"),
        ("now > timestamp('0001-01-01T00:00:00+10:00')", "'0001", "out of range"),
        ("now - now > duration('3 days')", "'3 days'", "no duration"),
        ("now - now > duration('0.1us')", "'0.1us'", "whole number of microseconds"),
        ("customer.recency > 9007199254740993", "9007", "too large"),
        ("customer.recency > 1e999", "1e999", "too large"),
        ("customer.recency > 3days", "days", "begin with a digit"),
        ("has(3)", "3", "has asks for a fact"),
        ("size(customer.recency) > 1", "customer.recency", "string or a list"),
        ("has(context.promo)", "context.promo", "tells the type"),
        ("context.a == context.b", "context.a", "tells the type"),
        ("size(context.a) > 1", "context.a", "tells the type"),
        ("context.device == 'app' && context.device > 3", "> 3", "compares a string with a number"),
    ],
)  # fmt: skip
def test_errors_point_at_the_character_and_say_what_to_do(
    text: str, mark: str | None, says: str | None
) -> None:
    with pytest.raises(RuleError) as raised:
        rule(text)
    assert raised.value.position == (len(text) if mark is None else text.index(mark))
    assert says is None or says in raised.value.reason


def test_an_error_in_a_rule_of_several_lines_shows_its_line() -> None:
    with pytest.raises(RuleError) as raised:
        rule("customer.vip\n&& customer.recensy > 3")
    lines = str(raised.value).splitlines()
    assert lines[1:] == ["  && customer.recensy > 3", "     ^"]


def test_an_error_crosses_processes_whole() -> None:
    with pytest.raises(RuleError) as raised:
        rule("customer.recensy > 3")
    copy = pickle.loads(pickle.dumps(raised.value))
    assert (str(copy), copy.position) == (str(raised.value), 0)


def test_an_error_in_a_long_rule_shows_what_stands_around_it() -> None:
    with pytest.raises(RuleError) as raised:
        rule(" && ".join(["customer.vip"] * 40 + ["customer.oops"] + ["customer.vip"] * 40))
    _, shown, mark = str(raised.value).splitlines()
    assert shown[mark.index("^") :].startswith("customer.oops")
    assert len(shown) < 130


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("context.a == 'x'", [Type.STRING]),
        ("3 <= context.a", [Type.NUMBER]),
        ("context.a && !context.b", [Type.BOOL, Type.BOOL]),
        ("'x' in context.a", [Type.STRINGS]),
        ("context.a in customer.tags", [Type.STRING, Type.STRINGS]),
        ("context.a in [timestamp('2026-01-31T08:00:00Z')]", [Type.TIME]),
        ("context.a.contains(context.b)", [Type.STRING, Type.STRING]),
        ("context.a + context.b > context.c", [Type.NUMBER] * 3),
        ("context.a == context.b && context.b == 'x'", [Type.STRING, Type.STRING]),
        ("context.a == context.b && context.c == context.b && context.c == 1", [Type.NUMBER] * 3),
        ("has(context.a) && context.a != ''", [Type.STRING]),
        ("(customer.vip ? context.a : context.b) == 'x'", [Type.BOOL, Type.STRING, Type.STRING]),
        ("(customer.vip ? context.a : 1) > context.b", [Type.BOOL, Type.NUMBER, Type.NUMBER]),
        ("size(context.a) > 2 && context.a == 'x'", [Type.STRING]),
    ],
)
def test_undeclared_facts_take_the_type_of_their_use(text: str, kinds: list[Type]) -> None:
    assert [fact.type for fact in rule(text).facts] == kinds


@pytest.mark.parametrize(
    ("opening", "closing"), [("(", ")"), ("!", ""), ("!(", ")"), ("true && (", ")"), ("-", "")]
)
def test_deep_rules_end_in_a_clear_error(opening: str, closing: str) -> None:
    for depth in (200, 1_500):
        with pytest.raises(RuleError, match="levels deep"):
            rule(opening * depth + ("1 == 1" if opening == "-" else "true") + closing * depth)


@pytest.mark.parametrize("part", [" + 1", " - customer.recency", " / 2"])
def test_long_chains_of_arithmetic_end_in_a_clear_error(part: str) -> None:
    with pytest.raises(RuleError, match="levels deep"):
        rule("customer.recency" + part * 500 + " > 1")


def test_a_long_conjunction_is_fine_and_a_huge_text_is_not() -> None:
    many = " && ".join(f"customer.recency != {number}" for number in range(500))
    assert rule(many).evaluate(lambda _fact: -1.0)
    assert rule(str(rule(many))) == rule(many)
    with pytest.raises(RuleError, match="at most 20,000 characters"):
        rule(" " * 20_001)


@pytest.mark.parametrize(
    "declared",
    [
        {"paths": {"first name": Type.STRING}},
        {"paths": {"customer.true": Type.BOOL}},
        {"namespaces": {"a-b": None}},
        {"functions": {"has": Signature((), Type.BOOL)}},
        {"functions": {"f": Signature((Argument("x", Type.BOOL),), Type.BOOL)}},
        {"functions": {"f": Signature((OPTIONAL, Argument("y", Type.STRING)), Type.BOOL)}},
    ],
)  # fmt: skip
def test_a_schema_that_no_rule_can_use_is_refused(declared: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        Schema(**declared)  # type: ignore[arg-type]


def test_path_keys_are_canonical() -> None:
    assert path_key(("customer", "recency")) == "customer.recency"
    assert path_key(("customer", 'a "b"', "in")) == 'customer["a \\"b\\""]["in"]'
