"""What rules mean: missing values, arithmetic, strings, lists, times; for one row and for a column."""

from collections.abc import Mapping
from typing import Any

import polars as pl
import pytest

from cvo.actions.rules import Fact, Rule, Rulebook, Schema, Type, parse
from cvo.actions.rules.columnar import dtype, frame
from cvo.actions.rules.vocabulary import accept
from cvo.core.errors import RuleError

SCHEMA = Schema(
    paths={
        "now": Type.TIME,
        "c.at": Type.TIME,
        "c.n": Type.NUMBER,
        "c.m": Type.NUMBER,
        "c.s": Type.STRING,
        "c.b": Type.BOOL,
        "c.tags": Type.STRINGS,
    },
    namespaces={"context": None},
)
HOUR = 3_600_000_000


def holds(text: str, values: Mapping[str, object]) -> bool:
    """Evaluate both ways and insist on one answer."""
    rule = parse(text, SCHEMA)
    single = rule.evaluate(lambda fact: values.get(fact.key))
    table = frame(rule.facts, [[values.get(fact.key) for fact in rule.facts]])
    assert table.with_columns(rule.expression().alias("?"))["?"].to_list() == [single]
    return single


@pytest.mark.parametrize("operator", ["==", "!=", "<", "<=", ">", ">="])
@pytest.mark.parametrize("missing", [None, float("nan"), float("inf"), True, "1", 2**1100])
def test_a_comparison_with_a_missing_value_is_false(operator: str, missing: object) -> None:
    assert not holds(f"c.n {operator} 1", {"c.n": missing})
    assert not holds(f"1 {operator} c.n", {"c.n": missing})
    assert not holds(f"c.m {operator} c.n", {"c.n": missing, "c.m": 1})
    assert holds(f"!(c.n {operator} 1)", {"c.n": missing})


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("c.b", {}, False),
        ("!c.b", {}, True),
        ("!!c.b", {}, False),
        ("c.b == false", {}, False),
        ("c.b != true", {}, False),
        ("c.b == (c.n > 1)", {"c.b": False}, True),
        ("c.b", {"c.b": 1}, False),
        ("!c.b", {"c.b": 1}, True),
        ("c.b || !c.b", {}, True),
        ("has(c.n)", {"c.n": 0}, True),
        ("has(c.n)", {"c.n": "0"}, False),
        ("c.n + 1 > 0", {}, False),
        ("c.n / c.m > 0 || c.n / c.m <= 0", {"c.n": 1, "c.m": 0}, False),
        ("c.n % c.m == 0", {"c.n": 1, "c.m": -0.0}, False),
        ("1 / 0 == 1 / 0", {}, False),
        ("c.n * 1e300 > 0", {"c.n": 1e300}, False),
        ("c.n / 49 == 1", {"c.n": 49}, True),
        ("c.n % 3 == -1", {"c.n": -7}, True),
        ("c.n % -3 == 1", {"c.n": 7}, True),
        ("c.n % 2 == 1.5", {"c.n": 5.5}, True),
        ("7 / 2 == 3.5", {}, True),
        ("c.n == 0", {"c.n": -0.0}, True),
        ("c.n in [0]", {"c.n": -0.0}, True),
        ("c.n in [1, 2]", {}, False),
        ("!(c.n in [1, 2])", {}, True),
        ("c.n in [1]", {"c.n": True}, False),
        ("c.b ? false : true", {}, True),
        ("(c.b ? 1 : 2) == 2", {}, True),
        ("(c.b ? 1 : c.n) == 1", {}, False),
        ("c.s != 'a'", {"c.s": "b"}, True),
        ("c.s < 'b'", {"c.s": "a"}, True),
        ("c.s < '😀'", {"c.s": "\uffee"}, True),
        ("c.s.startsWith('a')", {"c.s": "ab"}, True),
        ("c.s.startsWith('')", {}, False),
        ("'abc'.endsWith(c.s)", {"c.s": "bc"}, True),
        ("c.s.contains('.')", {"c.s": "abc"}, False),
        ("c.s.contains('(')", {"c.s": "a("}, True),
        ("c.s.lowerAscii() == 'aÉ'", {"c.s": "AÉ"}, True),
        ("c.s == 'a'", {"c.s": "\ud800"}, False),
        ("size(c.s) == 1", {"c.s": "😀"}, True),
        ("size(c.s) >= 0", {}, False),
        ("size(c.tags) == 0", {"c.tags": []}, True),
        ("'vip' in c.tags", {"c.tags": ["new", "vip"]}, True),
        ("'vip' in c.tags", {"c.tags": ("vip",)}, True),
        ("'vip' in c.tags", {"c.tags": "vip"}, False),
        ("'vip' in c.tags", {"c.tags": ["vip", None]}, False),
        ("c.s in c.tags", {"c.tags": ["a"]}, False),
        ("!('vip' in c.tags)", {}, True),
        ("now - c.at >= duration('36h')", {"now": 36 * HOUR, "c.at": 0}, True),
        ("c.at + duration('1h') == now", {"now": HOUR, "c.at": 0}, True),
        ("c.at == timestamp('1970-01-01T01:00:00Z')", {"c.at": HOUR}, True),
        ("c.at in [timestamp('1970-01-01T01:00:00Z')]", {"c.at": HOUR}, True),
        ("c.at > timestamp('1970-01-01T01:00:00Z')", {"c.at": 1e18}, False),
        ("c.at + duration('104249d') > c.at", {"c.at": 2**53}, False),
        ("-(now - c.at) < duration('0s')", {"now": 2, "c.at": 1}, True),
        ("context.device == 'app'", {"context.device": "app"}, True),
        ("context.device == 'app'", {"context.device": 7}, False),
        ("c.n < 2 == true", {"c.n": 1}, True),
        ("true", {}, True),
        ("c.b && false", {"c.b": True}, False),
    ],
)
def test_meaning(text: str, values: dict[str, object], expected: bool) -> None:
    assert holds(text, values) is expected


