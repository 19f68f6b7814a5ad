"""The page says what the figures say, with a headline and without one."""

import re

import msgspec
import polars as pl
import pytest

from cvo.app.ingest import ingest
from cvo.app.value import Question, value, value_bank
from cvo.app.value.page import page, write_page
from cvo.app.value.table import rows_of
from cvo.core.clock import DAY, Instant
from cvo.reports import Curve, IntervalChart, Table
from tests.data.company import NOW
from tests.data.folder import ONE_MAIL, decide_for, ordered, running


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Three weeks of a company whose offer makes every third customer who gets it buy for 20.00."""
    text = ONE_MAIL.replace("window_days: 14", "window_days: 7")
    with running(tmp_path_factory.mktemp("page"), NOW, text, control_rate=0.4, withheld_rate=0.5) as company:
        names = [f"c{n}" for n in range(1_200)]
        ingest(company, [ordered(name, Instant(NOW - 5 * DAY), 20) for name in names[::4]])
        for week in range(3):
            start = Instant(NOW + 7 * week * DAY)
            company.clock.at = start
            made = decide_for(company, names)
            company.clock.at = Instant(start + 7 * DAY)
            bought = [
                ordered(each.customer, Instant(start + 2 * DAY), 20)
                for n, each in enumerate(made)
                if each.slots[0].delivery == "delivered" or n % 3 == week
            ]
            ingest(company, bought)
        yield value(company), value_bank(company)


@pytest.fixture(scope="module")
def without(tmp_path_factory):
    with running(tmp_path_factory.mktemp("quiet"), NOW) as company:
        yield value(company, Question(by=("week",))), value_bank(company)


def blocks(made, kind):
    return [each for section in made.sections for each in section.blocks if isinstance(each, kind)]


def test_its_parts_and_curve_are_those_of_the_report(found):
    report, bank = found
    made = page(report, bank, "Test")
    assert f"{report.split.headline.value:,.0f}" in made.title
    (curve,) = blocks(made, Curve)
    assert curve.series[0].points[-1].y == report.split.headline.value
    assert curve.series[0].points[-1].x == 3
    charts = {chart.title: chart for chart in blocks(made, IntervalChart)}
    parts = [row.estimate.value for row in charts["From deliveries to the headline"].rows]
    assert sum(parts[:-1]) == pytest.approx(parts[-1])
    growth = next(table for table in blocks(made, Table) if "stretch before" in table.title)
    for source in growth.rows:
        assert source[1] == pytest.approx(source[2].value + source[3])


def test_without_a_headline_it_says_so_and_stands(without):
    report, bank = without
    made = page(report, bank, "Quiet")
    assert made.title == "What the programme caused can’t be told yet"
    assert not blocks(made, Curve)
    assert "No action was chosen in this period." in made.sections[1].blocks


def test_the_file_stands_alone_and_is_the_same_again(found, tmp_path):
    first = write_page(*found, "Test", tmp_path / "value.html").read_text(encoding="utf-8")
    assert write_page(*found, "Test", tmp_path / "value.html").read_text(encoding="utf-8") == first
    assert not re.search(r'(src|href)="http', first)
    assert [each.name for each in tmp_path.iterdir()] == ["value.html"]


def test_what_a_company_is_called_is_text(found):
    from cvo.reports import render

    assert "<b>Ann" not in render(page(*found, "<b>Ann & Co"))


def test_the_table_has_every_figure_and_its_interval(found, without):
    report, _ = found
    rows = rows_of(report)
    headline = rows.filter(pl.col("name") == "headline").to_dicts()
    assert [each["estimate"] for each in headline] == [report.split.headline.value]
    split = rows.filter((pl.col("table") == "split") & (pl.col("figure") == "value"))
    assert split.filter(pl.col("name") != "headline")["estimate"].sum() == pytest.approx(
        headline[0]["estimate"]
    )
    assert set(rows["figure"]) == {"revenue", "cost_lowered", "margin", "value", "return_on_spend"}
    lowered = rows.filter(pl.col("figure") == "cost_lowered")
    assert set(lowered["reason"]) == {"no service costs"}
    assert rows_of(without[0]).height == 0
    assert rows_of(msgspec.structs.replace(report, rows=[])).height < rows.height
