import pytest

from cvo.core.clock import DAY, Instant
from cvo.core.errors import InvalidInput
from cvo.core.ids import EventId, PersonId
from cvo.events.event import Activity, ConsentSet, Event, Order, Refund, Response, ResponseKind, TraitsSet
from cvo.profiles.facts import columns, fact, trait_names
from cvo.profiles.fold import fold
from cvo.profiles.profile import EMPTY

NOW = Instant(100 * DAY)
BODIES = [
    (10, TraitsSet({"city": "Oslo", "address.zip": "1"})),
    (20, ConsentSet({"email": False})),
    (30, Order("o", 1_050, "EUR")),
    (95, Order("p", 250, "EUR")),
    (96, Order("q", 999, "USD")),
    (97, Refund("p", 250, "EUR")),
    (98, Activity("visit")),
    (99, Response(ResponseKind.CLICKED, "mens", "menswear", "grow", "email")),
]
PROFILE = fold(
    EMPTY,
    [
        Event(EventId(b""), PersonId(b""), Instant(day * DAY), Instant(day * DAY), body)
        for day, body in BODIES
    ],
)


@pytest.mark.parametrize(
    ("name", "arguments", "answer"),
    [
        ("customer.city", (), "Oslo"),
        ("customer.address.zip", (), "1"),
        ("customer.none", (), None),
        ("consent.email", (), False),
        ("consent.ads", (), None),
        ("orders", (), 3.0),
        ("orders", (7,), 2.0),
        ("refunds", (7,), 1.0),
        ("spend", (), 13.0),
        ("spend", (7,), 2.5),
        ("refunded", (), 2.5),
        ("activities", ("visit", 7), 1.0),
        ("activities", ("any",), 1.0),
        ("activities", ("search",), 0.0),
        ("contacts", ("any", 30), 0.0),
        ("responses", ("clicked", "any"), 1.0),
        ("responses", ("clicked", "action:mens", 2), 1.0),
        ("responses", ("accepted", "any"), 0.0),
        ("days_since", ("order",), 4.0),
        ("days_since", ("activity:visit",), 2.0),
        ("days_since", ("response:clicked:channel:email",), 1.0),
        ("days_since", ("contact",), None),
        ("days_since", ("first_seen",), 90.0),
        ("days_since", ("last_seen",), 1.0),
    ],
)
def test_facts(name, arguments, answer):
    ask = fact(name, arguments, currency="EUR")
    assert ask(PROFILE, NOW) == answer
    assert columns([PROFILE, EMPTY], NOW, {"x": ask})["x"] == [answer, ask(EMPTY, NOW)]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("nothing", ()),
        ("other.path", ()),
        ("orders", (0,)),
        ("orders", (367,)),
        ("orders", (float("nan"),)),
        ("orders", ("30",)),
        ("orders", (True,)),
        ("activities", ()),
        ("contacts", ("email", 30)),
        ("contacts", ("channel:", 30)),
        ("responses", ("clicked",)),
        ("responses", ("liked", "any")),
        ("days_since", ("birthday",)),
        ("days_since", ("order", 3)),
    ],
)
def test_a_question_that_says_nothing_is_refused(name, arguments):
    with pytest.raises(InvalidInput):
        fact(name, arguments, currency="EUR")


def test_never_seen_is_missing():
    assert fact("days_since", ("last_seen",), currency="EUR")(EMPTY, NOW) is None


def test_trait_names_are_those_somebody_has():
    assert trait_names([EMPTY, PROFILE]) == ["address.zip", "city"]
