import pytest

from cvo.core.clock import DAY, Instant
from cvo.events.event import Activity, ResponseKind
from cvo.ledger.attributed import responses_to_deliveries
from cvo.ledger.margin import margins
from tests.data.log import START, decided, event, order, refund, response, tables

HALF = {"a": 0.5, "": 0.5}
RESPONSE_OF = {"a": "clicked", "b": "order", "v": "activity:Visit"}
WINDOW_DAYS = {"a": 7, "b": 14, "v": 14}


def join(*events, day=100.0):
    made = tables(*events)
    return responses_to_deliveries(
        made.decisions,
        made.responses,
        margins(made.orders, made.refunds, 0.4),
        response_of=RESPONSE_OF,
        window_days=WINDOW_DAYS,
        as_of=Instant(START + int(day * DAY)),
    )


def responded(*events, **options):
    return join(*events, **options)["responded"].to_list()


def test_a_response_that_names_its_decision_belongs_to_that_one_alone():
    first, second = (decided(1, day, HALF, "a", decision_id=f"d{day}") for day in (0, 1))
    assert responded(first, second, response(1, 2, decision_id="d1")) == [False, True]


def test_a_response_without_id_belongs_to_every_delivery_of_the_action_in_whose_window_it_lies():
    first, second, other = (
        decided(who, day, HALF, "a", decision_id=f"{who}{day}") for who, day in ((1, 0), (1, 5), (2, 0))
    )
    assert sum(responded(first, second, other, response(1, 6))) == 2
    assert sum(responded(first, second, other, response(1, 7))) == 1


def test_another_action_kind_or_customer_does_not_answer():
    given = decided(1, 0, HALF, "a")
    assert responded(given, response(1, 1, "b")) == [False]
    assert responded(given, response(1, 1, kind=ResponseKind.PRESENTED)) == [False]
    assert responded(given, response(2, 1)) == [False]
    assert responded(given, response(1, 1)) == [True]


@pytest.mark.parametrize(("day", "answer"), [(-0.001, False), (0, True), (13.999, True), (14, False)])
def test_an_order_or_activity_answers_inside_the_window_from_start_to_just_before_end(day, answer):
    assert responded(decided(1, 0, {"b": 0.5, "": 0.5}, "b"), order(1, day, 100)) == [answer]
    assert responded(decided(1, 0, {"v": 0.5, "": 0.5}, "v"), event(1, day, Activity("Visit"))) == [answer]


def test_only_what_was_delivered_and_whose_window_has_closed_is_resolved():
    withheld = decided(1, 0, HALF, "", chosen="a")
    nothing = decided(2, 0, HALF, "")
    assert join(withheld, nothing).height == 0
    assert join(decided(1, 0, HALF, "a"), day=6.999).height == 0
    assert join(decided(1, 0, HALF, "a"), day=7).height == 1


def test_the_margin_of_the_window_comes_with_its_refunds():
    rows = join(decided(1, 0, HALF, "a"), order(1, 6, 1_000), refund(1, 50, 400), order(1, 7, 9_999, "late"))
    assert rows["margin_minor"].to_list() == [240]


def test_an_action_the_catalogue_does_not_know_is_left_out():
    assert join(decided(1, 0, {"gone": 0.5, "": 0.5}, "gone")).height == 0
