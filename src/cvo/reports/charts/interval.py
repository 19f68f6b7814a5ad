"""Estimates with their intervals on one scale: a forest plot."""

from typing import Any

import msgspec

from cvo.core.errors import InvalidInput
from cvo.core.evidence import Estimate, NotEstimable
from cvo.reports.charts.reference import Reference
from cvo.reports.numbers import COUNT, Format, level_text, require_drawable, require_finite
from cvo.reports.tables import Cell, Column, Table


class IntervalRow(msgspec.Struct, frozen=True):
    """One estimate, or the reason why there is none; `emphasis` marks the row that the chart is about."""

    label: str
    estimate: Estimate | NotEstimable
    emphasis: bool = False


class IntervalChart(msgspec.Struct, frozen=True, kw_only=True):
    """Shows estimates, intervals and grades on a common scale, in the order given.

    Raises `InvalidInput` without rows, for intervals of differing level, and for numbers that are not finite.
    """

    title: str
    subtitle: str
    rows: tuple[IntervalRow, ...]
    format: Format = COUNT
    reference: Reference | None = None
    note: str = ""
    half: bool = False

    def __post_init__(self) -> None:
        if not self.rows:
            raise InvalidInput(f"chart {self.title!r} has no rows; say in a sentence why there are none")
        for row in self.rows:
            require_drawable(f"chart {self.title!r}, row {row.label!r}", row.estimate)
        if self.reference is not None:
            require_finite(f"the reference line of chart {self.title!r}", self.reference.value)
        levels = {row.estimate.interval.level for row in self.rows if isinstance(row.estimate, Estimate)}
        if len(levels) > 1:
            raise InvalidInput(
                f"chart {self.title!r} mixes intervals of level {sorted(levels)}; draw one chart per level"
            )

    def drawing(self) -> dict[str, Any]:
        """Return what the page's script draws."""
        return {
            "kind": "interval",
            "format": self.format,
            "reference": self.reference,
            "rows": [self._row(row) for row in self.rows],
        }

    def table(self) -> Table:
        """Return the figures behind the picture."""
        columns = (
            Column("", None),
            Column("Estimate", self.format),
            Column("Standard error", self.format),
            Column("Low", self.format),
            Column("High", self.format),
            Column("Grade", None),
            Column("Customers", COUNT),
            Column("Effective", COUNT),
        )
        return Table(title=self.title, columns=columns, rows=tuple(_cells(row) for row in self.rows))

    def alternative(self) -> str:
        """Return the chart in words."""
        rows = "; ".join(f"{row.label}: {self._words(row.estimate)}" for row in self.rows)
        line = "" if self.reference is None else f" Reference: {self.reference.label}."
        return f"{self.subtitle}. {rows}.{line}"

    def _words(self, estimate: Estimate | NotEstimable) -> str:
        words = self.format.estimate(estimate)
        return words if isinstance(estimate, NotEstimable) else f"{words}, {estimate.grade}"

    def _row(self, row: IntervalRow) -> dict[str, Any]:
        shared = {"label": row.label, "emphasis": row.emphasis}
        estimate = row.estimate
        if isinstance(estimate, NotEstimable):
            return shared | {"reason": f"not estimable: {estimate.detail}"}
        interval = self.format.interval(estimate.interval)
        tip = [
            row.label,
            f"{self.format.text(estimate.value)}, {estimate.grade}",
            f"{level_text(estimate.interval.level)} {interval}",
            f"{COUNT.text(estimate.sample_size)} customers",
        ]
        return shared | {
            "value": estimate.value,
            "low": estimate.interval.low,
            "high": estimate.interval.high,
            "grade": estimate.grade,
            "text": self.format.text(estimate.value),
            "interval": interval,
            "tip": "\n".join(tip),
        }


def _cells(row: IntervalRow) -> tuple[Cell, ...]:
    estimate = row.estimate
    if isinstance(estimate, NotEstimable):
        return (row.label, estimate, "", "", "", "", "", "")
    effective = estimate.effective_sample_size
    return (
        row.label,
        estimate.value,
        estimate.standard_error,
        estimate.interval.low,
        estimate.interval.high,
        estimate.grade.value,
        estimate.sample_size,
        "" if effective is None else effective,
    )
