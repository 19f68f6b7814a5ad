import pytest

from cvo.core.errors import InvalidInput
from cvo.core.evidence import Estimate, Grade, Interval, NotEstimable
from cvo.reports import common_scale, interval_bar


def estimate(low, value, high, grade=Grade.MEASURED):
    return Estimate(
        value=value, standard_error=1, interval=Interval(low, high), grade=grade, unit="USD", sample_size=9
    )


MISSING = NotEstimable("none", "no control")


def test_ends_mark_and_reference_stand_where_the_scale_puts_them():
    bar = interval_bar(estimate(2, 5, 8), (0, 10), width=11, reference=1)
    assert bar == " ┊├──●──┤  "


def test_a_reference_inside_the_interval_crosses_it():
    assert interval_bar(estimate(0, 8, 10), (0, 10), width=11, reference=3) == "├──┼────●─┤"


@pytest.mark.parametrize(("grade", "mark"), list(zip(Grade, "●◆□○", strict=True)))
def test_the_mark_is_the_grade(grade, mark):
    assert mark in interval_bar(estimate(0, 5, 10, grade), (0, 10), width=11)


def test_an_interval_that_leaves_the_scale_ends_in_arrows_and_its_value_is_not_invented():
    assert interval_bar(estimate(-5, 5, 15), (0, 10), width=11) == "◀────●────▶"
    assert interval_bar(estimate(5, 12, 15), (0, 10), width=11) == "     ├────▶"
    assert interval_bar(estimate(12, 14, 15), (0, 10), width=11) == "          ▶"
    assert interval_bar(estimate(-9, -8, -7), (0, 10), width=11) == "◀          "


def test_a_point_is_drawn_as_its_mark_alone():
    assert interval_bar(estimate(5, 5, 5), (0, 10), width=11) == "     ●     "


def test_without_an_estimate_only_the_reference_is_drawn():
    assert interval_bar(MISSING, (0, 10), width=11, reference=0) == "┊          "
    assert interval_bar(MISSING, (0, 10), width=11, reference=99) == " " * 11


@pytest.mark.parametrize("width", [8, 9, 40, 79])
def test_every_bar_is_as_wide_as_asked(width):
    rows = [estimate(-3, 1, 2), estimate(0.1, 0.2, 0.3), MISSING]
    scale = common_scale(rows, reference=0)
    assert {len(interval_bar(row, scale, width=width, reference=0)) for row in rows} == {width}


def test_a_common_scale_spans_intervals_and_reference():
    assert common_scale([estimate(1, 2, 3), MISSING, estimate(2, 4, 9)]) == (1, 9)
    assert common_scale([estimate(1, 2, 3)], reference=-4) == (-4, 3)
    assert common_scale([], reference=2) == (1, 3)


def test_a_scale_needs_something_to_span():
    with pytest.raises(InvalidInput, match="no estimate"):
        common_scale([MISSING])


@pytest.mark.parametrize(("scale", "width"), [((0, 10), 7), ((1, 1), 40), ((2, 1), 40)])
def test_what_can_not_be_drawn_on_is_refused(scale, width):
    with pytest.raises(InvalidInput, match="can't draw"):
        interval_bar(estimate(0, 1, 2), scale, width=width)
