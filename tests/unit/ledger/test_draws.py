import polars as pl

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


def test_every_decision_is_a_draw_with_all_that_was_brought_in_the_longest_window():
    one, two = people(2)
    rows = found(
        [decided(one, 5 * DAY, "offer"), decided(one, 6 * DAY, "call"), decided(two, 3 * DAY, "")],
        [(one, 14 * DAY, "a", 1_000), (one, 15 * DAY, "b", 9_000), (two, 4 * DAY, "c", 400)],
    )
    assert rows["person_id"].to_list() == [two, one, one], "by time"
    assert rows["margin_minor"].to_list() == [200, 500, 5_000]
    assert rows["delivered"].to_list() == ["", "offer", "call"]
    assert rows["probabilities"].to_list() == [[0.4, 0.6]] * 3
    assert rows["closed"].all()
    assert "decision_id" not in rows.columns


def test_an_open_window_teaches_nothing_but_what_earlier_ones_held():
    one, two = people(2)
    asked = [decided(one, 5 * DAY, "offer"), decided(one, 9 * DAY, "offer"), decided(two, 9 * DAY, "offer")]
    assert found(asked, as_of=14 * DAY).is_empty()
    rows = found(asked, as_of=15 * DAY)
    # Of whom no window is over, nothing is learned yet.
    assert rows.select("person_id", "at", "closed").rows() == [(one, 5 * DAY, True), (one, 9 * DAY, False)]
    assert found(asked, as_of=8 * DAY).is_empty()


def test_a_bundle_is_one_draw():
    (one,) = people(1)
    mate = (
        *(one, DAY, "d", "home", "call", "call", "sales", "grow", 0.0, 1.0),
        *(["call", ""], [1.0, 0.0]),
    )
    after = decided(one, DAY, "call")
    assert (
        found([decided(one, DAY, "offer"), mate, after]).rows()
        == found([decided(one, DAY, "offer"), after]).rows()
    )


def test_slots_of_one_decision_are_draws_in_their_order():
    (busy,) = people(1)
    slots = [decided(busy, DAY, "offer"), decided(busy, DAY, "call"), decided(busy, DAY, "")]
    assert found(slots)["delivered"].to_list() == ["offer", "call", ""]


def test_where_nothing_could_be_delivered_nothing_was_drawn():
    left_alone, asked = people(2)
    kept_back = decided(left_alone, DAY, "offer", delivered="", kept=0.0)
    coin_fell = decided(asked, DAY, "offer", kept=1.0, chance=1.0)
    assert found([kept_back, coin_fell])["person_id"].to_list() == [asked]
