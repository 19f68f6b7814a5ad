"""How a number is spread: counts between edges."""

from itertools import pairwise
from typing import Any

import msgspec

from cvo.core.errors import InvalidInput
from cvo.reports.charts.reference import Reference
from cvo.reports.numbers import COUNT, PERCENT, Format, require_finite
from cvo.reports.tables import Column, Table


class Histogram(msgspec.Struct, frozen=True, kw_only=True):
    """Shows how many of the things counted fall between each pair of edges.

    `numpy.histogram` makes both; `edges` has one entry more than `counts` and rises; anything
    else raises `InvalidInput`.
    """

    title: str
    subtitle: str
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    format: Format = COUNT
    reference: Reference | None = None
    note: str = ""
    half: bool = False

    def __post_init__(self) -> None:
        where = f"chart {self.title!r}"
        require_finite(where, *self.edges, *self.counts)
        if len(self.edges) != len(self.counts) + 1 or not all(
            low < high for low, high in pairwise(self.edges)
        ):
            raise InvalidInput(f"{where} needs rising edges, one more than its {len(self.counts)} counts")
        if min(self.counts, default=0) < 0 or sum(self.counts) == 0:
            raise InvalidInput(
                f"{where} needs counts of 0 or more, and at least one above; got {self.counts}"
            )

    def drawing(self) -> dict[str, Any]:
        """Return what the page's script draws."""
        bins = [
            {"low": low, "high": high, "count": count, "tip": f"{label}\n{COUNT.text(count)}, {share}"}
            for (low, high), count, label, share in zip(
                pairwise(self.edges), self.counts, self._labels(), self._shares(), strict=True
            )
        ]
        return {"kind": "histogram", "format": self.format, "reference": self.reference, "bins": bins}

    def table(self) -> Table:
        """Return the figures behind the picture."""
        columns = (
            Column("From", self.format),
            Column("To", self.format),
            Column("Count", COUNT),
            Column("Share", PERCENT),
        )
        total = sum(self.counts)
        rows = tuple(
            (low, high, count, count / total)
            for (low, high), count in zip(pairwise(self.edges), self.counts, strict=True)
        )
        return Table(title=self.title, columns=columns, rows=rows)

    def alternative(self) -> str:
        """Return the chart in words."""
        bins = "; ".join(
            f"{label}: {share}" for label, share in zip(self._labels(), self._shares(), strict=True)
        )
        line = "" if self.reference is None else f" Reference: {self.reference.label}."
        return f"{self.subtitle}. {COUNT.text(sum(self.counts))} in all. {bins}.{line}"

    def _labels(self) -> list[str]:
        return [f"{self.format.text(low)} to {self.format.text(high)}" for low, high in pairwise(self.edges)]

    def _shares(self) -> list[str]:
        total = sum(self.counts)
        return [PERCENT.text(count / total) for count in self.counts]
