"""How sure a number is: intervals, grades, and the typed reason when there is no number."""

from enum import StrEnum

import msgspec


class Grade(StrEnum):
    """Where a figure comes from, best first."""

    MEASURED = "measured"
    """From randomised draws of known probability on the thing itself."""
    POOLED = "pooled"
    """Borrowed from similar, measured things."""
    OBSERVATIONAL = "observational"
    """From data nobody randomised; not called caused."""
    ASSUMED = "assumed"
    """Stated by a person; a named setting."""


def weakest(*grades: Grade) -> Grade:
    """Return the least trustworthy of the grades: a figure is no better than its worst ingredient.

    >>> weakest(Grade.MEASURED, Grade.ASSUMED)
    <Grade.ASSUMED: 'assumed'>
    """
    order = list(Grade)
    return max(grades, key=order.index)


class Interval(msgspec.Struct, frozen=True):
    """A closed interval that covers the truth with probability `level`."""

    low: float
    high: float
    level: float = 0.95

    def excludes(self, value: float) -> bool:
        """Tell whether `value` lies outside."""
        return not self.low <= value <= self.high


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """A number with its standard error, interval and grade; `unit` names what it counts.

    `effective_sample_size` is in independent units (customers), where weighting makes that less
    than their number.
    """

    value: float
    standard_error: float
    interval: Interval
    grade: Grade
    unit: str
    sample_size: int
    effective_sample_size: float | None = None

    def scaled(self, factor: float, unit: str | None = None) -> "Estimate":
        """Return the estimate of `factor` times the quantity, in `unit` where that changes."""
        ends = sorted((factor * self.interval.low, factor * self.interval.high))
        return msgspec.structs.replace(
            self,
            value=factor * self.value,
            standard_error=abs(factor) * self.standard_error,
            interval=Interval(ends[0], ends[1], self.interval.level),
            unit=unit or self.unit,
        )

    def shifted(self, by: float) -> "Estimate":
        """Return the estimate of the quantity plus a known number."""
        low, high = self.interval.low + by, self.interval.high + by
        return msgspec.structs.replace(
            self, value=self.value + by, interval=Interval(low, high, self.interval.level)
        )

    def __repr__(self) -> str:
        low, high = self.interval.low, self.interval.high
        return f"{self.value:,.4g} {self.unit} [{low:,.4g}, {high:,.4g}] ({self.grade})"


class NotEstimable(msgspec.Struct, frozen=True, tag=True):
    """Why there is no estimate: never a zero, never a guess.

    `reason` is a stable code for programs, `detail` says it to a person with the figures.
    """

    reason: str
    detail: str
