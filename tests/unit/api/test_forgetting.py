import asyncio
from itertools import count

import pytest

from cvo.api.access import Access
from cvo.api.forgetting import forget_once
from cvo.api.service import Options, Service
from cvo.api.writer import Writer
from cvo.app.company import Company
from cvo.app.keys import keys_of
from cvo.app.live import Accept, Ask, Live
from cvo.core.clock import DAY, FixedClock, Instant
from cvo.core.errors import InvalidInput
from cvo.events.message import Accepted, Duplicate, user
from tests.data.server import make_company

NOW = Instant(20_000 * DAY)
ALIAS = {"type": "alias", "userId": "ann", "previousId": "a", "messageId": "1"}
VISIT = {"type": "track", "userId": "ann", "event": "Visit", "messageId": "2"}


@pytest.fixture
def clock():
    return FixedClock(NOW)


@pytest.fixture
def live(tmp_path, clock):
    make_company(tmp_path / "company")
    with Company.open(tmp_path / "company", clock=clock) as company:
        yield Live(company)


def forget(live: Live) -> int:
    async def main():
        service = Service(live.company, live, Access(keys_of(live.company)), Options())
        service.writer = writer = Writer(live, asyncio.get_running_loop())
        writer.start()
        try:
            return await forget_once(service)
        finally:
            await writer.stop()

    return asyncio.run(main())


def receipts(live: Live, *messages: dict) -> list[type]:
    (found,) = live.process([Accept(list(messages), live.company.clock.now())])
    return [type(each) for each in found]


def test_a_repeat_within_the_promise_is_known_and_later_it_is_not(live, clock):
    ask = Ask(user("ann"), "home", idempotency_key="k")
    (first,) = live.process([ask])
    assert receipts(live, ALIAS) == [Accepted]
    clock.at = Instant(NOW + 7 * DAY)
    assert forget(live) == 0
    assert live.process([ask]) == [first]
    assert receipts(live, ALIAS) == [Duplicate]
    clock.at = Instant(NOW + 7 * DAY + 1)
    assert forget(live) == 2
    assert forget(live) == 0
    (later,) = live.process([ask])
    assert later.decision_id != first.decision_id
    assert receipts(live, ALIAS) == [Accepted]


def test_events_are_known_for_ever(live, clock):
    assert receipts(live, VISIT) == [Accepted]
    clock.at = Instant(NOW + 400 * DAY)
    assert forget(live) == 0
    assert receipts(live, VISIT, VISIT) == [Duplicate, Duplicate]


def test_however_much_is_due_each_step_is_small(live, clock, monkeypatch):
    monkeypatch.setattr("cvo.api.forgetting._AT_MOST", 10)
    receipts(live, *({**ALIAS, "messageId": str(number)} for number in range(35)))
    steps = count()
    forget_some = live.company.store.forget_repeats

    def counted(before, at_most):
        next(steps)
        forgotten = forget_some(before, at_most)
        assert forgotten <= at_most
        return forgotten

    monkeypatch.setattr(live.company.store, "forget_repeats", counted)
    clock.at = Instant(NOW + 30 * DAY)
    assert forget(live) == 35
    assert next(steps) == 5


def test_a_promise_shorter_than_clients_rely_on_is_refused(live):
    folder = live.company.folder
    file = folder / "company.toml"
    file.write_text("repeats_known_days = 6.5\n" + file.read_text())
    with pytest.raises(InvalidInput, match=r"repeats_known_days is 6\.5; clients rely on at least 7"):
        Company.open(folder, write=False)
