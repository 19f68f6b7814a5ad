"""Value: what has been caused, measured against customers left alone; and what was realised."""

from cvo.app.value.question import Question, read_question
from cvo.app.value.report import Realised, Value, value

__all__ = ["Question", "Realised", "Value", "read_question", "value"]
