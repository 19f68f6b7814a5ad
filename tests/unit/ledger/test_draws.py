import polars as pl
import pytest

from cvo.core.clock import DAY
from cvo.ledger.draws import draws
from cvo.ledger.margin import margins
from cvo.ledger.tables import DECISIONS, ORDERS, REFUNDS

WINDOW = {"offer": 10, "call": 5}
LATER = 1_000 * DAY


def decided(person, at, chosen, *, delivered=None, kept=0.8, placement="home", decision_id="d", chance=0.5):
    """A decision between one action and nothing, whose coin delivers with probability `kept`."""
    action = chosen or "offer"
    got = chosen if delivered is None else delivered
    return (
        *(person, at, decision_id, placement, chosen, got, "sales", "grow", 0.0, chance),
        *([action, ""], [chance * kept, 1 - chance * kept]),
    )


def found(decisions, orders=(), as_of=LATER):
    frame = pl.DataFrame(list(decisions), schema=DECISIONS, orient="row")
    bought = pl.DataFrame(list(orders), schema=ORDERS, orient="row")
    money = margins(bought, pl.DataFrame(schema=REFUNDS), 0.5)
    return draws(frame, money, WINDOW, as_of)


def people(count):
    return [b"%016d" % number for number in range(count)]


def test_one_decision_a_window_is_a_draw_with_all_that_was_brought_in_the_longest_window():
    one, two = people(2)
    rows = found(
        [decided(one, 5 * DAY, "offer"), decided(two, 3 * DAY, "")],
        [(one, 14 * DAY, "a", 1_000), (one, 15 * DAY, "b", 9_000), (two, 4 * DAY, "c", 400)],
    )
    assert rows["person_id"].to_list() == [two, one], "by time"
    assert rows["margin_minor"].to_list() == [200, 500]
    assert rows["delivered"].to_list() == ["", "offer"]
    assert rows["probabilities"].to_list() == [[0.4, 0.6]] * 2
    assert set(rows["baseline"]) == {""}
    assert "decision_id" not in rows.columns


def test_a_window_that_is_still_open_teaches_nothing():
    (one,) = people(1)
    assert found([decided(one, 5 * DAY, "offer")], as_of=14 * DAY).is_empty()
    assert found([decided(one, 5 * DAY, "offer")], as_of=15 * DAY).height == 1


def test_of_several_slots_at_once_none_is_a_draw():
    busy, *others = people(9)
    slots = [decided(busy, DAY, "offer"), decided(busy, DAY, "call", placement="home")]
    rows = found([*slots, *(decided(other, DAY, "offer") for other in others)])
    assert sorted(rows["person_id"]) == others


def test_where_windows_hold_several_decisions_the_first_coin_of_the_window_counts():
    one, two = people(2)
    visits = [
        decided(one, DAY, "", kept=0.8),
        decided(one, 2 * DAY, "offer", delivered=""),  # its coin falls here: withheld
        decided(one, 3 * DAY, "offer", delivered="", kept=0.0),  # and holds for the window
        decided(two, DAY, "offer"),
        decided(two, 2 * DAY, "call", kept=0.9),
    ]
    rows = found(visits, [(two, 8 * DAY, "a", 1_000)]).sort("baseline", "person_id")
    assert rows.select("person_id", "at", "baseline", "delivered", "margin_minor").rows() == [
        # Each action has a window of its own: the order on the eighth day came too late for the call.
        (two, 2 * DAY, "call", "call", 0),
        (one, 2 * DAY, "offer", "", 0),
        (two, DAY, "offer", "offer", 500),
    ]
    assert rows["options"].to_list() == [["call", ""], ["offer", ""], ["offer", ""]]
    for chances, kept in zip(rows["probabilities"], (0.9, 0.8, 0.8), strict=True):
        assert chances.to_list() == pytest.approx([kept, 1 - kept])


def test_coins_that_had_fallen_before_the_window_s_first_choice_are_no_draw():
    (one,) = people(1)
    visits = [decided(one, day * DAY, "offer", kept=kept) for day, kept in ((1, 1.0), (2, 1.0), (3, 1.0))]
    rows = found(visits)
    assert rows["baseline"].to_list() == [""], "without any coin the draw is all there is"
