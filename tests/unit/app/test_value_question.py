import pytest

from cvo.api.value import value_options
from cvo.app.value import Question, read_question
from cvo.core.clock import parse_rfc3339
from cvo.core.errors import InvalidInput


def test_dates_are_midnights_and_times_are_themselves():
    found = read_question("2026-01-31", "2026-02-01T12:00:00+01:00", ["week", "action", "week"])
    assert found == Question(
        since=parse_rfc3339("2026-01-31T00:00:00Z"),
        until=parse_rfc3339("2026-02-01T11:00:00Z"),
        by=("week", "action"),
    )
    assert read_question(None, None, ()) == Question()


@pytest.mark.parametrize(
    ("since", "until", "by", "names"),
    [
        ("yesterday", None, [], "from"),
        (None, "2026-02-30", [], "to"),
        ("2026-02-02", "2026-02-02", [], "empty"),
        (None, None, ["colour"], "stage, action, team, week, month"),
    ],
)
def test_what_cannot_be_asked_is_named(since, until, by, names):
    with pytest.raises(InvalidInput, match=names):
        read_question(since, until, by)


def test_a_query_becomes_options():
    assert value_options([("from", "2026-01-01"), ("by", "stage,week")]) == [
        "--from=2026-01-01",
        "--by=stage,week",
    ]
    for wrong in ([("color", "1")], [("by", "stage"), ("by", "week")], [("by", "")], [("to", "x")]):
        with pytest.raises(InvalidInput):
            value_options(wrong)
