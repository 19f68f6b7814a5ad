"""The two compilers of a rule give the same answer, and its text reads back as the same rule."""

import random
import string
from collections.abc import Callable

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cvo.actions.rules import Argument, Rule, Rulebook, Schema, Signature, Type, parse
from cvo.actions.rules.columnar import frame
from cvo.core.errors import RuleError

PATHS = {
    "now": Type.TIME,
    **{f"customer.n{i}": Type.NUMBER for i in range(4)},
    **{f"customer.s{i}": Type.STRING for i in range(3)},
    **{f"customer.b{i}": Type.BOOL for i in range(3)},
    "customer.joined_at": Type.TIME,
    "customer.visit": Type.DURATION,
    "customer.tags": Type.STRINGS,
    "customer.more_tags": Type.STRINGS,
}
SCHEMA = Schema(
    paths=PATHS,
    namespaces={"context": None},
    functions={"orders": Signature((Argument("days", Type.NUMBER, optional=True),), Type.NUMBER)},
)
LEAVES: dict[Type, list[str]] = {
    kind: [path for path, declared in PATHS.items() if declared is kind] for kind in Type
}
LEAVES[Type.NUMBER] += ["orders(30)", "orders()"]

TEXTS = [
    "",
    "a",
    "A",
    "ab",
    "Ab",
    "b",
    "é",
    "É",
    "ß",
    "İ",
    "日本",
    "a.b",
    "(",
    "\\",
    '"',
    "'",
    "\n",
    "{0}",
    "😀",
    "^a$",
]
NUMBERS = [0.0, -0.0, 1.0, -1.0, 2.0, 3.0, 3.7, 0.1, 49.0, 1e308, -1e308, 5e-324, 2.0**53, 1 / 3, 1e-7, 1e22]
HOUR = 3_600_000_000
TIMES = [0, 1, -1, HOUR, 1_780_000_000_000_000, 2**53, -(2**53), 2**53 - 1, 24 * HOUR]
STRANGE = [
    None,
    None,
    float("nan"),
    float("inf"),
    True,
    2**70,
    "7",
    7,
    [1],
    ["a", None],
    "\ud800",
    {},
    2**53 + 1,
]

Write = Callable[[random.Random, int], str]


def write(rng: random.Random, kind: Type, depth: int) -> str:
    """Write a random expression of a type, every operand in parentheses or not as it falls."""
    text = WRITERS[kind](rng, depth) if depth > 0 else leaf(rng, kind)
    return f"({text})" if depth > 0 else text


def leaf(rng: random.Random, kind: Type) -> str:
    if kind is Type.STRINGS or rng.random() < 0.65:
        return rng.choice(LEAVES[kind])
    return literal(rng, kind)


def literal(rng: random.Random, kind: Type) -> str:
    match kind:
        case Type.NUMBER:
            return repr(rng.choice(NUMBERS))
        case Type.STRING:
            text = rng.choice(TEXTS)
            quote = rng.choice("'\"")
            escaped = text.replace("\\", "\\\\").replace(quote, f"\\{quote}").replace("\n", "\\n")
            return f"{quote}{escaped}{quote}"
        case Type.BOOL:
            return rng.choice(["true", "false"])
        case Type.TIME:
            return rng.choice(['timestamp("2026-01-31T08:00:00Z")', 'timestamp("1970-01-01T01:00:00+01:00")'])
        case _:
            return f'duration("{rng.choice(["36h", "1h30m", "-2d", "0s", "5us", "1.5h", "104249d"])}")'


def write_number(rng: random.Random, depth: int) -> str:
    form = rng.randrange(6)
    if form == 0:
        return f"-{write(rng, Type.NUMBER, depth - 1)}"
    if form == 1:
        return f"size({write(rng, rng.choice([Type.STRING, Type.STRINGS]), depth - 1)})"
    if form == 2:
        return choice(rng, Type.NUMBER, depth)
    left, right = (write(rng, Type.NUMBER, depth - 1) for _ in range(2))
    return f"{left} {rng.choice('+-*/%')} {right}"


def write_string(rng: random.Random, depth: int) -> str:
    if rng.random() < 0.5:
        return f"{write(rng, Type.STRING, depth - 1)}.lowerAscii()"
    return choice(rng, Type.STRING, depth)


def write_time(rng: random.Random, depth: int) -> str:
    if rng.random() < 0.3:
        return choice(rng, Type.TIME, depth)
    return f"{write(rng, Type.TIME, depth - 1)} {rng.choice('+-')} {write(rng, Type.DURATION, depth - 1)}"


def write_duration(rng: random.Random, depth: int) -> str:
    form = rng.randrange(4)
    if form == 0:
        return choice(rng, Type.DURATION, depth)
    if form == 1:
        return f"-{write(rng, Type.DURATION, depth - 1)}"
    if form == 2:
        return f"{write(rng, Type.TIME, depth - 1)} - {write(rng, Type.TIME, depth - 1)}"
    return f"{write(rng, Type.DURATION, depth - 1)} {rng.choice('+-')} {write(rng, Type.DURATION, depth - 1)}"


def choice(rng: random.Random, kind: Type, depth: int) -> str:
    test, then, otherwise = (write(rng, part, depth - 1) for part in (Type.BOOL, kind, kind))
    return f"{test} ? {then} : {otherwise}"


