"""However often the log is read on, it reads as if read at once: customers merged, facts late, ids taken back."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cvo.actions.read import parse_catalogue
from cvo.app.reading import Reading, read
from cvo.core.clock import DAY, HOUR, Instant, format_rfc3339
from cvo.storage.store import Store
from tests.data.folder import ONE_MAIL
from tests.property.test_store_any_order import (
    ALIAS,
    DEVICES,
    IDENTIFY,
    INTAKE,
    ORDER,
    OVERRIDES,
    SETTINGS,
    START,
    TRACK,
    USERS,
    batches,
)

CATALOGUE = parse_catalogue(
    ONE_MAIL.replace(
        "traits: {age: {type: number}}", "traits: {age: {type: number}, city: {type: string}}"
    ).replace(
        "customer.age, kind: number}",
        "orders(90), kind: number}, city: {value: customer.city, kind: category}",
    )
)


def decided(who, hour, decision, got):
    """A slot of a decision made elsewhere; several of one decision may come in one by one."""
    properties = {
        "decisionId": f"d{decision}",
        "placement": "newsletter",
        "action": "offer" if got else None,
        "propensity": 0.5,
        "options": {"offer": 0.5, "": 0.5},
    }
    at = format_rfc3339(Instant(START + hour * HOUR))
    return {"type": "track", **who, "event": "Decision Recorded", "properties": properties, "timestamp": at}


def told(user, hour, cost):
    """An order that says what it cost to give; it may be told of again, at another time and with another cost."""
    properties = {"order_id": f"{user}-{hour % 3}", "revenue": 2, "discount": cost, "incentive_cost": cost}
    at = format_rfc3339(Instant(START + hour * HOUR))
    return {
        "type": "track",
        "userId": user,
        "event": "Order Completed",
        "properties": properties,
        "timestamp": at,
    }


def called(user, hour, cost):
    at = format_rfc3339(Instant(START + hour * HOUR))
    return {
        "type": "track",
        "userId": user,
        "event": "Call",
        "properties": {"service_cost": cost},
        "timestamp": at,
    }


DECIDED = st.builds(
    decided,
    USERS.map(lambda user: {"userId": user}) | DEVICES.map(lambda device: {"anonymousId": device}),
    st.integers(0, 50),
    st.integers(0, 4),
    st.booleans(),
)
TOLD = st.builds(told, USERS, st.integers(0, 50), st.integers(1, 3))
CALLED = st.builds(called, USERS, st.integers(0, 50), st.integers(1, 3))
MESSAGES = st.tuples(
    st.lists(
        TRACK | ORDER | TOLD | TOLD | DECIDED | CALLED | DECIDED | IDENTIFY | ALIAS, min_size=8, max_size=30
    ),
    st.booleans(),
).map(
    lambda made: [
        {**message, "messageId": str(i)}
        # Half of the companies hear of everything in its order.
        for i, message in enumerate(
            sorted(made[0], key=lambda each: each["timestamp"]) if made[1] else made[0]
        )
    ]
)
CUTS = st.lists(st.integers(1, 29), min_size=2, max_size=8)


def same(first: Reading, second: Reading) -> None:
    assert (first.key, first.position) == (second.key, second.position)
    for name, frame in first.frames.items():
        assert frame.equals(second.frames[name]), name
    assert first.moments.equals(second.moments)
    assert first.people.equals(second.people)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(MESSAGES, OVERRIDES, st.randoms(use_true_random=False), CUTS)
def test_read_on_is_read_at_once(messages, overrides, random, cuts):
    steps = batches(messages, cuts)
    for override in overrides:
        steps.insert(random.randrange(len(steps) + 1), override)
    with tempfile.TemporaryDirectory() as folder:
        kept = None
        with Store.open(Path(folder) / "x.db", SETTINGS) as store:
            for number, step in enumerate(steps):
                now = Instant(START + 60 * DAY + number)
                with store.unit_of_work() as work:
                    if isinstance(step, list):
                        work.accept(INTAKE.read_all(step, now))
                    else:
                        kind, first, second, hour = step
                        work.link(first, second, Instant(START + hour * HOUR), kind, "auditor")
                kept = read(store, CATALOGUE, "EUR", kept)
                same(kept, read(store, CATALOGUE, "EUR"))


@pytest.mark.slow
@settings(max_examples=1_500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(MESSAGES, OVERRIDES, st.randoms(use_true_random=False), CUTS)
def test_read_on_is_read_at_once_long(messages, overrides, random, cuts):
    test_read_on_is_read_at_once.hypothesis.inner_test(messages, overrides, random, cuts)