@pytest.mark.parametrize(
    ("start", "step", "end"),
    [
        ("c.n", "(1 + {})", " == 30"),
        ("c.b", "!{}", ""),
        ("c.b", "(c.b == {})", ""),
        ("c.b", "(c.b ? {} : c.b)", ""),
        ("c.b", "(c.b ? c.b : {})", ""),
        ("c.n", "-{}", " == 0"),
        ("c.s", "{}.lowerAscii()", " == 'a'"),
    ],
)
def test_the_deepest_rules_allowed_run(start: str, step: str, end: str) -> None:
    text = start
    for _ in range(30):
        text = step.format(text)
    values: dict[str, object] = {"c.n": 0, "c.b": True, "c.s": "A"}
    assert holds(text + end, values)


def test_a_rule_without_facts_fills_the_frame() -> None:
    table = pl.DataFrame({"x": [1, 2, 3]})
    assert table.select(parse("1 < 2", SCHEMA).expression()).to_series().to_list() == [True] * 3
    assert table.head(0).select(parse("1 < 2", SCHEMA).expression()).height == 0


@pytest.mark.parametrize(
    "text",
    [
        "1 < (c.b && false ? 1 : 2)",
        "!(c.b && false)",
        "c.n > 1 / 0 || true",
        "c.n / (c.b && false ? 1 : 3) > 1",
    ],
)
def test_what_polars_simplifies_still_fills_the_frame(text: str) -> None:
    rule = parse(text, SCHEMA)
    rows = [{"c.b": True, "c.n": 4.0}, {"c.b": None, "c.n": None}, {"c.b": False, "c.n": 2.0}]
    table = frame(rule.facts, [[row[fact.key] for fact in rule.facts] for row in rows])
    expected = [rule.evaluate(lambda fact, row=row: row[fact.key]) for row in rows]
    assert table.select(rule.expression()).to_series().to_list() == expected


def test_columns_may_hold_what_a_row_may() -> None:
    table = pl.DataFrame({"c.n": [2.0, None, float("nan"), float("inf"), -float("inf")]})
    seen = table.select(
        over=parse("c.n > 1", SCHEMA).expression(), not_over=parse("!(c.n > 1)", SCHEMA).expression()
    )
    assert seen["over"].to_list() == [True, False, False, False, False]
    assert seen["not_over"].to_list() == [False, True, True, True, True]


def test_the_streaming_engine_agrees() -> None:
    rule = parse("c.n / 3.7 > 1 && (c.b || 'a' in c.tags)", SCHEMA)
    rows = [[n / 7, n % 3 == 0, ["a"] if n % 2 else []] for n in range(100)]
    table = frame(rule.facts, rows)
    streamed = table.lazy().select(rule.expression()).collect(engine="streaming").to_series()
    assert streamed.to_list() == table.select(rule.expression()).to_series().to_list()
    assert 0 < streamed.sum() < 100


