"""Charts as frozen values: each can say what to draw, the figures behind it, and itself in words."""

from typing import Any, Protocol

from cvo.reports.charts.curve import Curve, Point, Series
from cvo.reports.charts.distribution import Bar, Distribution
from cvo.reports.charts.histogram import Histogram
from cvo.reports.charts.interval import IntervalChart, IntervalRow
from cvo.reports.charts.reference import Reference
from cvo.reports.tables import Table

__all__ = [
    "Bar",
    "Chart",
    "Curve",
    "Distribution",
    "Histogram",
    "IntervalChart",
    "IntervalRow",
    "Point",
    "Reference",
    "Series",
]


class Chart(Protocol):
    """What a page asks of a chart; `page.js` has one drawing function for each `kind`."""

    @property
    def title(self) -> str:
        """What the chart says, best as a finding."""
        ...

    @property
    def subtitle(self) -> str:
        """What is drawn, in which unit."""
        ...

    @property
    def note(self) -> str:
        """What a reader has to know to read it rightly; may be empty."""
        ...

    @property
    def half(self) -> bool:
        """Whether half the width is enough, so that two charts share a row."""
        ...

    def drawing(self) -> dict[str, Any]:
        """Return what the page's script draws: plain values, texts already written."""
        ...

    def table(self) -> Table:
        """Return the figures behind the picture."""
        ...

    def alternative(self) -> str:
        """Return the chart in words, for those who can't see it."""
        ...
