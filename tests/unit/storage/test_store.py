import subprocess
import sys
from pathlib import Path

import pytest

from cvo.core.clock import DAY, HOUR, Instant, format_rfc3339
from cvo.core.errors import CompanyLocked, Conflict, Damaged, InvalidInput, NotFound
from cvo.core.ids import DecisionId, EventId
from cvo.events.event import Activity, Event, Order
from cvo.events.identity import LinkKind
from cvo.events.intake import Intake
from cvo.events.message import Accepted, DeadLetter, Duplicate, Reason, anonymous, user
from cvo.profiles.profile import LAYOUT, Profile, encode
from cvo.storage.check import check
from cvo.storage.store import Store
from cvo.storage.unit_of_work import Change, LoggedDecision, Settings

NOW = Instant(20_000 * DAY)
SETTINGS = Settings("salt", 0.5)
INTAKE = Intake(salt="salt", currency="EUR")


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "cvo.db"


@pytest.fixture
def store(path):
    with Store.open(path, SETTINGS) as opened:
        yield opened


def visit(message_id: str, at: int = NOW, **ids) -> dict:
    ids = ids or {"userId": "u"}
    return {
        "type": "track",
        "event": "Visit",
        "messageId": message_id,
        "timestamp": format_rfc3339(Instant(at)),
        **ids,
    }


def identify(message_id: str, user_id: str, anonymous_id: str, at: int = NOW) -> dict:
    return {
        "type": "identify",
        "messageId": message_id,
        "userId": user_id,
        "anonymousId": anonymous_id,
        "timestamp": format_rfc3339(Instant(at)),
    }


def accept(store, *raws, at: Instant = NOW):
    with store.unit_of_work() as work:
        return work.accept(INTAKE.read_all(raws, at))


def test_receipts_come_in_the_order_of_the_messages(store):
    first = accept(store, visit("1"), {"type": "track"}, visit("2"), visit("1"))
    assert [type(each) for each in first] == [Accepted, DeadLetter, Accepted, Duplicate]
    assert first[0].person_id == store.person(user("u")).person_id
    again = accept(store, visit("2"), visit("3"), {"type": "track"})
    assert [type(each) for each in again] == [Duplicate, Accepted, DeadLetter]
    assert store.counts() == {
        "events": 3,
        "persons": 1,
        "ids": 1,
        "links": 0,
        "decisions": 0,
        "dead_letters": 1,
    }
    assert [letter.reason for letter in store.dead_letters()] == [Reason.MISSING_ID]


def test_the_same_message_id_of_two_senders_is_two_messages(store):
    receipts = accept(store, visit("1"), visit("1", userId="other"))
    assert [type(each) for each in receipts] == [Accepted, Accepted]


def test_an_error_undoes_the_whole_unit(store):
    def half_done():
        with store.unit_of_work() as work:
            work.accept(INTAKE.read_all([visit("1"), {"type": "x"}], NOW))
            work.record_change(Change("c", NOW, "me", "settings", b""))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half_done()
    assert set(store.counts().values()) == {0}
    assert store.changes() == []
    assert type(accept(store, visit("1"))[0]) is Accepted


def test_late_events_fold_as_if_they_had_come_in_time(store):
    accept(store, visit("2", NOW))
    accept(store, visit("1", NOW - DAY))
    profile = store.person(user("u")).profile
    assert (profile.first_at, profile.last_at, profile.events) == (NOW - DAY, NOW, 2)
    assert check(store) == []


def test_a_merge_brings_both_histories_and_a_reversal_takes_them_apart(store):
    accept(store, visit("1", anonymousId="a"), visit("2"))
    before = {ext: store.person(ext) for ext in (user("u"), anonymous("a"))}
    accept(store, identify("3", "u", "a"))
    merged = store.person(anonymous("a"))
    assert merged.person_id == store.person(user("u")).person_id == before[user("u")].person_id
    assert merged.profile.tallies["activity:Visit"].count == 2
    assert store.external_ids(merged.person_id) == [anonymous("a"), user("u")]
    assert merged.version > max(person.version for person in before.values())
    with store.unit_of_work() as work:
        work.link(user("u"), anonymous("a"), NOW, LinkKind.REVERSAL, "auditor")
    apart = store.person(anonymous("a"))
    assert apart.person_id == before[anonymous("a")].person_id
    assert apart.profile == before[anonymous("a")].profile
    assert apart.arm == before[anonymous("a")].arm
    assert check(store) == []
    for person in (*before.values(), merged, apart):
        assert store.profile_at(person.person_id, person.version) == person.profile


