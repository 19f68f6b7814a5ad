import pytest

from cvo.app.demo.report import page, write_report
from cvo.core.evidence import Grade, NotEstimable
from cvo.reports import Assumptions, Figures, IntervalChart, Methods, Table, render
from tests.data.demo_figures import demo, estimate

MORE, LESS, OPEN = estimate(200.0), estimate(-200.0), estimate(20.0)
UNKNOWN = NotEstimable("few_buyers", "38 buyers in the arm, 100 needed")


def blocks(given, kind):
    return [block for section in page(given).sections for block in section.blocks if isinstance(block, kind)]


def chart(given, title):
    return next(each for each in blocks(given, IntervalChart) if each.title == title)


@pytest.mark.parametrize(
    ("difference", "said"),
    [
        (MORE, "choosing per customer earns more than sending it to all"),
        (LESS, "choosing per customer earns less than sending it to all"),
        (OPEN, "choosing per customer is not shown to earn more or less"),
        (estimate(-20.0), "choosing per customer is not shown to earn more or less"),
        (UNKNOWN, "choosing per customer could not be compared with it"),
    ],
)
def test_the_headline_says_where_the_learned_policy_stands(difference, said):
    assert page(demo(learned_to_best=difference)).title.endswith(f"; {said}")


@pytest.mark.parametrize(
    ("difference", "said"),
    [
        (MORE, "The men’s e-mail pays"),
        (LESS, "The men’s e-mail costs more than it brings"),
        (OPEN, "Whether the men’s e-mail pays is not settled"),
        (UNKNOWN, "Whether the men’s e-mail pays could not be estimated"),
    ],
)
def test_the_headline_says_whether_the_better_single_email_pays(difference, said):
    assert page(demo(single_to_nobody=difference)).title.startswith(f"{said}; ")


def test_the_page_speaks_of_the_email_that_was_the_better_one():
    given = page(demo(best_single="womens"))
    assert given.title.startswith("The women’s e-mail pays")
    assert (
        chart(demo(best_single="womens"), "Against the women’s e-mail for all")
        .rows[1]
        .label.startswith("Men")
    )


def test_the_lead_names_direction_amount_and_interval():
    said = page(demo(learned_to_nobody=estimate(-200.0), learned_to_best=estimate(20.0))).lead
    assert "brings $200 less (−$298 to −$102) than no e-mail" in said
    assert "$20 more (−$78 to +$118, so zero is possible) than the men’s e-mail for all" in said
    assert "40\N{NO-BREAK SPACE}% of spend" in said
    assert "costing $0.10" in said


def test_the_lead_gives_the_reason_where_there_is_no_number():
    said = page(demo(learned_to_nobody=UNKNOWN)).lead
    assert "could not be estimated (38 buyers in the arm, 100 needed) against no e-mail" in said


@pytest.mark.parametrize(
    ("difference", "heading", "note"),
    [
        (MORE, "earns more than sending nothing", "above zero"),
        (LESS, "earns less than sending nothing", "below zero"),
        (OPEN, "is not shown to earn more or less than sending nothing", "neither more nor less"),
        (UNKNOWN, "could not be compared with sending nothing", "does not support an estimate"),
    ],
)
def test_the_result_is_headed_and_noted_by_its_interval(difference, heading, note):
    given = demo(learned_to_nobody=difference)
    assert page(given).sections[0].title == f"Choosing per customer {heading}"
    card = blocks(given, Figures)[0].items[0]
    assert card.estimate == difference
    assert note in card.note


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            (4_000.0, 10.0),
            "The men’s e-mail earned its cost; whether the women’s e-mail earned its cost is not settled",
        ),
        ((4_000.0, 900.0), "The men’s e-mail and the women’s e-mail earned their cost"),
        ((-900.0, 900.0), "The women’s e-mail earned its cost; the men’s e-mail did not earn its cost"),
    ],
)
def test_what_the_emails_caused_is_said_by_email(values, said):
    assert page(demo(values=values)).sections[1].title == said


@pytest.mark.parametrize(
    ("p_values", "said"),
    [
        ((0.4, 0.6), "Predicted visits come true, as far as the trial can tell"),
        ((0.04, 0.6), "Predicted visits come true, as far as the trial can tell"),
        ((0.024, 0.6), "Visits differ from what was predicted for the men’s e-mail"),
        ((0.001, 0.001), "Visits differ from what was predicted for the men’s e-mail and the women’s e-mail"),
    ],
)
def test_calibration_is_judged_for_both_emails_together(p_values, said):
    assert page(demo(p_values=p_values)).sections[2].title == said


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        (("mens", "mens", "womens", ""), "Picked most often: men’s e-mail, for 50.0\N{NO-BREAK SPACE}%"),
        (("", "", "", "womens"), "Picked most often: no e-mail, for 75.0\N{NO-BREAK SPACE}%"),
    ],
)
def test_what_was_picked_most_heads_the_choices(chosen, said):
    assert page(demo(chosen=chosen)).sections[3].title == said


def test_an_incrementality_that_nothing_was_learned_about_is_called_an_assumption():
    learned = chart(demo(), "Incrementality κ")
    assumed = chart(demo(kappa_grade=Grade.ASSUMED), "Incrementality κ")
    assert learned.note.startswith("Learned on the teaching half")
    assert "on what the catalogue assumes" in assumed.note


def test_a_policy_is_not_compared_with_itself():
    assert {row.label for row in chart(demo(), "Against no e-mail").rows}.isdisjoint({"No e-mail"})
    assert {row.label for row in chart(demo(), "Against the men’s e-mail for all").rows}.isdisjoint(
        {"Men’s e-mail for all"}
    )


def test_three_estimators_stand_side_by_side():
    table = next(table for table in blocks(demo(), Table) if table.title.startswith("Three"))
    row = next(row for row in table.rows if row[0] == "Men’s e-mail for all")
    assert [row[1].value, row[2].value, row[3], row[4]] == [450.0, 452.0, 451.0, 130.0]


def test_every_assumption_in_force_is_listed_and_every_kind_of_figure_has_its_method():
    given = demo()
    listed = {item.where.rpartition(".")[2] for item in blocks(given, Assumptions)[0].items if item.where}
    assert listed == {*given.value.assumptions.by_name, "contact_cost"}
    methods = blocks(given, Methods)[0].items
    assert all(method.how and method.formula for method in methods)
    assert "1103.4601" in methods[0].source
    assert any("1,234 deliveries with 567 visits" in method.how for method in methods)


def test_the_programme_effect_shows_its_reason_not_a_zero():
    html = render(page(demo()))
    assert "the programme has not decided for anybody yet" in html


def test_an_action_added_to_the_catalogue_appears_under_its_id():
    section = page(demo(chosen=("gift", "gift"))).sections[3]
    assert section.title.startswith("Picked most often: gift")


def test_the_file_is_the_page_and_replaces_an_older_one(tmp_path):
    (tmp_path / "report.html").write_text("old", encoding="utf-8")
    written = write_report(demo(), tmp_path)
    assert written == tmp_path / "report.html"
    assert written.read_text(encoding="utf-8") == render(page(demo()))
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]
