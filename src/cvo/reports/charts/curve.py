"""One number against another with a band around it: calibration, growth over time."""

from typing import Any

import msgspec

from cvo.core.errors import InvalidInput
from cvo.core.evidence import Interval
from cvo.reports.numbers import COUNT, Format, require_finite
from cvo.reports.tables import Cell, Column, Table

_MOST_SERIES = 4


class Point(msgspec.Struct, frozen=True):
    """A point of a curve; the interval is y's."""

    x: float
    y: float
    interval: Interval | None = None


class Series(msgspec.Struct, frozen=True):
    """A named curve; its points are joined in the order given."""

    name: str
    points: tuple[Point, ...]


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """Shows y against x for up to four series, each with a band where its points have intervals.

    `diagonal` names the line y = x (`"perfectly calibrated"`) and makes both axes share one scale. Raises
    `InvalidInput` for no points, too many series, or numbers that are not finite.
    """

    title: str
    subtitle: str
    x_axis: str
    y_axis: str
    series: tuple[Series, ...]
    x_format: Format = COUNT
    y_format: Format = COUNT
    diagonal: str = ""
    note: str = ""
    half: bool = False

    def __post_init__(self) -> None:
        if not 1 <= len(self.series) <= _MOST_SERIES:
            raise InvalidInput(
                f"chart {self.title!r} has {len(self.series)} series; 1 to {_MOST_SERIES} can be told apart"
            )
        for series in self.series:
            where = f"chart {self.title!r}, series {series.name!r}"
            if not series.points:
                raise InvalidInput(f"{where} has no points; leave it out and say why in the note")
            for point in series.points:
                require_finite(where, point.x, point.y)
                if point.interval is not None:
                    require_finite(where, point.interval.low, point.interval.high)

    def drawing(self) -> dict[str, Any]:
        """Return what the page's script draws."""
        return {
            "kind": "curve",
            "xAxis": self.x_axis,
            "yAxis": self.y_axis,
            "xFormat": self.x_format,
            "yFormat": self.y_format,
            "diagonal": self.diagonal,
            "series": [
                {"name": series.name, "points": [self._point(series.name, point) for point in series.points]}
                for series in self.series
            ],
        }

    def table(self) -> Table:
        """Return the figures behind the picture."""
        columns = (
            Column("Series", None),
            Column(self.x_axis, self.x_format),
            Column(self.y_axis, self.y_format),
            Column("Low", self.y_format),
            Column("High", self.y_format),
        )
        rows = tuple(_cells(series.name, point) for series in self.series for point in series.points)
        return Table(title=self.title, columns=columns, rows=rows)

    def alternative(self) -> str:
        """Return the chart in words: where each series starts and ends, how often it meets the diagonal."""
        return " ".join((f"{self.subtitle}.", *(self._words(series) for series in self.series)))

    def _words(self, series: Series) -> str:
        first, last = series.points[0], series.points[-1]
        words = (
            f"{series.name}: {len(series.points)} points, "
            f"{self.y_axis} from {self.y_format.text(first.y)} "
            f"at {self.x_axis} {self.x_format.text(first.x)} "
            f"to {self.y_format.text(last.y)} at {self.x_format.text(last.x)}"
        )
        banded = [(point.x, point.interval) for point in series.points if point.interval is not None]
        if not (self.diagonal and banded):
            return f"{words}."
        covered = sum(not interval.excludes(x) for x, interval in banded)
        return f"{words}; {covered} of {len(banded)} intervals contain the line “{self.diagonal}”."

    def _point(self, name: str, point: Point) -> dict[str, Any]:
        tip = [
            name,
            f"{self.x_axis} {self.x_format.text(point.x)}",
            f"{self.y_axis} {self.y_format.text(point.y)}",
        ]
        if point.interval is None:
            return {"x": point.x, "y": point.y, "tip": "\n".join(tip)}
        tip.append(self.y_format.interval(point.interval))
        low, high = point.interval.low, point.interval.high
        return {"x": point.x, "y": point.y, "low": low, "high": high, "tip": "\n".join(tip)}


def _cells(name: str, point: Point) -> tuple[Cell, ...]:
    if point.interval is None:
        return (name, point.x, point.y, "", "")
    return (name, point.x, point.y, point.interval.low, point.interval.high)