def test_known_customers_are_merged_on_the_record_only(store):
    accept(store, visit("1", userId="u1"), visit("2", userId="u2"))
    with store.unit_of_work() as work:
        with pytest.raises(InvalidInput, match="author"):
            work.link(user("u1"), user("u2"), NOW, LinkKind.OVERRIDE, "")
        with pytest.raises(InvalidInput, match="itself"):
            work.link(user("u1"), user("u1"), NOW, LinkKind.OVERRIDE, "auditor")
    accept(store, identify("3", "u1", "a"), identify("4", "u2", "a", NOW + 1))
    assert store.counts()["persons"] == 2
    with store.unit_of_work() as work:
        work.link(user("u1"), user("u2"), NOW, LinkKind.OVERRIDE, "auditor")
    assert store.counts()["persons"] == 1


def test_the_arm_is_given_at_first_meeting_and_kept(path):
    names = [f"u{i}" for i in range(200)]
    with Store.open(path, SETTINGS) as store:
        accept(store, *(visit("1", userId=name) for name in names))
        arms = {name: store.person(user(name)).arm for name in names}
    assert 70 < sum(arm == "control" for arm in arms.values()) < 130
    with Store.open(path, Settings("salt", 0.0)) as store:
        accept(store, *(visit("2", userId=name) for name in names))
        assert {name: store.person(user(name)).arm for name in names} == arms


def test_who_comes_in_by_a_link_takes_the_arm_and_who_was_met_apart_contaminates(store):
    for i in range(40):
        accept(store, visit("1", anonymousId=f"a{i}"))
        accept(store, identify("2", f"u{i}", f"a{i}"), at=Instant(NOW + HOUR))
    assert not any(person.contaminated for person in store.persons())
    for i in range(40):
        accept(store, visit("1", anonymousId=f"b{i}"))
        accept(store, visit("1", userId=f"v{i}"), at=Instant(NOW + HOUR))
        first = store.person(anonymous(f"b{i}")).arm
        second = store.person(user(f"v{i}")).arm
        accept(store, identify("2", f"v{i}", f"b{i}"), at=Instant(NOW + 2 * HOUR))
        merged = store.person(user(f"v{i}"))
        assert (merged.arm, merged.assigned_at) == (first, NOW)
        assert merged.contaminated == (first != second)
    assert any(person.contaminated for person in store.persons())


def test_own_effects_raise_the_version_and_belong_to_the_customer(store):
    with store.unit_of_work() as work:
        ann, bob = work.persons([user("ann"), user("bob")], NOW)
        event = Event(EventId(b"1" * 16), ann.node_id, NOW, NOW, Activity("own"))
        with pytest.raises(InvalidInput, match="another"):
            work.apply(bob, [event])
        after = work.apply(ann, [event])
        assert after.version == ann.version + 1
    assert store.person(user("ann")).profile == after.profile
    assert store.profile_at(ann.person_id, ann.version) == ann.profile
    with pytest.raises(Conflict, match="already"), store.unit_of_work() as work:
        work.apply(work.person(user("ann"), NOW), [event])


def test_decisions_changes_and_states_are_kept(store):
    with store.unit_of_work() as work:
        person = work.person(user("u"), NOW)
        made = LoggedDecision(person.person_id, DecisionId("d"), NOW, "newsletter", "live", b"body")
        work.log_decision(made)
        work.record_change(Change("c1", NOW, "me", "catalogue", b"x"))
        work.keep("digest", b"state")
        work.keep("digest", b"state")
    assert store.decision(DecisionId("d")) == made
    assert list(store.decisions("live")) == [made]
    assert list(store.decisions("rehearsal")) == []
    assert store.changes("catalogue") == [Change("c1", NOW, "me", "catalogue", b"x")]
    assert store.kept("digest") == b"state"
    with pytest.raises(NotFound):
        store.decision(DecisionId("x"))
    with pytest.raises(NotFound):
        store.kept("x")
    with pytest.raises(Conflict), store.unit_of_work() as work:
        work.log_decision(made)
    with pytest.raises(Conflict), store.unit_of_work() as work:
        work.record_change(Change("c1", NOW, "me", "catalogue", b"y"))