def write_bool(rng: random.Random, depth: int) -> str:  # noqa: PLR0911  one answer per form
    form = rng.randrange(9)
    if form >= 7:
        return write_comparison(rng, depth)
    if form == 0:
        return f"!{write(rng, Type.BOOL, depth - 1)}"
    if form in {1, 2}:
        operator = rng.choice([" && ", " || "])
        return operator.join(write(rng, Type.BOOL, depth - 1) for _ in range(rng.randint(2, 3)))
    if form == 3:
        return choice(rng, Type.BOOL, depth)
    if form == 4:
        kind = rng.choice([Type.NUMBER, Type.STRING, Type.TIME, Type.DURATION])
        items = ", ".join(literal(rng, kind) for _ in range(rng.randint(1, 4)))
        return f"{write(rng, kind, depth - 1)} in [{items}]"
    if form == 5:
        return f"{write(rng, Type.STRING, depth - 1)} in {write(rng, Type.STRINGS, depth - 1)}"
    test = rng.choice(["startsWith", "endsWith", "contains"])
    return f"{write(rng, Type.STRING, depth - 1)}.{test}({write(rng, Type.STRING, depth - 1)})"


def write_comparison(rng: random.Random, depth: int) -> str:
    if rng.random() < 0.2:
        return f"has({rng.choice(LEAVES[rng.choice(list(Type))])})"
    kind = rng.choice([Type.NUMBER, Type.STRING, Type.TIME, Type.DURATION, Type.BOOL])
    operators = ["==", "!="] if kind is Type.BOOL else ["==", "!=", "<", "<=", ">", ">="]
    return f"{write(rng, kind, depth - 1)} {rng.choice(operators)} {write(rng, kind, depth - 1)}"


WRITERS: dict[Type, Write] = {
    Type.NUMBER: write_number,
    Type.STRING: write_string,
    Type.BOOL: write_bool,
    Type.TIME: write_time,
    Type.DURATION: write_duration,
    Type.STRINGS: lambda rng, depth: choice(rng, Type.STRINGS, depth),
}


def random_value(rng: random.Random, kind: Type) -> object:
    if rng.random() < 0.3:
        return rng.choice(STRANGE)
    match kind:
        case Type.NUMBER:
            return rng.choice([rng.choice(NUMBERS), rng.uniform(-100, 100), rng.randint(-5, 5)])
        case Type.STRING:
            return rng.choice([*TEXTS, "".join(rng.choices(string.printable, k=3))])
        case Type.BOOL:
            return rng.random() < 0.5
        case Type.TIME | Type.DURATION:
            return rng.choice([*TIMES, rng.randint(-(2**53), 2**53)])
        case _:
            return rng.choices(TEXTS, k=rng.randint(0, 3))


def compare(seed: int, rules: int, rows: int, depth: int) -> None:
    rng = random.Random(seed)
    book = Rulebook([parse(write(rng, Type.BOOL, rng.randint(1, depth)), SCHEMA) for _ in range(rules)])
    table = [[random_value(rng, fact.type) for fact in book.facts] for _ in range(rows)]
    gathered = [book.gather(dict(zip(book.facts, row, strict=True)).get) for row in table]
    single = list(zip(*(book.evaluate(values) for values in gathered), strict=True))
    columns = frame(book.facts, table).select(
        rule.expression().alias(str(index)) for index, rule in enumerate(book.rules)
    )
    assert columns.height == rows
    for index, rule in enumerate(book.rules):
        column = columns[str(index)]
        assert column.dtype == pl.Boolean
        assert column.null_count() == 0
        differing = [
            row for row, (one, many) in enumerate(zip(single[index], column, strict=True)) if one != many
        ]
        assert not differing, (
            str(rule),
            [dict(zip(book.facts, gathered[row], strict=True)) for row in differing[:1]],
        )
        assert parse(str(rule), SCHEMA) == rule
        assert str(parse(str(rule), SCHEMA)) == str(rule)
        for row in range(min(rows, 5)):
            assert (book.failing(gathered[row], index) is None) == single[index][row]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32), rows=st.sampled_from([1, 2, 30]), depth=st.integers(1, 4))
def test_both_compilers_agree_and_the_text_reads_back(seed: int, rows: int, depth: int) -> None:
    compare(seed, rules=5, rows=rows, depth=depth)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(60))
def test_thousands_of_rules_on_a_thousand_rows_agree(seed: int) -> None:
    compare(1_000_000 + seed, rules=50, rows=1_000, depth=4)


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.text(max_size=40),
        st.lists(
            st.sampled_from(
                "customer.n0 now context.x has( size( ( ) [ ] , . ? : ! - + * / % == != < <= > >= in && || "
                "1 2.5 'a' \"b\" true false null and = & timestamp( duration( .contains( orders( { #".split()
            ),
            max_size=12,
        ).map(" ".join),
    )
)
def test_any_text_is_a_rule_or_a_pointed_error(text: str) -> None:
    outcome = read(text)
    if isinstance(outcome, RuleError):
        assert 0 <= outcome.position <= len(text)
    else:
        assert read(str(outcome)) == outcome


def read(text: str) -> Rule | RuleError:
    try:
        return parse(text, SCHEMA)
    except RuleError as error:
        return error
