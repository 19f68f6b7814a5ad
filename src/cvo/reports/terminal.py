"""Intervals drawn with characters, for a terminal or a log."""

from collections.abc import Iterable

from cvo.core.errors import InvalidInput
from cvo.core.evidence import Estimate, NotEstimable
from cvo.reports.grades import MARKS
from cvo.reports.numbers import require_drawable, require_finite

_LEAST_WIDTH = 8


def common_scale(
    estimates: Iterable[Estimate | NotEstimable], reference: float | None = None
) -> tuple[float, float]:
    """Return the ends of the scale on which all the intervals, and the reference, can be seen.

    Raises `InvalidInput` when there is nothing to span.
    """
    values = [] if reference is None else [reference]
    for estimate in estimates:
        require_drawable("the scale", estimate)
        if isinstance(estimate, Estimate):
            values += [estimate.value, estimate.interval.low, estimate.interval.high]
    if not values:
        raise InvalidInput("no estimate and no reference value to make a scale from")
    low, high = min(values), max(values)
    return (low, high) if low < high else (low - 1.0, high + 1.0)


def interval_bar(
    estimate: Estimate | NotEstimable,
    scale: tuple[float, float],
    *,
    width: int = 40,
    reference: float | None = None,
) -> str:
    """Draw an estimate, its interval and a reference line in exactly `width` characters.

    The mark in the middle shows the grade (● measured, ◆ pooled, □ observational, ○ assumed); an interval
    that leaves the scale ends in an arrow. Without an estimate only the reference line is drawn. Raises
    `InvalidInput` for a width under 8 or a scale that does not rise.

    >>> from cvo.core.evidence import Grade, Interval
    >>> caused = Estimate(
    ...     value=50.0, standard_error=15.0, interval=Interval(20.0, 80.0), grade=Grade.MEASURED,
    ...     unit="USD", sample_size=900,
    ... )
    >>> interval_bar(caused, (-20.0, 100.0), width=25, reference=0.0)
    '    ┊   ├─────●─────┤    '
    """
    low, high = scale
    require_finite("the scale", low, high, reference)
    if width < _LEAST_WIDTH or not low < high:
        raise InvalidInput(
            f"can't draw on a scale from {low} to {high} in {width} characters; "
            f"it has to rise, and needs {_LEAST_WIDTH} characters"
        )
    cells = [" "] * width

    def column(value: float) -> int:
        return round((min(max(value, low), high) - low) / (high - low) * (width - 1))

    if reference is not None and low <= reference <= high:
        cells[column(reference)] = "┊"
    if isinstance(estimate, NotEstimable):
        return "".join(cells)
    require_drawable("the bar", estimate)
    interval = estimate.interval
    first, last = column(interval.low), column(interval.high)
    for at in range(first, last + 1):
        cells[at] = "┼" if cells[at] == "┊" else "─"
    if interval.high >= low:
        cells[last] = "▶" if interval.high > high else "┤"
    if interval.low <= high:
        cells[first] = "◀" if interval.low < low else "├"
    if low <= estimate.value <= high:
        cells[column(estimate.value)] = MARKS[estimate.grade].character
    return "".join(cells)
