"""How a total splits over named options: horizontal bars."""

from typing import Any

import msgspec

from cvo.core.errors import InvalidInput
from cvo.reports.numbers import COUNT, PERCENT, Format, require_finite
from cvo.reports.tables import Column, Table


class Bar(msgspec.Struct, frozen=True):
    """One option and its amount, 0 or more."""

    label: str
    amount: float
    emphasis: bool = False


class Distribution(msgspec.Struct, frozen=True, kw_only=True):
    """Shows how often each option occurs, in the order given, with its share of the total.

    Raises `InvalidInput` for a negative amount or a total of zero.
    """

    title: str
    subtitle: str
    bars: tuple[Bar, ...]
    format: Format = COUNT
    note: str = ""
    half: bool = False

    def __post_init__(self) -> None:
        for bar in self.bars:
            require_finite(f"chart {self.title!r}, bar {bar.label!r}", bar.amount)
            if bar.amount < 0:
                raise InvalidInput(
                    f"chart {self.title!r}, bar {bar.label!r} is {bar.amount}; a share can't be negative"
                )
        if self._total() <= 0:
            raise InvalidInput(
                f"chart {self.title!r} adds up to nothing; say in a sentence why there is nothing"
            )

    def drawing(self) -> dict[str, Any]:
        """Return what the page's script draws."""
        return {
            "kind": "distribution",
            "bars": [
                {
                    "label": bar.label,
                    "amount": bar.amount,
                    "emphasis": bar.emphasis,
                    "text": self._share(bar),
                    "tip": f"{bar.label}\n{self.format.text(bar.amount)} = {self._share(bar)}",
                }
                for bar in self.bars
            ],
        }

    def table(self) -> Table:
        """Return the figures behind the picture."""
        columns = (Column("", None), Column("Amount", self.format), Column("Share", PERCENT))
        total = self._total()
        rows = tuple((bar.label, bar.amount, bar.amount / total) for bar in self.bars)
        return Table(title=self.title, columns=columns, rows=rows)

    def alternative(self) -> str:
        """Return the chart in words."""
        bars = "; ".join(
            f"{bar.label}: {self.format.text(bar.amount)}, {self._share(bar)}" for bar in self.bars
        )
        return f"{self.subtitle}. {bars}."

    def _total(self) -> float:
        return sum(bar.amount for bar in self.bars)

    def _share(self, bar: Bar) -> str:
        return PERCENT.text(bar.amount / self._total())
