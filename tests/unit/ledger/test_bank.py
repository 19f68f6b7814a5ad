import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cvo.core.clock import DAY, Instant
from cvo.events.event import Activity, HorizonValue, Order, Valued
from cvo.ledger.bank import bank, closed, scores
from cvo.ledger.margin import margins
from cvo.lifetime import present_value
from tests.data.log import START, decided, event, order, person, refund, tables


def predicted(who, day, expected, model="m:1", days=(30, 365)):
    horizons = [HorizonValue(each, expected, expected // 2, expected, 2 * expected, 1.0) for each in days]
    return event(who, day, Valued(model, "EUR", horizons, 0.9, 0.1))


def made(*events):
    found = tables(*events)
    return found, margins(found.orders, found.refunds, 0.5, found.costs)


LOG = (
    event(1, 0, Order("a", 10_000, "EUR", {"discount": 12.5, "coupon": "TEN"})),
    refund(1, 3, 2_000, "a"),
    decided(1, 1, {"a": 0.5, "": 0.5}, "a", cost_minor=10),
    event(1, 2, Activity("Call Ended", {"service_cost": 7.25})),
    event(1, 2, Activity("Call Ended", {"service_cost": 9, "currency": "USD"}), "usd"),
    predicted(1, 5, 3_000),
    predicted(1, 50, 800, "m:2"),
    order(1, 10, 4_000, "b"),
    predicted(2, 5, 500),
)


def test_a_customer_has_what_they_brought_and_what_the_latest_prediction_expects():
    found, money = made(*LOG)
    rows = bank(found, money, Instant(START + 60 * DAY))
    row = next(each for each in rows.to_dicts() if each["person_id"] == person(1))
    assert (row["revenue_minor"], row["refunds_minor"], row["incentives_minor"]) == (14_000, 2_000, 1_250)
    assert (row["margin_minor"], row["service_cost_minor"], row["contact_cost_minor"]) == (6_000, 725, 10)
    assert row["value_minor"] == 6_000 - 725 - 10
    assert (row["model"], row["expected_30d_minor"], row["p90_365d_minor"]) == ("m:2", 800, 1_600)
    assert row["predicted_at"] == START + 50 * DAY
    other = next(each for each in rows.to_dicts() if each["person_id"] == person(2))
    assert (other["revenue_minor"], other["expected_30d_minor"]) == (0, 500)
    assert found.unvalued == 1


def test_what_was_predicted_later_is_not_known_earlier():
    found, money = made(*LOG)
    rows = bank(found, money, Instant(START + 20 * DAY))
    assert rows.filter(pl.col("person_id") == person(1))["model"].to_list() == ["m:1"]


def test_a_prediction_is_held_against_what_came_when_its_horizon_has_passed():
    found, money = made(*LOG)
    early, late = (closed(found.predictions, money, Instant(START + day * DAY)) for day in (34.9, 35))
    assert early.height == 0
    # The order came five days after the prediction, in its first month.
    came = round(2_000 / 1.1 ** (1 / 12))
    assert dict(late.select("person_id", "came_minor").iter_rows()) == {person(1): came, person(2): 0}
    (score,) = scores(found.predictions, money, Instant(START + 60 * DAY))
    assert (score.model, score.days, score.customers) == ("m:1", 30, 2)
    assert (score.expected_minor, score.came_minor) == (3_500, came)
    # 19.84 is between 15.00 and 60.00; nothing is not between 2.50 and 10.00.
    assert score.within_range_rate == pytest.approx(0.5)


def test_what_came_is_discounted_as_the_prediction_was():
    """A buyer as regular as their model is met to the cent, and not seven per cent above it."""
    margin_of_a_month, months = 1_000, 12
    expected = round(
        sum(margin_of_a_month * float(present_value(365.25 / 12 * (k + 0.5), 0.1)) for k in range(months))
    )
    facts = [order(1, 365.25 / 12 * (k + 0.5), 2 * margin_of_a_month, f"o{k}") for k in range(months)]
    found, money = made(predicted(1, 0, expected, days=(365,)), *facts)
    (score,) = scores(found.predictions, money, Instant(START + 366 * DAY))
    assert score.came_minor == pytest.approx(score.expected_minor, abs=1)
    assert score.came_minor < 0.97 * margin_of_a_month * months


def test_what_incentives_cost_is_not_held_against_a_model_of_orders():
    gift = event(1, 6, Activity("Gift Sent", {"incentive_cost": 5}))
    plain_log, given = made(*LOG), made(*LOG, gift)
    before, after = (scores(f.predictions, m, Instant(START + 60 * DAY))[0] for f, m in (plain_log, given))
    assert before == after


def test_more_facts_change_nothing_that_was_said_before():
    found, money = made(*LOG)
    more, more_money = made(*LOG, predicted(1, 55, 9, "m:3"), order(3, 70, 100, "z"))
    at = Instant(START + 52 * DAY)
    known = bank(found, money, at)
    again = bank(more, more_money.filter(pl.col("at") < at), at)
    assert_frame_equal(known, again)


def test_a_bank_without_predictions_has_accounts():
    found, money = made(order(1, 0, 100))
    assert bank(found, money, Instant(START + DAY)).to_dicts()[0]["model"] is None
    assert scores(found.predictions, money, Instant(START + 900 * DAY)) == []
