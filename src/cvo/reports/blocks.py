"""Sections and their blocks as HTML."""

from collections.abc import Iterator

from markupsafe import Markup, escape

from cvo.core.evidence import Estimate, Grade, NotEstimable
from cvo.reports.charts import Chart, Curve, IntervalChart
from cvo.reports.grades import badge
from cvo.reports.markup import element, json_script, prose
from cvo.reports.numbers import COUNT, level_text
from cvo.reports.page import Assumptions, Block, Figure, Figures, Methods, Section
from cvo.reports.tables import Cell, Column, Table


class Content:
    """Writes blocks, numbering what other elements refer to."""

    def __init__(self, numbers: Iterator[int]) -> None:
        self._numbers = numbers

    def section(self, section: Section) -> Markup:
        """Return a section under its heading."""
        name = self._name("section")
        blocks = element("div", *(self.block(block) for block in section.blocks), class_="blocks")
        return element("section", element("h2", prose(section.title), id=name), blocks, aria_labelledby=name)

    def block(self, block: Block) -> Markup:
        """Return one block."""
        match block:
            case str():
                return Markup().join(paragraphs(block))
            case Figures():
                return element("div", *(_figure(item) for item in block.items), class_="figures")
            case Table():
                return self._table(block)
            case Assumptions():
                return _assumptions(block)
            case Methods():
                return _methods(block)
            case _:
                return self._chart(block)

    def _chart(self, chart: Chart) -> Markup:
        name = self._name("chart")
        drawing = chart.drawing()
        return element(
            "figure",
            element("figcaption", element("h3", prose(chart.title), id=name), element("p", chart.subtitle)),
            _legend(chart),
            element("div", class_="plot", role="img", aria_label=chart.alternative()),
            json_script(drawing, class_="drawing"),
            element("p", chart.note, class_="note") if chart.note else "",
            element("details", element("summary", "Show figures"), _grid(chart.table())),
            class_=f"chart {drawing['kind']}{' half' if chart.half else ''}",
            aria_labelledby=name,
        )

    def _table(self, table: Table) -> Markup:
        name = self._name("table")
        return element(
            "figure",
            element("figcaption", element("h3", table.title, id=name)),
            _grid(table),
            element("p", table.note, class_="note") if table.note else "",
            class_="table",
            aria_labelledby=name,
        )

    def _name(self, kind: str) -> str:
        return f"{kind}-{next(self._numbers)}"


def paragraphs(text: str) -> list[Markup]:
    """Return a paragraph for each part of a text between blank lines."""
    return [element("p", prose(part)) for part in text.split("\n\n") if part.strip()]


def _figure(figure: Figure) -> Markup:
    estimate = figure.estimate
    if isinstance(estimate, NotEstimable):
        body = (
            element("p", "not estimable", class_="number none"),
            element("p", estimate.detail, class_="range"),
        )
    else:
        interval = estimate.interval
        # No line ends between a sign and its number.
        low, high = (
            element("span", figure.format.text(end), class_="unbroken")
            for end in (interval.low, interval.high)
        )
        body = (
            element("p", figure.format.text(estimate.value), class_="number"),
            element("p", f"{level_text(interval.level)} ", low, " to ", high, class_="range"),
        )
    return element(
        "div",
        element("h3", prose(figure.label)),
        *body,
        element("p", prose(figure.note), class_="note") if figure.note else "",
        badge(estimate.grade) if isinstance(estimate, Estimate) else "",
        class_="figure emphasis" if figure.emphasis else "figure",
    )


def _legend(chart: Chart) -> Markup:
    """Return the grades that occur in an interval chart, or the names of a curve's series."""
    match chart:
        case IntervalChart():
            found = {row.estimate.grade for row in chart.rows if isinstance(row.estimate, Estimate)}
            items = [badge(grade) for grade in Grade if grade in found]
        case Curve() if len(chart.series) > 1:
            items = [
                element("span", element("i", class_=f"swatch series-{number}"), series.name)
                for number, series in enumerate(chart.series, start=1)
            ]
        case _:
            return Markup()
    return element("p", *items, class_="legend")


def _grid(table: Table) -> Markup:
    heads = (
        element("th", column.heading, scope="col", class_="number" if column.format else "text")
        for column in table.columns
    )
    rows = (
        element(
            "tr",
            *(
                _cell(column, cell, first=not at)
                for at, (column, cell) in enumerate(zip(table.columns, row, strict=True))
            ),
        )
        for row in table.rows
    )
    grid = element("table", element("thead", element("tr", *heads)), element("tbody", *rows))
    return element("div", grid, class_="scroll", tabindex="0", role="region", aria_label=table.title)


def _cell(column: Column, cell: Cell, *, first: bool) -> Markup:
    kind = "number" if column.format else "text"
    if first and isinstance(cell, str):
        return element("th", cell, scope="row", class_=kind)
    return element("td", _value(column, cell), class_=kind)


def _value(column: Column, cell: Cell) -> Markup:
    written = column.format or COUNT
    match cell:
        case str():
            return escape(cell)
        case NotEstimable():
            return element("span", f"not estimable: {cell.detail}", class_="none")
        case Estimate():
            interval = element("span", written.interval(cell.interval), class_="range")
            return Markup("{} {} {}").format(
                badge(cell.grade, name=False), written.text(cell.value), interval
            )
        case _:
            return escape(written.text(cell))


def _assumptions(assumptions: Assumptions) -> Markup:
    items = (
        element(
            "div",
            element("dt", item.name),
            element("dd", item.value, " ", badge(Grade.ASSUMED), class_="value"),
            element("dd", item.why),
            element("dd", "Change it in ", element("code", item.where), class_="where") if item.where else "",
        )
        for item in assumptions.items
    )
    return element("dl", *items, class_="assumptions")


def _methods(methods: Methods) -> Markup:
    items = (
        element(
            "div",
            element("dt", item.figure),
            element("dd", item.how),
            element("dd", element("code", item.formula), class_="formula") if item.formula else "",
            element("dd", item.source, class_="where") if item.source else "",
        )
        for item in methods.items
    )
    return element("dl", *items, class_="methods")
