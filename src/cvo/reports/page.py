"""What a page says, as frozen values: title, sections, and the blocks they are made of."""

import msgspec

from cvo.core.errors import InvalidInput
from cvo.core.evidence import Estimate, NotEstimable
from cvo.reports.charts import Curve, Distribution, Histogram, IntervalChart
from cvo.reports.numbers import COUNT, Format, require_drawable
from cvo.reports.tables import Table


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A number large enough to be read across a room, with its interval and grade.

    `emphasis` marks the one that the page is about.
    """

    label: str
    estimate: Estimate | NotEstimable
    format: Format = COUNT
    note: str = ""
    emphasis: bool = False

    def __post_init__(self) -> None:
        require_drawable(f"figure {self.label!r}", self.estimate)


class Figures(msgspec.Struct, frozen=True):
    """A few figures side by side."""

    items: tuple[Figure, ...]


class Assumption(msgspec.Struct, frozen=True, kw_only=True):
    """Something stated, not measured: its value in words, why it was taken, where to change it if one can."""

    name: str
    value: str
    why: str
    where: str = ""


class Assumptions(msgspec.Struct, frozen=True):
    """Everything that a page takes for granted."""

    items: tuple[Assumption, ...]


class Method(msgspec.Struct, frozen=True, kw_only=True):
    """How one kind of number was made: in words, as a formula in plain text, and who published it."""

    figure: str
    how: str
    formula: str = ""
    source: str = ""


class Methods(msgspec.Struct, frozen=True):
    """How each number of a page was made."""

    items: tuple[Method, ...]


Block = str | Figures | IntervalChart | Distribution | Histogram | Curve | Table | Assumptions | Methods
"""One part of a section; a plain string is a paragraph."""


class Section(msgspec.Struct, frozen=True):
    """A heading, best as a finding, and the blocks under it."""

    title: str
    blocks: tuple[Block, ...]


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A report that stands alone; `render` writes it as one HTML file.

    `kicker` is the small line above the title, `facts` are names and values shown below the lead.

    >>> from cvo.core.evidence import Estimate, Grade, Interval
    >>> from cvo.reports import IntervalChart, IntervalRow, Page, Reference, Section, money_format, render
    >>> mens = Estimate(
    ...     value=212.0, standard_error=50.0, interval=Interval(114.0, 310.0), grade=Grade.MEASURED,
    ...     unit="USD per 1,000 customers", sample_size=32_000,
    ... )
    >>> chart = IntervalChart(
    ...     title="The men's e-mail pays for itself",
    ...     subtitle="Margin caused per 1,000 customers, 95 % intervals",
    ...     rows=(IntervalRow("Mens e-mail", mens),),
    ...     format=money_format("USD"),
    ...     reference=Reference(0.0, "nothing sent"),
    ... )
    >>> result = Section("Result", (chart,))
    >>> page = Page(title="What the newsletter caused", lead="Measured.", sections=(result,))
    >>> render(page).startswith("<!doctype html>")
    True
    """

    title: str
    lead: str
    sections: tuple[Section, ...]
    kicker: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    footer: str = ""

    def __post_init__(self) -> None:
        if not self.title.strip():
            raise InvalidInput("a page needs a title; browsers and screen readers announce it")
