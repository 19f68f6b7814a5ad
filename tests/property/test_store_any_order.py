"""Any order, any repetition, any split into batches: the same customers, and the past can be asked again."""

import tempfile
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cvo.core.clock import DAY, HOUR, Instant, format_rfc3339
from cvo.core.ids import EventId
from cvo.core.random import keyed_bytes
from cvo.events.event import Activity, Event
from cvo.events.identity import LinkKind
from cvo.events.intake import Intake
from cvo.events.message import anonymous, user
from cvo.profiles.profile import encode
from cvo.storage.check import check
from cvo.storage.store import Store
from cvo.storage.unit_of_work import Settings

START = Instant(20_000 * DAY)
INTAKE = Intake(salt="salt", currency="EUR")
SETTINGS = Settings("salt", 0.3)

USERS = st.sampled_from(["u1", "u2", "u3"])
DEVICES = st.sampled_from(["a1", "a2", "a3", "a4"])
HOURS = st.integers(0, 50)


def _times(message: dict, hour: int) -> dict:
    return {**message, "timestamp": format_rfc3339(Instant(START + hour * HOUR))}


TRACK = st.builds(
    lambda who, hour, name: _times({"type": "track", **who, "event": name}, hour),
    USERS.map(lambda u: {"userId": u}) | DEVICES.map(lambda a: {"anonymousId": a}),
    HOURS,
    st.sampled_from(["Visit", "Search"]),
)
IDENTIFY = st.builds(
    lambda u, a, hour, city: _times(
        {"type": "identify", "userId": u, "anonymousId": a, "traits": {"city": city}}, hour
    ),
    USERS,
    DEVICES,
    HOURS,
    st.sampled_from(["Oslo", "Bergen", None]),
)
ALIAS = st.builds(
    lambda u, a, hour: _times({"type": "alias", "userId": u, "previousId": a}, hour), USERS, DEVICES, HOURS
)
ORDER = st.builds(
    lambda u, hour, revenue: _times(
        {
            "type": "track",
            "userId": u,
            "event": "Order Completed",
            # Some are reported twice, at other times and for other amounts.
            "properties": {"order_id": f"{u}-{hour % 3}", "revenue": revenue},
        },
        hour,
    ),
    USERS,
    HOURS,
    st.integers(-1, 3),
)
MESSAGES = st.lists(TRACK | IDENTIFY | ALIAS | ORDER, min_size=1, max_size=14).map(
    lambda made: [{**message, "messageId": str(i)} for i, message in enumerate(made)]
)
OVERRIDES = st.lists(
    st.tuples(
        st.sampled_from([LinkKind.OVERRIDE, LinkKind.REVERSAL]),
        USERS.map(user) | DEVICES.map(anonymous),
        USERS.map(user) | DEVICES.map(anonymous),
        HOURS,
    ).filter(lambda made: made[1] != made[2]),
    max_size=3,
    unique_by=lambda made: made,
)


def batches(items, cuts):
    edges = [0, *sorted({cut for cut in cuts if cut < len(items)}), len(items)]
    return [items[low:high] for low, high in pairwise(edges)]


class Run:
    """A store fed batch by batch, which remembers every customer as they stood after each."""

    def __init__(self, folder: str) -> None:
        self.path = Path(folder) / "x.db"
        self.seen: dict[tuple[bytes, int], bytes] = {}

    def feed(self, steps) -> tuple[dict, dict]:
        with Store.open(self.path, SETTINGS) as store:
            for number, step in enumerate(steps):
                now = Instant(START + 60 * HOUR + number)
                with store.unit_of_work() as work:
                    if isinstance(step, list):
                        work.accept(INTAKE.read_all(step, now))
                    else:
                        kind, first, second, hour = step
                        work.link(first, second, Instant(START + hour * HOUR), kind, "auditor")
                for person in store.persons():
                    key = (person.person_id, person.version)
                    assert self.seen.setdefault(key, encode(person.profile)) == encode(person.profile)
            for (person_id, version), profile in self.seen.items():
                assert encode(store.profile_at(person_id, version)) == profile
            assert check(store) == []
            people = {
                tuple(store.external_ids(each.person_id)): encode(each.profile) for each in store.persons()
            }
            return people, store.counts()


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    MESSAGES,
    OVERRIDES,
    st.randoms(use_true_random=False),
    st.lists(st.integers(1, 20), max_size=4),
    st.integers(0, 5),
)
def test_the_same_customers_whatever_the_order(messages, overrides, random, cuts, repeats):
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        straight = Run(one).feed([messages, *overrides])
        shuffled = [*messages, *random.choices(messages, k=repeats)]
        random.shuffle(shuffled)
        steps = [*batches(shuffled, cuts), *overrides]
        random.shuffle(steps)
        assert Run(other).feed(steps) == straight


@pytest.mark.slow
@settings(max_examples=1_500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    MESSAGES,
    OVERRIDES,
    st.randoms(use_true_random=False),
    st.lists(st.integers(1, 20), max_size=4),
    st.integers(0, 5),
)
def test_the_same_customers_whatever_the_order_long(messages, overrides, random, cuts, repeats):
    inner = test_the_same_customers_whatever_the_order.hypothesis.inner_test
    inner(messages, overrides, random, cuts, repeats)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["u1", "u2"]), HOURS), min_size=1, max_size=10))
def test_own_effects_fold_as_messages_do(effects):
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "x.db", SETTINGS) as store:
        expected: dict[str, int] = {}
        for number, (who, hour) in enumerate(effects):
            at = Instant(START + hour * HOUR)
            with store.unit_of_work() as work:
                person = work.person(user(who), at)
                event = Event(EventId(keyed_bytes("test", number)), person.node_id, at, at, Activity("own"))
                after = work.apply(person, [event])
            assert after.version == person.version + 1
            expected[who] = expected.get(who, 0) + 1
            assert after.profile.tallies["activity:own"].count == expected[who]
        assert check(store) == []
