"""Compiles rules to Polars expressions, for many customers at once.

A column is named by the key of its fact. Its type: number Float64, string String, bool Boolean, time and
duration Int64 (µs), list of string List(String) without nulls inside; null is missing, and so are NaN
and infinity.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import polars as pl

from cvo.actions.rules.single import value_of
from cvo.actions.rules.tree import (
    Among,
    Arithmetic,
    Choice,
    Comparison,
    Contained,
    Has,
    Logic,
    LowerAscii,
    Negate,
    Node,
    Not,
    Size,
    TextTest,
    facts,
)
from cvo.actions.rules.vocabulary import EXACT, Fact, Type, accept

_DTYPES: dict[Type, pl.DataType] = {
    Type.NUMBER: pl.Float64(),
    Type.STRING: pl.String(),
    Type.BOOL: pl.Boolean(),
    Type.TIME: pl.Int64(),
    Type.DURATION: pl.Int64(),
    Type.STRINGS: pl.List(pl.String()),
}
_LOWER = [chr(letter) for letter in range(ord("a"), ord("z") + 1)]
_UPPER = [letter.upper() for letter in _LOWER]


def dtype(kind: Type) -> pl.DataType:
    """Return the type of the column that holds facts of a type."""
    return _DTYPES[kind]


def frame(columns: Sequence[Fact], rows: Iterable[Sequence[object]]) -> pl.DataFrame:
    """Return a frame of fact values, one column a fact; a value of another type becomes null.

    `rows` hold the values in the order of `columns`.
    """
    accepted = [
        tuple(accept(fact.type, value) for fact, value in zip(columns, row, strict=True)) for row in rows
    ]
    schema = {fact.key: dtype(fact.type) for fact in columns}
    if not columns:
        return pl.DataFrame(height=len(accepted))
    return pl.DataFrame(accepted, schema=schema, orient="row")


def condition(node: Node) -> pl.Expr:
    """Return a Boolean expression that is never null and as long as the frame."""
    # Polars may simplify to a scalar what mentions a column, and then refuses it for its length.
    return _condition(node) | pl.repeat(False, pl.len(), dtype=pl.Boolean)


def _condition(node: Node) -> pl.Expr:  # noqa: PLR0911  one answer per kind of node
    if not facts(node):
        return pl.lit(value_of(node) is True)
    match node:
        case Logic(operator="&&", terms=terms):
            return pl.all_horizontal(*map(_condition, terms))
        case Logic(terms=terms):
            return pl.any_horizontal(*map(_condition, terms))
        case Not(operand=operand):
            return ~_condition(operand)
        case Has(fact=fact):
            return _value(fact).is_not_null()
        case Comparison() | Among() | Contained() | TextTest():
            return _test(node).fill_null(False)
        case _:
            return _value(node).fill_null(False)


def _test(node: Comparison | Among | Contained | TextTest) -> pl.Expr:
    match node:
        case Comparison(operator=operator, left=left, right=right):
            return _compare(operator, _value(left), _value(right))
        case Among(item=item, literals=literals):
            values = pl.Series([literal.value for literal in literals], dtype=dtype(item.type))
            return _value(item).is_in(values.implode())
        case Contained(item=item, strings=strings):
            return _value(strings).list.contains(_value(item))
        case TextTest(function=function, subject=subject, argument=argument):
            text, part = _value(subject), _value(argument)
            if function == "startsWith":
                return text.str.starts_with(part)
            if function == "endsWith":
                return text.str.ends_with(part)
            return text.str.contains(part, literal=True)


def _compare(operator: str, left: pl.Expr, right: pl.Expr) -> pl.Expr:
    match operator:
        case "==":
            return left == right
        case "!=":
            return left != right
        case "<":
            return left < right
        case "<=":
            return left <= right
        case ">":
            return left > right
        case _:
            return left >= right


def _value(node: Node) -> pl.Expr:  # noqa: PLR0911  one answer per kind of node
    if not facts(node):
        # One place computes constants, whatever an optimiser would make of them.
        return pl.lit(value_of(node), dtype=dtype(node.type))
    match node:
        case Fact(key=key, type=kind):
            return _clean(pl.col(key), kind)
        case Negate(operand=operand):
            return -_value(operand)
        case Arithmetic(operator=operator, left=left, right=right, type=kind):
            return _arithmetic(operator, _value(left), _value(right), kind)
        case Choice(test=test, then=then, otherwise=otherwise):
            return pl.when(_condition(test)).then(_value(then)).otherwise(_value(otherwise))
        case LowerAscii(subject=subject):
            return _value(subject).str.replace_many(_UPPER, _LOWER)
        case Size(subject=subject):
            text = _value(subject)
            size = text.str.len_chars() if subject.type is Type.STRING else text.list.len()
            return size.cast(pl.Float64)
        case _:
            return _condition(node)


def _clean(expression: pl.Expr, kind: Type) -> pl.Expr:
    """Make missing what is no finite number, or no time in range; NaN would else be above everything."""
    if kind is Type.NUMBER:
        return pl.when(expression.is_finite()).then(expression)
    if kind in {Type.TIME, Type.DURATION}:
        return pl.when(expression.is_between(-EXACT, EXACT)).then(expression)
    return expression


def _arithmetic(operator: str, left: pl.Expr, right: pl.Expr, kind: Type) -> pl.Expr:
    # To clean a result mentions it twice; as expressions, nested arithmetic would double at every level.
    def compute(operands: Sequence[pl.Series]) -> pl.Series:
        result = _compute(operator, *operands)
        return result.to_frame("result").select(_clean(pl.col("result"), kind)).to_series()

    return pl.map_batches([left, right], compute, return_dtype=dtype(kind), is_elementwise=True)


def _compute(operator: str, left: pl.Series, right: pl.Series) -> pl.Series:
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/":
            return _divide(left, right)
        case _:
            return left - right * _divide(left, right).truncate()


def _divide(left: pl.Series, right: pl.Series) -> pl.Series:
    # Polars divides by a scalar by multiplying with its reciprocal, which is off by one bit.
    with np.errstate(all="ignore"):
        return pl.Series(np.divide(left.to_numpy(), right.to_numpy()), dtype=pl.Float64)
