import pytest

from cvo.core.clock import Instant
from cvo.core.errors import StorageFull
from cvo.events.intake import Intake
from cvo.storage.check import check
from cvo.storage.store import Store
from cvo.storage.unit_of_work import Settings

SETTINGS = Settings("salt", 0.5)
INTAKE = Intake(salt="salt", currency="EUR")
NOW = Instant(20_000 * 86_400_000_000)


def visits(first: int, count: int) -> list[dict]:
    return [
        {
            "type": "track",
            "userId": f"u{n}",
            "event": "Visit",
            "messageId": str(n),
            "properties": {"x": "y" * 900},
        }
        for n in range(first, first + count)
    ]


def take(store: Store, first: int, count: int) -> None:
    with store.unit_of_work() as work:
        work.accept(INTAKE.read_all(visits(first, count), NOW))


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "cvo.db", SETTINGS) as opened:
        yield opened


def limit_pages(store: Store, pages: int) -> None:
    with store._writer.connect() as connection:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")


def test_a_full_database_is_said_undone_and_used_again_when_there_is_room(store):
    take(store, 0, 10)
    before = store.counts()
    limit_pages(store, 60)
    with pytest.raises(StorageFull, match="make room"):
        take(store, 10, 2_000)
    assert store.counts() == before
    assert check(store) == []
    limit_pages(store, 1_000_000)
    take(store, 10, 2_000)
    assert store.counts()["events"] == 2_010
    assert check(store) == []


def test_the_log_is_moved_beside_the_writer_and_nothing_is_missing(store, monkeypatch):
    from cvo.storage import sqlite

    monkeypatch.setattr(sqlite, "_LOG_BYTES", 200_000)
    checkpoints = store.checkpoints()
    assert not checkpoints.due()
    take(store, 0, 500)
    assert checkpoints.due()
    with store.unit_of_work() as work:
        work.accept(INTAKE.read_all(visits(500, 1), NOW))
        # In the middle of a transaction of the writer.
        assert checkpoints.move() == 0
    assert checkpoints.finish() == 0
    grown = checkpoints._log.stat().st_size
    for number in range(501, 520):
        take(store, number, 1)
    # The log begins anew instead of growing.
    assert checkpoints._log.stat().st_size == grown
    checkpoints.close()
    assert store.counts()["events"] == 520
    assert check(store) == []
