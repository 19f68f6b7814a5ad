"""Value: what has been caused, measured against customers left alone; and what was realised."""

from cvo.app.value.bank import Bank, value_bank
from cvo.app.value.growth import Growth, growth_of
from cvo.app.value.programme import facts_of
from cvo.app.value.question import Question, read_question
from cvo.app.value.report import Realised, Value, value

__all__ = [
    "Bank",
    "Growth",
    "Question",
    "Realised",
    "Value",
    "facts_of",
    "growth_of",
    "read_question",
    "value",
    "value_bank",
]
