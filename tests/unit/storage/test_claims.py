"""A device that thousands of customers say is theirs."""

from collections import Counter

import pytest

from cvo.core.clock import DAY, Instant, format_rfc3339
from cvo.events.event import Activity, Event
from cvo.events.identity import LinkKind
from cvo.events.intake import Intake
from cvo.events.message import anonymous, user
from cvo.storage import dialect
from cvo.storage.check import check
from cvo.storage.store import Store
from cvo.storage.unit_of_work import Settings

NOW = Instant(20_000 * DAY)
INTAKE = Intake(salt="salt", currency="EUR")
DEVICE = anonymous("kiosk")


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "x.db", Settings("salt", 0.5)) as opened:
        yield opened


def identify(store, *numbers: int, at: Instant = NOW) -> None:
    messages = [
        {
            "type": "identify",
            "userId": f"u{number}",
            "anonymousId": DEVICE.value,
            "messageId": f"{at}-{number}",
            "timestamp": format_rfc3339(Instant(at + number)),
        }
        for number in numbers
    ]
    with store.unit_of_work() as work:
        work.accept(INTAKE.read_all(messages, Instant(at + DAY)))


@pytest.fixture
def read(monkeypatch):
    """Count the rows that are read of each table."""
    counted: Counter[str] = Counter()
    select = dialect._select_in

    def counting(connection, table, ids):
        for row in select(connection, table, ids):
            counted[table.name] += 1
            yield row

    monkeypatch.setattr(dialect, "_select_in", counting)
    return counted


def test_the_next_who_claims_it_costs_what_the_first_did(store, read):
    identify(store, 0)
    identify(store, *range(1, 500))
    read.clear()
    identify(store, 500)
    with store.unit_of_work() as work:
        person = work.person(user("u300"), NOW)
        assert work.assigned_nodes([person]) == [person.person_id]
        late = Event(b"late", person.node_id, Instant(0), NOW, Activity("late"))
        work.apply(person, [late])
    assert store.person(DEVICE).person_id == store.person(user("u0")).person_id
    assert sum(read.values()) < 20
    assert {store.person(user(f"u{number}")).version for number in range(1, 500) if number != 300} == {1}
    assert store.counts()["links"] == 501
    assert check(store) == []


def test_set_free_it_is_whose_who_claimed_it_next(store):
    identify(store, 0, 3, 2, 1)
    for number in range(3):
        assert store.external_ids(store.person(DEVICE).person_id) == [DEVICE, user(f"u{number}")]
        with store.unit_of_work() as work:
            work.link(user(f"u{number}"), DEVICE, NOW, LinkKind.REVERSAL, "auditor")
    assert store.external_ids(store.person(DEVICE).person_id) == [DEVICE, user("u3")]
    assert store.counts()["links"] == 4
    assert check(store) == []


def test_who_claimed_it_earlier_after_all_has_it(store):
    identify(store, 5, 6)
    identify(store, 7, at=Instant(NOW - DAY))
    assert store.external_ids(store.person(DEVICE).person_id) == [DEVICE, user("u7")]
    with store.unit_of_work() as work:
        work.link(user("u7"), DEVICE, NOW, LinkKind.REVERSAL, "auditor")
    assert store.external_ids(store.person(DEVICE).person_id) == [DEVICE, user("u5")]
    assert check(store) == []


def test_a_claim_repeated_earlier_counts_from_then(store):
    identify(store, 0)
    identify(store, 1, at=Instant(NOW + 2 * DAY))
    identify(store, 2, at=Instant(NOW + DAY))
    identify(store, 1, at=Instant(NOW + DAY // 2))
    with store.unit_of_work() as work:
        work.link(user("u0"), DEVICE, NOW, LinkKind.REVERSAL, "auditor")
    assert store.external_ids(store.person(DEVICE).person_id) == [DEVICE, user("u1")]
    assert check(store) == []
