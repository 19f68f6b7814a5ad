import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from cvo.core.clock import DAY
from cvo.events.event import Activity, Order
from cvo.ledger.account import accounts
from cvo.ledger.margin import MARGINS, margins, sums_within
from tests.data.log import START, decided, event, order, person, refund, tables


def margin(*events, rate=0.4):
    made = tables(*events)
    return margins(made.orders, made.refunds, rate)


def test_a_refund_counts_at_the_date_of_its_order():
    rows = margin(order(1, 0, 5_000), refund(1, 90, 2_000))
    assert rows.rows(named=True) == [
        {
            "person_id": person(1),
            "at": START,
            "revenue_minor": 5_000,
            "refunds_minor": 2_000,
            "margin_minor": 1_200,
            "service_cost_minor": 0,
            "incentive_cost_minor": 0,
        }
    ]


def test_a_refund_of_an_unknown_order_counts_at_its_own_date_as_a_loss():
    rows = margin(refund(1, 3, 2_000, "lost")).rows(named=True)
    assert [(row["at"], row["revenue_minor"], row["margin_minor"]) for row in rows] == [
        (START + 3 * DAY, 0, -800)
    ]


def test_several_refunds_of_one_order_add_up_and_another_customer_s_order_is_not_touched():
    rows = margin(order(1, 0, 5_000), order(2, 0, 5_000), refund(1, 1, 1_000), refund(1, 2, 500))
    assert dict(rows.select("person_id", "refunds_minor").iter_rows()) == {person(1): 1_500, person(2): 0}


def test_an_order_reported_twice_is_one_order():
    rows = margin(order(1, 0, 5_000), order(1, 1, 5_000), refund(1, 2, 5_000))
    assert rows.select("revenue_minor", "refunds_minor", "margin_minor").rows() == [(5_000, 5_000, 0)]


def test_margin_is_rounded_per_order_to_whole_minor_units():
    rows = margin(order(1, 0, 333, "a"), order(1, 1, 334, "b"), rate=0.333)
    assert rows["margin_minor"].to_list() == [111, 111]


def test_no_orders_make_an_empty_table_of_the_same_columns():
    rows = margin()
    assert rows.schema == MARGINS
    assert sums_within(rows.select("person_id", "at"), rows, 14).height == 0


def test_a_window_takes_its_start_and_not_its_end():
    money = margin(order(1, 0, 100, "a"), order(1, 13.999, 10, "b"), order(1, 14, 1, "c"), order(2, 1, 1_000))
    starts = pl.DataFrame({"person_id": [person(1), person(3)], "at": [START, START]}).cast(
        {"person_id": pl.Binary}
    )
    windows = sums_within(starts, money, 14)
    assert windows["revenue_minor"].to_list() == [110, 0]
    assert windows.columns == [
        "person_id",
        "at",
        "revenue_minor",
        "refunds_minor",
        "margin_minor",
        "service_cost_minor",
        "incentive_cost_minor",
    ]


def test_an_incentive_beyond_the_price_lowers_margin_at_its_own_date_and_no_revenue():
    made = tables(
        event(1, 0, Order("a", 5_000, "EUR", {"incentive_cost": 4, "incentive": "voucher"})),
        event(1, 1, Order("a", 5_000, "EUR", {"incentive_cost": 4, "incentive": "voucher"})),
        event(1, 2, Activity("Points Credited", {"incentive_cost": 1.5, "incentive": "points"})),
        event(1, 3, Activity("Points Credited", {"incentive_cost": 9, "currency": "USD"})),
    )
    money = margins(made.orders, made.refunds, 0.4, made.costs)
    (row,) = accounts(made.decisions, money).to_dicts()
    assert (row["orders"], row["revenue_minor"], row["margin_minor"]) == (1, 5_000, 2_000 - 400 - 150)
    assert (row["incentive_cost_minor"], row["value_minor"], made.unvalued) == (550, 1_450, 1)
    assert made.incentives.select("kind", "amount_minor").rows() == [("voucher", 400), ("points", 150)]


def test_money_in_another_currency_is_counted_and_in_no_figure():
    made = tables(order(1, 0, 100), order(1, 1, 100, "x", "USD"), refund(1, 2, 50, "x", "USD"))
    assert (made.orders.height, made.refunds.height, made.unvalued) == (1, 0, 2)


WHO, DAYS, MINOR, IDS = st.integers(0, 3), st.integers(0, 40), st.integers(0, 10**7), st.sampled_from("abc")
LOG = st.lists(
    st.builds(order, WHO, DAYS, MINOR, IDS)
    | st.builds(refund, WHO, DAYS, MINOR, IDS)
    | st.builds(
        lambda who, day, got: decided(who, day, {"a": 0.5, "": 0.5}, got, chosen="a"),
        WHO,
        DAYS,
        st.sampled_from(["a", ""]),
    ),
    max_size=25,
    unique_by=lambda each: each.event_id,
)


@given(LOG, st.sampled_from([0.0, 0.333, 0.4, 1.0]))
def test_accounts_sum_to_the_log_to_the_cent(log, rate):
    made = tables(*log)
    money = margins(made.orders, made.refunds, rate)
    account = accounts(made.decisions, money)
    once: dict[tuple[bytes, str], int] = {}
    for who, _at, order_id, revenue in made.orders.sort("person_id", "at", maintain_order=True).iter_rows():
        once.setdefault((who, order_id), revenue)
    assert account["revenue_minor"].sum() == sum(once.values())
    assert account["refunds_minor"].sum() == made.refunds["amount_minor"].sum()
    assert account["margin_minor"].sum() == money["margin_minor"].sum()
    if rate == 1.0:
        assert (
            account["margin_minor"].sum() == account["revenue_minor"].sum() - account["refunds_minor"].sum()
        )
    delivered = made.decisions.filter(pl.col("delivered") != "")
    assert account["contacts"].sum() == delivered.height
    assert account["contact_cost_minor"].sum() == delivered["contact_cost_minor"].sum()
    assert (account["value_minor"] == account["margin_minor"] - account["contact_cost_minor"]).all()
    assert account["orders"].sum() == sum(revenue > 0 for revenue in once.values())
    assert account["person_id"].is_unique().all()


def test_a_withheld_contact_costs_nothing():
    made = tables(decided(1, 0, {"a": 0.5, "": 0.5}, "", chosen="a"))
    assert made.decisions["chosen"].to_list() == ["a"]
    assert accounts(made.decisions, margins(made.orders, made.refunds, 0.4)).height == 0
