"""A table: columns that know how their numbers are written, and rows of cells."""

import msgspec

from cvo.core.errors import InvalidInput
from cvo.core.evidence import Estimate, NotEstimable
from cvo.reports.numbers import Format, require_drawable, require_finite

Cell = str | int | float | Estimate | NotEstimable


class Column(msgspec.Struct, frozen=True):
    """A heading; with a format, its numbers are written by it and stand flush right."""

    heading: str
    format: Format | None = None


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """Rows under columns; an `Estimate` in a cell is shown with its interval and grade.

    Raises `InvalidInput` for a row of the wrong length, for a number in a column without a format, and for
    a number that is not finite.
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise InvalidInput(
                    f"table {self.title!r} has {len(self.columns)} columns and a row of {len(row)}: {row!r}"
                )
            for column, cell in zip(self.columns, row, strict=True):
                _check(f"table {self.title!r}, column {column.heading!r}", column, cell)


def _check(where: str, column: Column, cell: Cell) -> None:
    if isinstance(cell, str):
        return
    if column.format is None and not isinstance(cell, NotEstimable):
        raise InvalidInput(f"{where} holds the number {cell!r}; give the column a format")
    if isinstance(cell, Estimate | NotEstimable):
        require_drawable(where, cell)
    else:
        require_finite(where, cell)
