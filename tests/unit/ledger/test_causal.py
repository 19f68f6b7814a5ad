import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from cvo.core.clock import DAY, Instant
from cvo.ledger.causal import outcomes, triggers
from cvo.ledger.margin import margins
from tests.data.log import START, decided, order, refund, tables

HALF = {"a": 0.5, "": 0.5}


def scored(*events, days=14, day=1_000.0):
    made = tables(*events)
    money = margins(made.orders, made.refunds, 0.4)
    return outcomes(triggers(made.decisions, days, Instant(START + int(day * DAY))), money, days)


def test_the_first_decision_of_a_customer_in_a_calendar_window_is_the_trigger():
    log = [decided(1, day, HALF, "a", decision_id=str(day)) for day in (3, 4, 13.9, 14, 30, 41)]
    assert [(at - START) / DAY for at in scored(*log)["at"]] == [3, 14, 30]


def test_a_window_still_open_is_left_out_and_its_trigger_is_not_replaced_by_a_later_one():
    log = [decided(1, 0, HALF, "a"), decided(1, 5, HALF, "", decision_id="e")]
    assert scored(*log, day=13.99).height == 0
    assert scored(*log, day=14)["delivered"].to_list() == ["a"]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 60 * 24)), min_size=1, max_size=30, unique=True))
def test_one_trigger_a_customer_and_window_whatever_was_delivered(moments):
    log = [
        decided(who, hour / 24, HALF, "a" if hour % 3 else "", decision_id=f"{who}-{hour}")
        for who, hour in moments
    ]
    rows = scored(*log)
    windows = rows.select("person_id", (pl.col("at") // (14 * DAY)).alias("window"))
    assert windows.is_unique().all()
    assert {(at - START) // (14 * DAY) for at in rows["at"]} == {hour // (14 * 24) for _, hour in moments}
    firsts = {}
    for who, hour in sorted(moments, key=lambda moment: moment[1]):
        firsts.setdefault((who, hour // (14 * 24)), hour)
    assert sorted((at - START) // (DAY // 24) for at in rows["at"]) == sorted(firsts.values())


def test_all_money_of_the_window_counts_whatever_it_says_it_came_from():
    rows = scored(
        decided(1, 0, HALF, "", chosen="a"),
        order(1, 2, 500, "x"),
        order(1, 3, 700, "y"),
        refund(1, 99, 100, "x"),
    )
    assert rows.select("revenue_minor", "refunds_minor", "margin_minor").rows() == [(1_200, 100, 440)]


def test_decision_ids_are_gone_before_anything_is_joined():
    assert "decision_id" not in scored(decided(1, 0, HALF, "a")).columns
