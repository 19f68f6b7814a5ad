import msgspec
import pytest

from cvo.app.history import everybody
from cvo.app.ingest import ingest
from cvo.app.learn import learn, learned_from
from cvo.app.reading import read
from cvo.app.reading_kept import KEPT, keep_reading, kept_reading
from cvo.app.state import running_catalogue
from cvo.core.clock import DAY, Instant
from tests.data.company import NOW
from tests.data.folder import OWNER, decide_for, message, ordered, recorded, running
from tests.unit.app.test_app_learn import HALF, trial


@pytest.fixture
def company(tmp_path):
    with running(tmp_path, Instant(NOW + 14 * DAY)) as opened:
        yield opened


def counted(monkeypatch):
    """Count the facts that are read of the log."""
    seen = []

    def counting(inner):
        def facts(*arguments):
            for fact in inner(*arguments):
                seen.append(fact)
                yield fact

        return facts

    for name in ("facts_since", "facts_of"):
        inner = getattr(__import__("cvo.app.reading", fromlist=[name]), name)
        monkeypatch.setattr(f"cvo.app.reading.{name}", counting(inner))
    return seen


def test_what_was_learned_in_steps_is_what_is_learned_at_once(company):
    cache = company.folder / "data" / KEPT
    versions = []
    for week in range(4):
        ingest(company, trial(150, Instant(NOW + 7 * week * DAY), seed=week))
        company.clock.at = Instant(NOW + (7 * week + 15) * DAY)
        if week:
            # Late, and a refund of long ago.
            facts = [
                message("identify", "c0-1", Instant(NOW - DAY), f"late-{week}", traits={"age": 20 + week}),
                ordered("c0-2", Instant(NOW + week), 20 * week, f"late-{week}"),
            ]
            ingest(company, facts)
        versions.append(learn(company, OWNER).models.version)
        cache.unlink()
        versions.append(learned_from(company, running_catalogue(company.store), everybody).models.version)
        assert not cache.exists()
        learn(company, OWNER)
    assert versions[::2] == versions[1::2]
    assert len(set(versions)) == 4


def test_only_what_came_since_is_read_and_of_the_late_all(company, monkeypatch):
    ingest(company, trial(100, NOW))
    learn(company, OWNER)
    seen = counted(monkeypatch)
    learn(company, OWNER)
    assert seen == []
    ingest(company, [ordered("c0-1", Instant(NOW + 10 * DAY), 20)])
    learn(company, OWNER)
    assert len(seen) == 1
    seen.clear()
    ingest(company, [ordered("c0-2", Instant(NOW - 10 * DAY), 20)])
    learn(company, OWNER)
    assert 2 < len(seen) < 8


def test_other_features_or_a_damaged_file_are_read_from_the_log(company, caplog):
    ingest(company, trial(100, NOW))
    company.clock.at = Instant(NOW + 15 * DAY)
    whole = learn(company, OWNER).models.version
    cache = company.folder / "data" / KEPT
    good = cache.read_bytes()
    cache.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    with caplog.at_level("WARNING"):
        assert learn(company, OWNER).models.version == whole
    assert "is damaged" in caplog.text
    assert kept_reading(cache) is not None
    catalogue = running_catalogue(company.store)
    other = read(company.store, catalogue, "USD", kept_reading(cache))
    assert other.frames["orders"].is_empty()
    assert other.position == kept_reading(cache).position


def test_a_database_that_went_another_way_is_read_from_its_start(company):
    ingest(company, trial(20, NOW))
    catalogue = running_catalogue(company.store)
    whole = read(company.store, catalogue, "EUR")
    elsewhere = msgspec.structs.replace(whole, last_fact=b"another", moments=whole.moments.clear())
    assert read(company.store, catalogue, "EUR", elsewhere).moments.equals(whole.moments)
    assert read(company.store, catalogue, "EUR", whole).moments.equals(whole.moments)


def test_where_a_reading_cant_be_kept_that_is_said_and_learning_goes_on(company, caplog, tmp_path):
    reading = read(company.store, running_catalogue(company.store), "EUR")
    with caplog.at_level("WARNING"):
        keep_reading(tmp_path / "nowhere" / KEPT, reading)
    assert "will be read again" in caplog.text


def test_some_customers_are_read_out_of_all(company):
    ingest(company, trial(60, NOW))
    reading = read(company.store, running_catalogue(company.store), "EUR")
    half = reading.of(lambda person: person[0] < 128)
    assert 0 < half.moments.height < reading.moments.height
    assert set(half.frames["orders"]["person_id"]) <= set(half.people["person_id"])
    assert reading.of(everybody) is reading


def ages(reading):
    """The age that every decision saw, by when it was made."""
    return [(at - NOW, age) for at, age in reading.moments.sort("at").select("at", "feature:age").rows()]


def test_our_own_decision_is_learned_from_as_it_saw_the_customer_and_somebody_elses_as_it_was(company):
    def told(who, at, age):
        return message("identify", who, Instant(at), f"{who}-{age}", traits={"age": age})

    catalogue, clock = running_catalogue(company.store), company.clock
    clock.at = Instant(NOW)
    ingest(company, [told("a", NOW - DAY, 30)])
    kept = read(company.store, catalogue, "EUR")
    clock.at = Instant(NOW + 1)
    decide_for(company, ["a"])
    clock.at = Instant(NOW + 2)
    # It had happened before the decision, and came in after it.
    ingest(company, [told("a", NOW - 1, 60), recorded("a", NOW, "offer", HALF)])
    clock.at = Instant(NOW + 3)
    decide_for(company, ["a"])
    whole = read(company.store, catalogue, "EUR")
    assert ages(whole) == [(0, 60.0), (1, 30.0), (3, 60.0)]
    assert read(company.store, catalogue, "EUR", kept).moments.equals(whole.moments)


def test_a_clock_that_went_back_is_no_way_to_go_on(company):
    catalogue, clock = running_catalogue(company.store), company.clock
    clock.at = Instant(NOW + DAY)
    ingest(company, [message("identify", "a", Instant(NOW - DAY), "t", traits={"age": 30})])
    kept = read(company.store, catalogue, "EUR")
    clock.at = Instant(NOW)
    decide_for(company, ["a"])
    whole = read(company.store, catalogue, "EUR")
    further = read(company.store, catalogue, "EUR", kept)
    assert further.moments.equals(whole.moments)
    assert further.people.equals(whole.people)