def test_events_come_by_person_and_time(store):
    accept(
        store,
        visit("2", NOW, anonymousId="a"),
        visit("1", NOW - DAY),
        identify("3", "u", "a", NOW + 1),
        {**visit("4"), "event": "Order Completed", "properties": {"order_id": "o", "revenue": 1}},
    )
    events = list(store.events())
    assert {event.person_id for event in events} == {store.person(user("u")).person_id}
    assert [event.at for event in events] == sorted(event.at for event in events)
    assert [event.body for event in store.events([Order])] == [Order("o", 100, "EUR")]
    assert [event.at for event in store.history(store.person(anonymous("a")).person_id)] == [
        event.at for event in events
    ]
    assert store.person(user("nobody")) is None


def test_one_writes_and_anybody_reads(path, store):
    accept(store, visit("1"))
    with pytest.raises(CompanyLocked, match="process"):
        Store.open(path, SETTINGS)
    store.announce("http://127.0.0.1:8000")
    with pytest.raises(CompanyLocked, match="8000"):
        Store.open(path, SETTINGS)
    with Store.open_to_read(path, SETTINGS) as other:
        assert other.counts()["events"] == 1
        with pytest.raises(Conflict, match="reading only"), other.unit_of_work():
            pass
        with store.unit_of_work() as work:
            work.accept(INTAKE.read_all([visit("2")], NOW))
            assert other.counts()["events"] == 1
        assert other.counts()["events"] == 2


def test_a_store_that_is_not_there_or_of_another_seed_is_said(path):
    with pytest.raises(NotFound, match="init"):
        Store.open_to_read(path, SETTINGS)
    Store.open(path, SETTINGS).close()
    with pytest.raises(Conflict, match="seed"):
        Store.open(path, Settings("other"))
    with pytest.raises(Conflict, match="seed"):
        Store.open_to_read(path, Settings("other"))
    # A failed opening leaves no lock behind.
    Store.open(path, SETTINGS).close()


def test_opening_a_current_store_does_not_load_the_migration_tool(path):
    Store.open(path, SETTINGS).close()
    code = (
        "import sys; from pathlib import Path; from cvo.storage.store import Store;"
        "from cvo.storage.unit_of_work import Settings;"
        f"Store.open(Path({str(path)!r}), Settings('salt')).close();"
        "print(sorted({'alembic', 'polars', 'numpy'} & sys.modules.keys()))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_what_is_no_database_is_said(path):
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(Damaged, match="restore"):
        Store.open(path, SETTINGS)
    with pytest.raises(Damaged, match="restore"):
        Store.open_to_read(path, SETTINGS)
    with pytest.raises(NotFound, match="folder"):
        Store.open(path.parent / "none" / "cvo.db", SETTINGS)


def _spoil(store, sql: str, *values) -> None:
    with store._writer.begin() as connection:
        connection.exec_driver_sql(sql, values)


def test_a_profile_of_an_older_layout_is_folded_anew(store):
    accept(store, visit("1"))
    right = store.person(user("u")).profile
    _spoil(store, "UPDATE person SET profile = ?", encode(Profile(layout=LAYOUT + 1)))
    assert store.person(user("u")).profile == right
    with store.unit_of_work() as work:
        assert work.person(user("u"), NOW).profile == right
    assert check(store) == []


@pytest.mark.parametrize(
    ("sql", "finding"),
    [
        (f"UPDATE person SET profile = x'{encode(Profile()).hex()}'", "not what its events say"),
        ("UPDATE person SET canonical_id = x'00' WHERE id_kind = 'anonymous'", "another person"),
        ("DELETE FROM event WHERE log_offset = 0", "the log has"),
        ("UPDATE event SET body = x'00' WHERE log_offset = 0", "can't be read"),
    ],
)
def test_check_finds_what_is_wrong(store, sql, finding):
    accept(store, visit("1"), visit("2", anonymousId="a"), identify("3", "u", "a"))
    assert check(store) == []
    _spoil(store, sql)
    assert finding in " ".join(check(store))


def test_somebody_else_writing_the_same_person_is_a_conflict(store):
    accept(store, visit("1"))

    def overtaken():
        with store.unit_of_work() as work:
            person = work.person(user("u"), NOW)
            work._connection.exec_driver_sql("UPDATE person SET version = version + 1")
            work.apply(person, [Event(EventId(b"1" * 16), person.node_id, NOW, NOW, Activity("own"))])

    with pytest.raises(Conflict, match="another writer"):
        overtaken()
    assert store.counts()["events"] == 1
