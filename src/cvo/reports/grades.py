"""How a grade looks and reads: the same mark in charts, cards, tables and the terminal."""

from typing import NamedTuple

from markupsafe import Markup

from cvo.core.evidence import Grade
from cvo.reports.markup import element


class Mark(NamedTuple):
    """A grade's shape (an SVG path in a 12 × 12 box), whether it is filled, its character, its meaning."""

    path: str
    filled: bool
    character: str
    meaning: str


MARKS = {
    Grade.MEASURED: Mark(
        "M6 1.5a4.5 4.5 0 1 0 .01 0z",
        True,
        "●",
        "from randomised draws of known probability on the thing itself",
    ),
    Grade.POOLED: Mark("M6 .8 11.2 6 6 11.2.8 6z", True, "◆", "borrowed from similar, measured things"),
    Grade.OBSERVATIONAL: Mark(
        "M2 2h8v8h-8z", False, "□", "from data that nobody randomised; not called caused"
    ),
    Grade.ASSUMED: Mark("M6 1.5a4.5 4.5 0 1 0 .01 0z", False, "○", "stated by a person; a named setting"),
}


def badge(grade: Grade, *, name: bool = True) -> Markup:
    """Return the grade's mark and name; without the name, the mark alone still says it to a screen reader."""
    mark = MARKS[grade]
    path = element("path", d=mark.path, class_="filled" if mark.filled else "hollow")
    if name:
        symbol = element("svg", path, viewBox="0 0 12 12", aria_hidden="true")
        return element("span", symbol, grade.value, class_=f"grade {grade.value}")
    symbol = element("svg", path, viewBox="0 0 12 12", role="img", aria_label=grade.value)
    return element("span", symbol, class_=f"grade {grade.value}", title=grade.value)
