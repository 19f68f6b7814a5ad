from contextlib import contextmanager

import pytest

from cvo.app.company import Company
from cvo.app.live import Accept, Ask, Live
from cvo.app.replay import replay
from cvo.core.clock import DAY, HOUR, FixedClock, Instant, format_rfc3339, parse_rfc3339
from cvo.core.errors import Conflict, InvalidInput, StorageFull, Unavailable
from cvo.decisions.decision import Decision, Purpose
from cvo.events.message import Accepted, DeadLetter, Duplicate, anonymous, user
from cvo.storage.check import check
from tests.data.server import make_company

NOW = parse_rfc3339("2026-03-02T10:00:00Z")


@pytest.fixture
def live(tmp_path):
    make_company(tmp_path / "company")
    with Company.open(tmp_path / "company", clock=FixedClock(NOW)) as company:
        yield Live(company)
        assert check(company.store) == []


def ask(customer: str, placement: str = "home", **more) -> Ask:
    return Ask(user(customer), placement, **more)


def order(customer: str, number: int, **more) -> dict:
    properties = {"order_id": str(number), "revenue": 10}
    return {
        "type": "track",
        "userId": customer,
        "messageId": str(number),
        "event": "Order Completed",
        "properties": properties,
        **more,
    }


def contacts(live: Live, customer: str) -> int:
    tally = live.company.store.person(user(customer)).profile.tallies.get("contact:channel:email")
    return 0 if tally is None else tally.count


def test_a_decision_knows_the_messages_that_came_with_it(live):
    identify = {"type": "identify", "userId": "ann", "anonymousId": "web", "messageId": "1"}
    decision, receipts = live.process([ask("ann"), Accept([order("ann", 2), identify], NOW)])
    assert all(isinstance(each, Accepted) for each in receipts)
    seen = live.company.store.profile_at(decision.person_id, decision.pins.person_version)
    assert seen.tallies["order"].count == 1
    assert replay(live.company, decision.decision_id).identical


def test_requests_of_one_person_under_two_ids_follow_one_another(live):
    live.process([Accept([{"type": "identify", "userId": "ann", "anonymousId": "web"}], NOW)])
    jobs = [Ask(anonymous("web") if n % 2 else user("ann"), "newsletter") for n in range(20)]
    made = live.process(jobs)
    assert len({each.person_id for each in made}) == 1
    versions = [each.pins.person_version for each in made]
    assert versions == sorted(set(versions))
    assert contacts(live, "ann") <= 1
    for each in made:
        assert replay(live.company, each.decision_id).identical


def test_the_limit_holds_for_everybody_in_a_crowd(live):
    live.process([ask(f"c{n % 30}", "newsletter") for n in range(300)])
    counts = [contacts(live, f"c{n}") for n in range(30)]
    assert max(counts) == 1
    # Each was asked ten times, and nothing else stands in the way.
    assert sum(counts) > 15


def test_a_batch_decides_as_one_by_one(tmp_path):
    made = []
    for name, sizes in (("one", [1] * 12), ("many", [5, 7])):
        make_company(tmp_path / name)
        with Company.open(tmp_path / name, clock=FixedClock(NOW)) as company:
            single = Live(company)
            jobs = [ask(f"c{n}") for n in range(12)]
            found = []
            for size in sizes:
                found += single.process(jobs[len(found) : len(found) + size])
            made.append(found)
    assert made[0] == made[1]


def test_a_job_that_cannot_be_done_leaves_the_others_alone(live):
    good, bad, letter = live.process([ask("ann"), ask("ann", "nowhere"), Accept([{"type": "track"}], NOW)])
    assert isinstance(good, Decision)
    assert isinstance(bad, InvalidInput)
    assert "nowhere" in str(bad)
    assert isinstance(letter[0], DeadLetter)


def test_a_job_that_breaks_its_transaction_is_done_alone(live):
    # The same decision twice: what is asked again at the same microsecond with nothing changed in between.
    rehearsed = ask("ann", purpose=Purpose.REHEARSAL, at=NOW)
    live.process([rehearsed])
    before = live.company.store.counts()["decisions"]
    good, bad, also_good = live.process([ask("bob"), rehearsed, ask("cid")])
    assert isinstance(bad, Conflict)
    assert isinstance(good, Decision)
    assert isinstance(also_good, Decision)
    assert live.company.store.counts()["decisions"] == before + 2


