"""Self-contained pages and text pictures of results, from plain values; knows no customer and no database."""

from cvo.reports.charts import (
    Bar,
    Curve,
    Distribution,
    Histogram,
    IntervalChart,
    IntervalRow,
    Point,
    Reference,
    Series,
)
from cvo.reports.numbers import COUNT, PERCENT, Format, money_format
from cvo.reports.page import (
    Assumption,
    Assumptions,
    Block,
    Figure,
    Figures,
    Method,
    Methods,
    Page,
    Section,
)
from cvo.reports.render import render
from cvo.reports.tables import Cell, Column, Table
from cvo.reports.terminal import common_scale, interval_bar

__all__ = [
    "COUNT",
    "PERCENT",
    "Assumption",
    "Assumptions",
    "Bar",
    "Block",
    "Cell",
    "Column",
    "Curve",
    "Distribution",
    "Figure",
    "Figures",
    "Format",
    "Histogram",
    "IntervalChart",
    "IntervalRow",
    "Method",
    "Methods",
    "Page",
    "Point",
    "Reference",
    "Section",
    "Series",
    "Table",
    "common_scale",
    "interval_bar",
    "money_format",
    "render",
]
