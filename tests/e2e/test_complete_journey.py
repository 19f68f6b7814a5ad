"""`cvo demo complete-journey` from end to end, on a slice of the households."""

from datetime import date
from importlib import import_module

import msgspec
import polars as pl
import pytest
from click.testing import CliRunner

from cvo.app.company import Company
from cvo.app.demo.journey.data import read_data
from cvo.app.demo.journey.likeness import habits_of
from cvo.cli import group
from cvo.core.clock import FixedClock, parse_rfc3339
from cvo.events.event import Decided, Order, Response
from cvo.ledger.tables import tabulate

HOUSEHOLDS = 120


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Return the demo's company on a slice, and what the command said as JSON."""
    folder = tmp_path_factory.mktemp("journey") / "grocer"
    return folder, ask(folder)


def ask(folder, *options):
    asked = ["demo", "complete-journey", "--company", str(folder), "--households", str(HOUSEHOLDS), "--json"]
    done = CliRunner().invoke(group, [*asked, *(options or ("--rehearse", "0"))])
    assert done.exit_code == 0, done.output
    return msgspec.json.decode(done.stdout)


def test_the_log_holds_the_data_to_the_cent_and_makes_up_no_decision(ran):
    folder, told = ran
    given = read_data(HOUSEHOLDS)
    with Company.open(
        folder, write=False, clock=FixedClock(parse_rfc3339("2018-01-01T08:00:00Z"))
    ) as company:
        facts = list(company.store.events((Order, Response, Decided)))
    tables = tabulate(facts, "USD")
    assert tables.orders["revenue_minor"].sum() == round(given.baskets["revenue"].sum() * 100)
    assert tables.incentives["amount_minor"].sum() == round(given.baskets["discount"].sum() * 100)
    kinds = [event.body.kind for event in facts if isinstance(event.body, Response)]
    assert (kinds.count("presented"), kinds.count("accepted")) == (
        given.contacts.height,
        given.redemptions.height,
    )
    assert not any(isinstance(event.body, Decided) for event in facts)
    assert told["households"] == HOUSEHOLDS
    assert told["bank"]["realised"]["revenue"]["amount"] == pytest.approx(given.baskets["revenue"].sum())
    assert told["messages"]["refused"] == {}


def test_every_household_has_a_lifetime_value_and_midsummers_is_held_against_what_came(ran):
    _, told = ran
    assert told["predicted"]["year's end"]["customers"] == HOUSEHOLDS
    (score,) = told["bank"]["scores"]
    assert score["days"] == 90
    assert score["expected_minor"] == pytest.approx(score["came_minor"], rel=0.3)


def test_nothing_is_called_caused_and_every_grade_is_observational(ran):
    folder, told = ran
    growth = told["growth"]
    assert sum(growth["split"].values()) == pytest.approx(
        growth["after"]["margin"] - growth["before"]["margin"]
    )
    assert growth["caused"]["reason"] == growth["not_caused"]["reason"] == "no live decisions"
    assert told["bank"]["clv_changes"] == []
    figures = [
        each[name] for each in told["campaigns"] for name in ("redeemed", "before", "others_before", "moved")
    ]
    assert {each["grade"] for each in figures if "grade" in each} == {"observational"}
    assert any("grade" in each for each in figures)
    assert all(each["reason"] for each in figures if "grade" not in each)
    assert told["picked_spent_times_others"] > 1.5
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "measured" not in page.partition("<main")[2].partition("How each number was made")[0]


def test_a_second_run_adds_nothing(ran):
    folder, told = ran
    again = ask(folder)
    assert again["messages"]["accepted"] == 0
    assert again["messages"]["duplicates"] == told["messages"]["accepted"]
    assert {**again, "messages": 0, "elapsed_seconds": 0} == {**told, "messages": 0, "elapsed_seconds": 0}
    other = CliRunner().invoke(group, ["demo", "complete-journey", "--company", str(folder), "--seed", "9"])
    assert "not made by this demo" in str(other.exception)


def test_the_made_up_half_year_is_of_customers_like_them_and_kept_apart(tmp_path, monkeypatch):
    monkeypatch.setattr(import_module("cvo.app.demo.journey.run"), "WEEKS", 3)
    given = read_data(HOUSEHOLDS)
    habits = habits_of(given, date(2017, 1, 1), date(2017, 12, 31))
    counts = given.baskets.filter(pl.col("revenue") > 0).height / HOUSEHOLDS / (365 / 7)
    assert habits.orders_per_week == pytest.approx(counts)
    told = ask(tmp_path / "grocer", "--rehearse", "40")
    assert told["rehearsal"]["customers"] == 40
    assert told["rehearsal"]["weeks"] == 3
    assert told["rehearsal"]["decisions"]["made"] > 0
    assert told["growth"]["caused"]["reason"] == "no live decisions"
    assert sorted(file.name for file in (tmp_path / "grocer").iterdir()) == [
        "catalogue",
        "company.toml",
        "data",
        "report.html",
    ]