def test_frames_have_the_documented_types() -> None:
    facts = [Fact(str(kind), kind, (str(kind),)) for kind in Type]
    table = frame(facts, [[1, "a", True, 5, 6, ["x"]], [None] * 6, ["a", 1, 0, 1.5, True, "x"]])
    assert [dtype(kind) for kind in Type] == table.dtypes
    assert table.row(0) == (1.0, "a", True, 5, 6, ["x"])
    assert table.row(1) == table.row(2) == (None,) * 6
    assert frame([], [[], []]).height == 2


@pytest.mark.parametrize(
    ("kind", "given", "taken"),
    [
        (Type.NUMBER, 3, 3.0),
        (Type.NUMBER, True, None),
        (Type.NUMBER, "3", None),
        (Type.BOOL, 1, None),
        (Type.TIME, True, None),
        (Type.TIME, 2**53 + 1, None),
        (Type.DURATION, -5, -5),
        (Type.STRING, "é", "é"),
        (Type.STRING, "\udfff", None),
        (Type.STRINGS, ["a", 1], None),
        (Type.STRINGS, [], ()),
    ],
)
def test_values_of_another_type_are_missing(kind: Type, given: object, taken: object) -> None:
    value: Any = accept(kind, given)
    assert value == taken
    assert type(value) is type(taken)


def book(*texts: str) -> Rulebook:
    return Rulebook([parse(text, SCHEMA) for text in texts])


def test_a_rulebook_looks_each_fact_up_once() -> None:
    rules = book("c.n > 1", "c.n < 9 && c.b", "c.b || c.n == 2")
    asked: list[str] = []

    def lookup(fact: Fact) -> object:
        asked.append(fact.key)
        return {"c.n": 2}.get(fact.key)

    assert rules.evaluate(rules.gather(lookup)) == (True, False, True)
    assert asked == ["c.n", "c.b"]


def test_a_refusal_names_the_first_part_that_fails_and_its_facts() -> None:
    rules = book("c.n > 1 && (c.s == 'a' || c.m > c.n) && c.b", "c.n > 1", "c.b || c.n > 5")
    values = rules.gather(lambda fact: {"c.n": 2, "c.s": "b"}.get(fact.key))
    failing = rules.failing(values, 0)
    assert failing is not None
    assert failing.condition == 'c.s == "a" || c.m > c.n'
    assert failing.values == {"c.s": "b", "c.m": None, "c.n": 2.0}
    assert rules.failing(values, 1) is None
    whole = rules.failing(values, 2)
    assert whole is not None
    assert whole.condition == "c.b || c.n > 5"


def test_one_rule_explains_itself() -> None:
    rule = parse("c.b && c.n > 1", SCHEMA)
    failing = rule.failing(lambda fact: {"c.b": True, "c.n": 0}.get(fact.key))
    assert failing is not None
    assert (failing.condition, failing.values) == ("c.n > 1", {"c.n": 0.0})
    assert rule.failing(lambda fact: {"c.b": True, "c.n": 2}.get(fact.key)) is None


def test_a_fact_has_one_type_in_a_rulebook() -> None:
    with pytest.raises(RuleError, match="in another rule") as raised:
        book("context.x == 'a'", "c.b && context.x > 3")
    assert raised.value.position == len("c.b && ")


def test_an_empty_rulebook_has_no_answers() -> None:
    empty = Rulebook([])
    assert empty.evaluate(empty.gather(lambda _fact: None)) == ()


@pytest.mark.parametrize("hostile", ["{0}", "'); import os; ('", '"""', "\\", "\n", "{x!r}", "%s", "None"])
def test_text_in_a_rule_never_becomes_code(hostile: str) -> None:
    quoted = '"' + hostile.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    assert holds(f"c.s == {quoted}", {"c.s": hostile})
    assert holds(f"c.s in [{quoted}]", {"c.s": hostile})
    assert holds(f"c.s.startsWith({quoted})", {"c.s": hostile})
    assert holds(f"c.s.lowerAscii() == {quoted}.lowerAscii()", {"c.s": hostile})
    assert holds(f"context[{quoted}] == 1", {parse(f"context[{quoted}] == 1", SCHEMA).facts[0].key: 1})


def test_rules_are_values() -> None:
    one, two = parse("c.n>1", SCHEMA), parse("(c.n > 1.0)", SCHEMA)
    assert one == two
    assert {one: 1}[two] == 1
    assert one != parse("c.n > 2", SCHEMA)
    assert repr(one) == "Rule('c.n > 1')"
    assert isinstance(one, Rule)
