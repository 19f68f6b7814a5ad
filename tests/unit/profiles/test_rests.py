"""When a customer may be asked again, after what came of the last times."""

import pytest

from cvo.core.clock import DAY, HOUR, LATEST, Instant
from cvo.core.errors import InvalidInput
from cvo.core.ids import EventId, PersonId
from cvo.events.event import Activity, Decided, Delivery, Event, Response, ResponseKind
from cvo.profiles.facts import fact
from cvo.profiles.fold import fold
from cvo.profiles.profile import EMPTY


def contact(action="loan", delivery=Delivery.DELIVERED):
    return Decided("d", "home", "web", action, "crm", "grow", delivery, 1.0, {action: 1.0}, 0, "EUR")


def said(kind, action="loan", channel="web"):
    return Response(ResponseKind(kind), action, "crm", "grow", channel)


def ends(facts, arguments, now):
    """Return when the rest ends, in hours, given (hour, body) pairs."""
    made = [
        Event(EventId(b"%06d" % n), PersonId(b"p"), Instant(int(hour * HOUR)), Instant(0), body)
        for n, (hour, body) in enumerate(facts)
    ]
    end = fact("rest_ends", arguments, currency="EUR")(fold(EMPTY, made), Instant(int(now * HOUR)))
    return None if end is None else end / HOUR


def test_nothing_happened_nothing_rests():
    assert ends([], ("dismissed", "any", 1, 30, 14), 50) is None
    assert ends([(1, contact())], ("dismissed", "any", 1, 30, 14), 50) is None


def test_a_rest_is_counted_from_the_last_outcome_to_the_microsecond():
    facts = [(1, said("dismissed")), (10.5, said("dismissed")), (12, said("clicked"))]
    assert ends(facts, ("dismissed", "action:loan", 1, 30, 14), 20) == 10.5 + 14 * 24
    assert ends(facts, ("dismissed", "action:card", 1, 30, 14), 20) is None
    assert ends(facts, ("dismissed", "team:crm", 1, 30, 14), 20) == 10.5 + 14 * 24


def test_without_days_it_is_for_ever():
    assert ends([(1, said("accepted"))], ("accepted", "stage:grow", 1, 30), 20) == LATEST / HOUR


def test_the_rest_begins_with_the_last_time_that_was_one_too_many():
    twice = ("dismissed", "any", 2, 10, 60)
    day = 24.0
    assert ends([(0, said("dismissed")), (11 * day, said("dismissed"))], twice, 300) is None
    close = [(0, said("dismissed")), (9 * day, said("dismissed"))]
    assert ends(close, twice, 300) == 9 * day + 60 * day
    # A third one, long after, is alone in its window: the rest of the two goes on.
    later = ends([*close, (25 * day, said("dismissed"))], twice, 700)
    assert 9 * day + 60 * day <= later <= 9 * day + 60 * day + 1


def test_two_in_one_hour_are_two():
    facts = [(5.1, said("dismissed")), (5.2, said("dismissed"))]
    assert ends(facts, ("dismissed", "any", 2, 1, 7), 6) == pytest.approx(5.2 + 7 * 24)


def test_silence_is_ignoring_after_a_day_and_until_a_reaction():
    once, twice = ("ignored", "action:loan", 1, 30, 60), ("ignored", "action:loan", 2, 30, 60)
    assert ends([(0, contact())], once, 20) is None
    assert ends([(0, contact())], once, 24) == 61 * 24
    both = [(0, contact()), (48, contact(delivery=Delivery.WITHHELD))]
    assert ends(both, twice, 60) is None
    assert ends(both, twice, 72) == 48 + 61 * 24
    assert ends([*both, (71, said("presented"))], twice, 72) == 48 + 61 * 24
    for kind in ("dismissed", "postponed", "clicked", "accepted", "converted"):
        assert ends([*both, (73, said(kind))], twice, 74) is None
    assert ends([(0, contact()), (30, said("clicked")), (48, contact())], twice, 100) is None
    assert ends([*both, (73, said("clicked", "card"))], twice, 74) == 48 + 61 * 24


def test_a_rest_is_never_shorter_than_said_however_old_its_beginning():
    day = 24
    facts = [(3, said("dismissed")), (2 * day + 5, said("dismissed")), (60 * day, said("clicked"))]
    facts += [(70 * day, said("dismissed"))]
    end = ends(facts, ("dismissed", "any", 2, 3, 100), 80 * day)
    assert 2 * day + 5 + 100 * day <= end <= 3 * day + 100 * day


@pytest.mark.parametrize(
    "arguments",
    [
        ("bored", "any", 1, 30, 14),
        ("dismissed", "planet:x", 1, 30, 14),
        ("dismissed", "any", 0, 30, 14),
        ("dismissed", "any", 1, 0, 14),
        ("dismissed", "any", 1, 30, 0),
        ("dismissed", "any", 1),
        ("dismissed", "any", "1", 30),
        ("dismissed", "any", True, 30),
        ("dismissed", "any", 1.5, 30),
    ],
)
def test_what_makes_no_sense_is_refused(arguments):
    with pytest.raises(InvalidInput):
        fact("rest_ends", arguments, currency="EUR")


@pytest.mark.parametrize(
    ("names", "days", "open_then"),
    [
        ([], (), False),
        (["Opened"], (), True),
        (["Closed", "Opened"], (), True),
        (["Opened", "Closed"], (), False),
        (["Opened", "Closed", "Opened"], (), True),
        (["Opened"], (9,), False),
        (["Opened"], (10,), True),
    ],
)
def test_what_was_opened_is_open_until_it_is_closed_or_old(names, days, open_then):
    facts = [
        Event(EventId(b"%d" % n), PersonId(b"p"), Instant(n * DAY), Instant(0), Activity(name))
        for n, name in enumerate(names)
    ]
    ask = fact("open", ("Opened", "Closed", *days), currency="EUR")
    assert ask(fold(EMPTY, facts), Instant(9 * DAY)) is open_then
