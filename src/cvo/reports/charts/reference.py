"""A named value to compare with, drawn as a line across a chart."""

import msgspec


class Reference(msgspec.Struct, frozen=True):
    """A value on the chart's own axis and what it stands for."""

    value: float
    label: str
