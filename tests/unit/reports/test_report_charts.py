import math

import pytest

from cvo.core.errors import InvalidInput
from cvo.core.evidence import Estimate, Grade, Interval, NotEstimable
from cvo.reports import (
    PERCENT,
    Bar,
    Curve,
    Distribution,
    Histogram,
    IntervalChart,
    IntervalRow,
    Point,
    Reference,
    Series,
    money_format,
)


def estimate(value, *, level=0.95, grade=Grade.MEASURED, effective=None):
    return Estimate(
        value=value,
        standard_error=1.0,
        interval=Interval(value - 2, value + 2, level),
        grade=grade,
        unit="USD",
        sample_size=1_000,
        effective_sample_size=effective,
    )


def interval_chart(*rows, reference=None):
    return IntervalChart(
        title="Caused",
        subtitle="Margin",
        rows=rows,
        format=money_format("USD", signed=True),
        reference=reference,
    )


MISSING = NotEstimable("few_buyers", "38 buyers, 100 needed")


class TestIntervalChart:
    def test_keeps_the_order_given_and_draws_a_missing_estimate_as_its_reason(self):
        drawing = interval_chart(IntervalRow("b", estimate(1)), IntervalRow("a", MISSING)).drawing()
        assert [row["label"] for row in drawing["rows"]] == ["b", "a"]
        assert drawing["rows"][0]["low"] == -1
        assert drawing["rows"][1] == {
            "label": "a",
            "emphasis": False,
            "reason": "not estimable: 38 buyers, 100 needed",
        }

    def test_says_every_row_in_words_with_grade_reference_and_reason(self):
        chart = interval_chart(
            IntervalRow("mens", estimate(5, grade=Grade.POOLED)),
            IntervalRow("gift", MISSING),
            reference=Reference(0, "nothing sent"),
        )
        assert chart.alternative() == (
            "Margin. mens: +$5 (+$3 to +$7), pooled; gift: not estimable: 38 buyers, 100 needed. "
            "Reference: nothing sent."
        )

    def test_tabulates_what_it_draws(self):
        table = interval_chart(
            IntervalRow("mens", estimate(5, effective=321.0)), IntervalRow("gift", MISSING)
        ).table()
        assert table.rows[0] == ("mens", 5, 1.0, 3, 7, "measured", 1_000, 321.0)
        assert table.rows[1][1] == MISSING

    def test_refuses_to_mix_levels(self):
        with pytest.raises(InvalidInput, match=r"mixes intervals of level \[0.9, 0.95\]"):
            interval_chart(IntervalRow("a", estimate(1)), IntervalRow("b", estimate(1, level=0.9)))

    @pytest.mark.parametrize("value", [math.nan, math.inf])
    def test_refuses_numbers_that_are_not_finite(self, value):
        with pytest.raises(InvalidInput, match="row 'a' holds"):
            interval_chart(IntervalRow("a", estimate(value)))
        with pytest.raises(InvalidInput, match="reference line"):
            interval_chart(IntervalRow("a", estimate(1)), reference=Reference(value, "x"))

    def test_refuses_to_be_empty(self):
        with pytest.raises(InvalidInput, match="'Caused' has no rows"):
            interval_chart()


class TestDistribution:
    def test_adds_shares_to_amounts(self):
        chart = Distribution(title="Chosen", subtitle="Customers", bars=(Bar("mens", 3), Bar("nothing", 1)))
        assert chart.table().rows == (("mens", 3, 0.75), ("nothing", 1, 0.25))
        assert "mens: 3, 75.0\N{NO-BREAK SPACE}%; nothing: 1, 25.0\N{NO-BREAK SPACE}%." in chart.alternative()

    @pytest.mark.parametrize(
        ("amounts", "reason"), [((0, 0), "nothing"), ((1, -1), "negative"), ((math.nan,), "nan")]
    )
    def test_refuses_what_has_no_shares(self, amounts, reason):
        with pytest.raises(InvalidInput, match=reason):
            Distribution(title="t", subtitle="s", bars=tuple(Bar("b", amount) for amount in amounts))


class TestHistogram:
    def test_pairs_counts_with_their_edges(self):
        chart = Histogram(title="t", subtitle="s", edges=(0, 0.5, 1), counts=(3, 1), format=PERCENT)
        assert chart.table().rows == ((0, 0.5, 3, 0.75), (0.5, 1, 1, 0.25))
        assert [(b["low"], b["high"], b["count"]) for b in chart.drawing()["bins"]] == [
            (0, 0.5, 3),
            (0.5, 1, 1),
        ]
        assert chart.alternative().startswith("s. 4 in all. 0.0")

    @pytest.mark.parametrize(
        ("edges", "counts"),
        [
            ((0, 1), (1, 1)),
            ((0, 0, 1), (1, 1)),
            ((1, 0), (1,)),
            ((0, 1), (0,)),
            ((0, 1, 2), (2, -1)),
            ((0,), ()),
        ],
    )
    def test_refuses_edges_and_counts_that_do_not_belong_together(self, edges, counts):
        with pytest.raises(InvalidInput, match="needs"):
            Histogram(title="t", subtitle="s", edges=edges, counts=counts)


class TestCurve:
    @staticmethod
    def curve(*series, diagonal=""):
        return Curve(
            title="t", subtitle="s", x_axis="predicted", y_axis="actual", series=series, diagonal=diagonal
        )

    def test_says_how_often_the_intervals_contain_the_diagonal(self):
        points = (Point(1, 1, Interval(0, 2)), Point(2, 5, Interval(4, 6)), Point(3, 3))
        words = self.curve(Series("mens", points), diagonal="calibrated").alternative()
        assert "mens: 3 points, actual from 1 at predicted 1 to 3 at 3" in words
        assert "1 of 2 intervals contain the line “calibrated”" in words

    def test_tabulates_every_point_of_every_series(self):
        chart = self.curve(Series("a", (Point(1, 2),)), Series("b", (Point(1, 2, Interval(0, 3)),)))
        assert chart.table().rows == (("a", 1, 2, "", ""), ("b", 1, 2, 0, 3))

    def test_refuses_more_series_than_can_be_told_apart_and_series_without_points(self):
        one = Series("a", (Point(1, 2),))
        with pytest.raises(InvalidInput, match="5 series"):
            self.curve(one, one, one, one, one)
        with pytest.raises(InvalidInput, match="'a' has no points"):
            self.curve(Series("a", ()))
        with pytest.raises(InvalidInput, match="'a' holds inf"):
            self.curve(Series("a", (Point(1, 2, Interval(0, math.inf)),)))
