import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvo.core.clock import DAY, HOUR, Instant
from cvo.core.errors import Conflict
from cvo.core.ids import DecisionId, EventId, PersonId
from cvo.events.event import (
    Activity,
    Body,
    ConsentSet,
    Decided,
    Delivery,
    Event,
    Order,
    Refund,
    Response,
    ResponseKind,
    TraitsSet,
)
from cvo.profiles.fold import NAME_LIMIT, ORDER_LIMIT, PURPOSE_LIMIT, fold
from cvo.profiles.profile import EMPTY, encode


def event(at: int, body: Body, number: int = 0) -> Event:
    return Event(EventId(b"%d" % number), PersonId(b"p"), Instant(at), Instant(at), body)


def decided(delivery: Delivery) -> Decided:
    return Decided(
        DecisionId("d"),
        "newsletter",
        "email",
        "mens",
        "menswear",
        "grow",
        delivery,
        0.5,
        {"mens": 1.0},
        10,
        "EUR",
    )


def test_traits_are_set_overwritten_and_forgotten():
    profile = fold(
        EMPTY, [event(1, TraitsSet({"a": 1, "b": "x"})), event(2, TraitsSet({"a": None, "b": ["y"]}))]
    )
    assert profile.traits == {"b": ["y"]}
    assert (profile.events, profile.first_at, profile.last_at) == (2, 1, 2)


def test_consent_stays_where_it_is_not_mentioned():
    profile = fold(
        EMPTY, [event(1, ConsentSet({"email": True, "ads": True})), event(2, ConsentSet({"ads": False}))]
    )
    assert profile.consent == {"email": True, "ads": False}


def test_money_is_kept_by_currency():
    profile = fold(
        EMPTY,
        [
            event(1, Order("o", 500, "EUR")),
            event(2, Order("p", 70, "USD")),
            event(3, Refund("o", 100, "EUR")),
        ],
    )
    assert profile.tallies["order"].count == 2
    assert profile.tallies["spend:EUR"].amount_minor == 500
    assert profile.tallies["spend:USD"].amount_minor == 70
    assert profile.tallies["refunded:EUR"].amount_minor == 100


@pytest.mark.parametrize(
    ("delivery", "contacts"), [(Delivery.DELIVERED, 1), (Delivery.WITHHELD, 1), (Delivery.NOTHING, None)]
)
def test_what_counts_as_a_contact(delivery, contacts):
    tallies = fold(EMPTY, [event(1, decided(delivery))]).tallies
    for key in (
        "contact",
        "contact:channel:email",
        "contact:action:mens",
        "contact:team:menswear",
        "contact:stage:grow",
    ):
        assert (tallies[key].count if key in tallies else None) == contacts


def test_responses_count_by_kind_and_scope():
    tallies = fold(EMPTY, [event(1, Response(ResponseKind.CLICKED, "mens", "menswear", "grow", ""))]).tallies
    assert sorted(tallies) == [
        "response:clicked",
        "response:clicked:action:mens",
        "response:clicked:stage:grow",
        "response:clicked:team:menswear",
    ]


def test_a_profile_is_bounded_and_says_what_it_dropped():
    visits = [event(at, Activity(f"visit {at}")) for at in range(NAME_LIMIT + 3)]
    profile = fold(EMPTY, visits)
    assert (profile.named, profile.dropped) == (NAME_LIMIT, 3)
    assert profile.tallies["activity"].count == NAME_LIMIT + 3
    assert fold(EMPTY, [event(1, TraitsSet({str(i): i for i in range(1_200)}))]).dropped == 200


def test_a_refusal_is_kept_however_many_purposes_there_are():
    first = ConsentSet({str(i): True for i in range(PURPOSE_LIMIT)})
    profile = fold(EMPTY, [event(1, first), event(2, ConsentSet({"email": False, "ads": True}))])
    assert profile.consent["email"] is False
    assert ("ads" in profile.consent, profile.dropped) == (False, 1)
    assert fold(profile, [event(3, ConsentSet({"email": True}))]).consent["email"] is True


def test_names_of_activities_leave_room_for_money():
    visits = [event(at, Activity(f"visit {at}")) for at in range(NAME_LIMIT)]
    money = [event(NAME_LIMIT, Order("o", 500, "EUR")), event(NAME_LIMIT + 1, Refund("o", 100, "EUR"))]
    profile = fold(EMPTY, visits + money)
    assert profile.tallies["spend:EUR"].amount_minor == 500
    assert profile.tallies["refunded:EUR"].amount_minor == 100
    assert (profile.named, profile.dropped) == (NAME_LIMIT, 0)


def test_an_order_reported_again_counts_once():
    orders = [event(at, Order(f"o{at}", 100, "EUR")) for at in range(ORDER_LIMIT)]
    known = fold(EMPTY, orders)
    again = fold(known, [event(ORDER_LIMIT, Order("o0", 900, "EUR"))])
    assert again.tallies == known.tallies
    assert again.events == known.events + 1
    # Beyond the limit the oldest are forgotten, and the profile does not grow.
    more = fold(again, [event(ORDER_LIMIT + 1, Order("x" * 1_000, 100, "EUR"))])
    assert len(encode(more)) < len(encode(again)) + 50
    late = fold(more, [event(ORDER_LIMIT + 2, Order("o0", 100, "EUR"))])
    assert late.tallies["order"].count == ORDER_LIMIT + 2


def test_out_of_order_is_an_error_not_a_wrong_profile():
    with pytest.raises(Conflict, match="anew"):
        fold(EMPTY, [event(2, Activity("a")), event(1, Activity("a"))])
    with pytest.raises(Conflict):
        fold(EMPTY, [event(2, Activity("a")), event(2, Activity("a"))])


BODIES = st.one_of(
    st.builds(Activity, st.sampled_from("abc")),
    st.builds(Order, st.sampled_from("op"), st.integers(0, 1000), st.sampled_from(["EUR", "USD"])),
    st.builds(TraitsSet, st.dictionaries(st.sampled_from("abc"), st.none() | st.integers(0, 3))),
    st.sampled_from(list(Delivery)).map(decided),
)


@given(
    st.lists(st.tuples(st.integers(0, 800 * DAY // HOUR), BODIES), max_size=30),
    st.integers(0, 30),
)
def test_the_fold_is_pure_and_the_same_in_one_go_or_in_steps(facts, cut):
    events = [event(hour * HOUR, body, number) for number, (hour, body) in enumerate(facts)]
    events.sort(key=lambda made: made.order)
    before = encode(EMPTY)
    first = fold(EMPTY, events[:cut])
    kept = encode(first)
    in_steps = fold(first, events[cut:])
    assert encode(in_steps) == encode(fold(EMPTY, events))
    assert encode(first) == kept
    assert encode(EMPTY) == before
