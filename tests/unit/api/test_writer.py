import asyncio
import threading

import pytest

from cvo.api import writer as writer_module
from cvo.api.writer import Writer
from cvo.app.company import Company
from cvo.app.live import Accept, Ask, Live
from cvo.core.errors import InvalidInput, Unavailable
from cvo.events.message import Accepted, user
from tests.data.server import make_company


class CountedLive(Live):
    """Counts what is done together, and can be held in the middle of it."""

    def __init__(self, company: Company) -> None:
        super().__init__(company)
        self.sizes: list[int] = []
        self.hold = threading.Event()
        self.hold.set()

    def process(self, jobs):
        self.sizes.append(len(jobs))
        self.hold.wait(10)
        return super().process(jobs)


@pytest.fixture
def live(tmp_path):
    make_company(tmp_path / "company")
    with Company.open(tmp_path / "company") as company:
        yield CountedLive(company)


def run(live: Live, scenario):
    async def main():
        writer = Writer(live, asyncio.get_running_loop())
        writer.start()
        try:
            return await scenario(writer)
        finally:
            await writer.stop()
            assert not writer.alive

    return asyncio.run(main())


def ask(number: int, placement: str = "home") -> Ask:
    return Ask(user(f"c{number}"), placement)


def visit(number: int) -> dict:
    return {"type": "track", "userId": f"c{number}", "event": "Visit", "messageId": str(number)}


def test_what_queued_while_it_worked_is_done_together(live):
    async def scenario(writer):
        live.hold.clear()
        first = writer.decide(ask(0))
        while not live.sizes:
            await asyncio.sleep(0.001)
        rest = [writer.decide(ask(n)) for n in range(1, 30)]
        live.hold.set()
        return await asyncio.gather(first, *rest)

    made = run(live, scenario)
    assert [each.customer for each in made] == [f"c{n}" for n in range(30)]
    assert live.sizes == [1, 29]


def test_each_gets_its_own_answer(live):
    async def scenario(writer):
        taken = writer.accept(Accept([visit(1)], live.company.clock.now()))
        bad = writer.decide(ask(1, "nowhere"))
        good = writer.decide(ask(2))
        return await asyncio.gather(taken, bad, good, return_exceptions=True)

    taken, bad, good = run(live, scenario)
    assert isinstance(taken[0], Accepted)
    assert isinstance(bad, InvalidInput)
    assert good.customer == "c2"


def test_a_transaction_takes_on_no_more_than_its_limit(live):
    async def scenario(writer):
        live.hold.clear()
        batches = [Accept([visit(n)] * 1_500, live.company.clock.now()) for n in range(7)]
        waiting = [writer.accept(batch) for batch in batches]
        while not live.sizes:
            await asyncio.sleep(0.001)
        live.hold.set()
        await asyncio.gather(*waiting)

    run(live, scenario)
    assert sum(live.sizes) == 7
    assert max(live.sizes) * 1_500 < writer_module.WEIGHT_LIMIT + 1_500


def test_too_many_are_told_to_come_again_and_none_is_forgotten(live, monkeypatch):
    monkeypatch.setattr(writer_module, "WAITING_LIMIT", 10)

    async def scenario(writer):
        live.hold.clear()
        waiting = [writer.decide(ask(n)) for n in range(10)]
        with pytest.raises(Unavailable, match="try again"):
            writer.decide(ask(10))
        live.hold.set()
        await asyncio.gather(*waiting)
        assert writer.waiting == 0
        return await writer.decide(ask(11))

    assert run(live, scenario).customer == "c11"


def test_told_to_stop_it_does_what_waits_and_takes_nothing_more(live):
    async def scenario(writer):
        waiting = [writer.decide(ask(n)) for n in range(20)]
        stopping = asyncio.ensure_future(writer.stop())
        await asyncio.sleep(0)
        with pytest.raises(Unavailable, match="stopping"):
            writer.decide(ask(20))
        await stopping
        return [each.result() for each in waiting]

    assert len(run(live, scenario)) == 20


def test_a_fault_in_one_unit_of_work_is_answered_and_survived(live, monkeypatch, caplog):
    async def scenario(writer):
        monkeypatch.setattr(live, "process", lambda jobs: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await writer.decide(ask(1))
        monkeypatch.undo()
        return await writer.decide(ask(2))

    assert run(live, scenario).customer == "c2"
    assert "a unit of work failed" in caplog.text


def test_who_went_away_is_not_answered(live):
    async def scenario(writer):
        live.hold.clear()
        gone, stays = writer.decide(ask(1)), writer.decide(ask(2))
        gone.cancel()
        live.hold.set()
        return await stays

    assert run(live, scenario).customer == "c2"


def test_a_call_comes_between_transactions_in_its_turn(live):
    async def scenario(writer):
        live.hold.clear()
        before = writer.decide(ask(1))
        called = writer.call(lambda: (threading.current_thread().name, len(live.sizes)))
        after = writer.decide(ask(2))
        await asyncio.sleep(0.02)
        live.hold.set()
        await asyncio.gather(before, after)
        return await called

    assert run(live, scenario) == ("writer", 1)
    assert live.sizes == [1, 1]