def test_one_idempotency_key_is_one_decision(live):
    key = {"idempotency_key": "k"}
    first, second, refused, other = live.process(
        [ask("ann", **key), ask("ann", **key), ask("ann", "newsletter", **key), ask("bob", **key)]
    )
    assert first == second
    assert isinstance(refused, InvalidInput)
    assert other.decision_id != first.decision_id
    live.company.clock.at = Instant(NOW + DAY)
    again, another = live.process([ask("ann", **key), ask("ann", idempotency_key="l")])
    assert again == first
    assert another.decision_id != first.decision_id
    assert live.company.store.counts()["decisions"] == 3


def test_a_request_refused_under_a_key_may_be_put_right_under_it(live):
    wrong, right = live.process([ask("ann", "nowhere", idempotency_key="k"), ask("ann", idempotency_key="k")])
    assert isinstance(wrong, InvalidInput)
    assert isinstance(right, Decision)


def test_a_message_sent_again_is_known(live):
    first, second = live.process([Accept([order("ann", 1)], NOW), Accept([order("ann", 1)], NOW)])
    assert isinstance(first[0], Accepted)
    assert isinstance(second[0], Duplicate)
    assert isinstance(live.process([Accept([order("ann", 1)], Instant(NOW + HOUR))])[0][0], Duplicate)


def test_without_a_time_of_receipt_messages_count_from_when_they_say(live):
    at = Instant(NOW - 300 * DAY)
    said = order("ann", 1, timestamp=format_rfc3339(at))
    silent = order("ann", 2)
    live.process([Accept([said, silent], None)])
    facts = live.company.store.history(live.company.store.person(user("ann")).person_id)
    assert [(each.at, each.received_at) for each in facts] == [(at, at), (NOW, NOW)]


def test_a_stated_time_is_the_time_of_the_decision(live):
    at = Instant(NOW - 90 * DAY)
    (made,) = live.process([ask("ann", at=at)])
    assert made.at == at


def test_nothing_was_done_where_storage_fails(live, monkeypatch):
    @contextmanager
    def full():
        with type(live.company.store).unit_of_work(live.company.store) as work:
            yield work
            raise StorageFull("no room")

    before = live.company.store.counts()
    monkeypatch.setattr(live.company.store, "unit_of_work", full)
    with pytest.raises(StorageFull):
        live.process([ask("ann"), Accept([order("ann", 1)], NOW)])
    monkeypatch.undo()
    assert live.company.store.counts() == before
    assert isinstance(live.process([ask("ann")])[0], Decision)


def test_one_by_one_what_was_done_is_answered_as_done_when_storage_fails_later(live, monkeypatch):
    units = []

    @contextmanager
    def full_at_last():
        units.append(len(units))
        with type(live.company.store).unit_of_work(live.company.store) as work:
            yield work
            if len(units) == 5:
                raise StorageFull("no room")

    again = ask("bob", purpose=Purpose.REHEARSAL)
    before = live.company.store.counts()["decisions"]
    monkeypatch.setattr(live.company.store, "unit_of_work", full_at_last)
    first, second, repeated, last = live.process([ask("ann"), again, again, ask("eve")])
    monkeypatch.undo()
    assert isinstance(first, Decision)
    assert isinstance(second, Decision)
    assert isinstance(repeated, Conflict)
    assert isinstance(last, StorageFull)
    assert live.company.store.counts()["decisions"] == before + 2
    assert live.company.store.decision(first.decision_id)


def test_without_a_catalogue_events_are_taken_and_decisions_are_not(tmp_path):
    import cvo

    with cvo.init(tmp_path / "new", "New", "EUR") as company:
        refused, taken = Live(company).process([ask("ann"), Accept([order("ann", 1)], company.clock.now())])
    assert isinstance(refused, Unavailable)
    assert "cvo apply --approve" in str(refused)
    assert isinstance(taken[0], Accepted)


def test_new_models_are_recorded_and_decided_with(live):
    from cvo.app.history import everybody
    from cvo.app.learn import learned_from
    from cvo.app.state import running_catalogue, running_policy

    store = live.company.store
    (before,) = live.process([ask("ann")])
    live.company.clock.at = Instant(NOW + 30 * DAY)
    learned = learned_from(live.company, running_catalogue(store), everybody)
    live.publish(live.learned(learned.models))
    (after,) = live.process([ask("ann")])
    assert after.pins.models == learned.models.version != before.pins.models
    assert running_policy(store, live.company.config.settings).models.version == learned.models.version
    for each in (before, after):
        assert replay(live.company, each.decision_id).identical
