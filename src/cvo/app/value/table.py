"""The rows of the value report as one table, for a spreadsheet or a notebook."""

from typing import Any

import polars as pl

from cvo.app.value.report import Value
from cvo.core.clock import format_rfc3339
from cvo.core.evidence import Estimate, NotEstimable
from cvo.ledger.caused import Caused
from cvo.ledger.reconcile import Reconciled

FIGURES = ("revenue", "cost_lowered", "margin", "value", "return_on_spend")


def rows_of(report: Value) -> pl.DataFrame:
    """Return a row a cell and figure: what was asked for, then the parts of the headline and the headline.

    `table` is `rows` or `split`. `low` and `high` are the interval at `level`; without an estimate `reason` and
    `detail` say why. Spend is money paid and stands in every row of its cell.
    """
    found = [row for each in report.rows for row in _cell("rows", each)]
    if isinstance(report.split, Reconciled):
        found += [row for each in report.split.rows for row in _cell("split", each)]
        ends = {
            "cap": report.split.cap,
            "carry-over and interaction": report.split.rest,
            "headline": report.split.headline,
        }
        found += [
            {"table": "split", "name": name, "figure": "value", **_figure(estimate)}
            for name, estimate in ends.items()
            if estimate is not None
        ]
    return pl.DataFrame(found, schema=SCHEMA).with_columns(
        pl.lit(format_rfc3339(report.as_of)).alias("as_of"),
        pl.lit(report.realised.margin.currency).alias("currency"),
    )


SCHEMA = pl.Schema(
    {
        "table": pl.String(),
        "name": pl.String(),
        "deliveries": pl.Int64(),
        "spend": pl.Float64(),
        "figure": pl.String(),
        "estimate": pl.Float64(),
        "standard_error": pl.Float64(),
        "low": pl.Float64(),
        "high": pl.Float64(),
        "level": pl.Float64(),
        "grade": pl.String(),
        "unit": pl.String(),
        "sample_size": pl.Int64(),
        "reason": pl.String(),
        "detail": pl.String(),
    }
)


def _cell(table: str, each: Caused) -> list[dict[str, Any]]:
    shared = {"table": table, "name": each.name, "deliveries": each.deliveries, "spend": each.spend}
    return [{**shared, "figure": name, **_figure(getattr(each, name))} for name in FIGURES]


def _figure(found: Estimate | NotEstimable) -> dict[str, Any]:
    if isinstance(found, NotEstimable):
        return {"reason": found.reason, "detail": found.detail}
    return {
        "estimate": found.value,
        "standard_error": found.standard_error,
        "low": found.interval.low,
        "high": found.interval.high,
        "level": found.interval.level,
        "grade": found.grade.value,
        "unit": found.unit,
        "sample_size": found.sample_size,
    }
