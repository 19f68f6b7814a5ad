"""The scores in a decision record, term by term."""

from collections.abc import Iterable
from typing import Any

import msgspec

from cvo.core.evidence import Grade
from cvo.decisions.legend import Legend
from cvo.decisions.packed import WIDTH, packed, unpacked


class Terms(msgspec.Struct, frozen=True):
    """A score term by term, in major units of the decision's currency where not a rate.

    `score = uplift + clv_change − patience − cost + lever − price`, `uplift` being the margin caused inside the window
    and `clv_change − patience` what is caused after it. `grade` is of the uplift, `clv_grade` of what comes after.
    """

    response_probability: float
    margin_per_response: float
    incrementality: float
    uplift: float
    clv_change: float
    patience: float
    cost: float
    lever: float
    price: float
    score: float
    score_sd: float
    grade: str
    clv_grade: str = Grade.ASSUMED.value


LEAD = "lead"
"""The row of a table of scores that says which action, by its number there, stands for each among the options."""

_TERMS = Terms.__struct_fields__[:-2]
_GRADES = tuple(Grade)


def packed_grades(grades: Iterable[str]) -> bytes:
    """Return grades as records have them, a byte each."""
    return bytes(_GRADES.index(Grade(each)) for each in grades)


class Scored(msgspec.Struct, frozen=True, array_like=True):
    """The scores of the qualified actions.

    `places` are their numbers in the legend. `table` has a row of numbers for each of the `rows`, which name terms, and
    in it one for each of the `actions`; a term without a row is in the legend, or zero for all. Actions of a bundle
    have the terms of all of it. `grades` are positions in the list of grades, a byte for each action, and so are
    `clv_grades`, of what comes after the window; records from before that was scored have none.
    """

    legend: Legend
    places: bytes
    rows: list[str]
    table: bytes
    grades: bytes
    clv_grades: bytes = b""

    @classmethod
    def of(
        cls, legend: Legend, actions: Iterable[str], grade: Iterable[str], **terms: Iterable[float]
    ) -> "Scored":
        """Make a table of terms given by name, each with a number for every action."""
        table = b"".join(packed(numbers) for numbers in terms.values())
        return cls(legend, legend.packed_places(actions), list(terms), table, packed_grades(grade))

    @property
    def actions(self) -> list[str]:
        """Return the actions in alphabetical order."""
        return self.legend.named(self.places)

    @property
    def score(self) -> list[float]:
        """Return what each action is expected to bring, levers and prices counted."""
        return self.term("score")

    @property
    def response_probability(self) -> list[float]:
        """Return how probably each action is responded to."""
        return self.term("response_probability")

    @property
    def grade(self) -> list[str]:
        """Return how each action's value is known."""
        return [_GRADES[number].value for number in self.grades]

    @property
    def clv_grade(self) -> list[str]:
        """Return how what each action changes after its window is known."""
        if not self.clv_grades:
            return [Grade.ASSUMED.value] * len(self.actions)
        return [_GRADES[number].value for number in self.clv_grades]

    def term(self, name: str) -> list[float]:
        """Return one term of the score for each action."""
        if name not in self.rows:
            return self.legend.term(name, self.places)
        width = WIDTH * len(self.grades)
        start = width * self.rows.index(name)
        return unpacked(self.table[start : start + width])

    def lead(self, action: str) -> str:
        """Return the option that an action is part of: itself, or the first of its bundle."""
        if LEAD not in self.rows:
            return action
        actions = self.actions
        return actions[int(self.term(LEAD)[actions.index(action)])]

    def worth(self) -> list[float]:
        """Return each score less its lever: what the action is expected to bring, whoever pushes it."""
        if "lever" not in self.rows:
            return self.score
        return [score - lever for score, lever in zip(self.score, self.term("lever"), strict=True)]

    def terms(self) -> dict[str, Terms]:
        """Return the terms of every qualified action."""
        rows = zip(*map(self.term, _TERMS), self.grade, self.clv_grade, strict=True)
        return {action: Terms(*row) for action, row in zip(self.actions, rows, strict=True)}

    def plain(self) -> dict[str, Any]:
        """Return everything as lists by name."""
        columns = {name: self.term(name) for name in _TERMS}
        return {"actions": self.actions, **columns, "grade": self.grade, "clv_grade": self.clv_grade}
