"""The page on rules: every rule on it reads, every Python line gives what it says."""

import doctest
from pathlib import Path

from cvo.actions.rules import Argument, Schema, Signature, Type, parse

PAGE = Path(__file__).parents[3] / "docs" / "rules.md"
DAYS = Argument("days", Type.NUMBER, optional=True)
SCHEMA = Schema(
    paths={
        "now": Type.TIME,
        "customer.recency": Type.NUMBER,
        "customer.newbie": Type.BOOL,
        "customer.opted_out": Type.BOOL,
        "customer.segment": Type.STRING,
        "customer.tags": Type.STRINGS,
        "customer.joined_at": Type.TIME,
        'customer["favourite colour"]': Type.STRING,
        "customer.budget": Type.NUMBER,
        "customer.language": Type.STRING,
        "customer.age": Type.NUMBER,
        "action.price": Type.NUMBER,
        "creative.locale": Type.STRING,
        "creative.headline.tone": Type.STRING,
        "local.time": Type.STRING,
        "local.weekday": Type.STRING,
    },
    namespaces={"context": None},
    functions={
        "contacts": Signature((Argument("scope", Type.STRING), DAYS), Type.NUMBER),
        "orders": Signature((DAYS,), Type.NUMBER),
        "spend": Signature((DAYS,), Type.NUMBER),
        "open": Signature((Argument("opens", Type.STRING), Argument("closes", Type.STRING), DAYS), Type.BOOL),
        "days_since": Signature((Argument("what", Type.STRING),), Type.NUMBER),
    },
)


def test_every_rule_on_the_page_reads() -> None:
    rules = PAGE.read_text(encoding="utf-8").split("```cel\n")[1].split("```")[0].splitlines()
    assert len(rules) >= 10
    for text in rules:
        rule = parse(text, SCHEMA)
        assert parse(str(rule), SCHEMA) == rule


def test_every_python_line_on_the_page_holds() -> None:
    outcome = doctest.testfile(str(PAGE), module_relative=False, encoding="utf-8")
    assert outcome.attempted >= 8
    assert outcome.failed == 0
