"""A server killed under load, again and again: nothing that was acknowledged is lost, nothing counts twice."""

import http.client
import json
import threading
import time
from collections import Counter
from urllib.parse import urlsplit

import pytest

from cvo.app.company import Company
from cvo.app.records import records
from cvo.app.replay import replay
from cvo.app.state import Pinned
from cvo.core.clock import DAY
from cvo.core.ids import DecisionId
from cvo.decisions.decision import Purpose
from cvo.events.event import Delivery, Order
from cvo.events.message import user
from cvo.storage.check import check
from tests.data.server import make_company, serving

CUSTOMERS = 12
CLIENTS = 6


class Client(threading.Thread):
    """Sends orders and asks for decisions one after the other; what got no answer is sent again, as it was."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number
        self.address = ""
        self.key = ""
        self.count = 0
        self.waiting: tuple[str, dict, dict] | None = None
        self.acknowledged: list[tuple[str, dict, dict]] = []
        self.up = threading.Event()
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.is_set():
            if self.up.wait(0.05):
                self._talk()
        if self.waiting is not None:
            self._talk(until_answered=True)

    def _talk(self, *, until_answered: bool = False) -> None:
        connection = http.client.HTTPConnection(urlsplit(self.address).netloc, timeout=20)
        try:
            while self.up.is_set() and not (self.over.is_set() and not until_answered):
                self.waiting = self.waiting or self._next()
                path, body, headers = self.waiting
                authorized = {"Authorization": f"Bearer {self.key}", **headers}
                connection.request("POST", path, json.dumps(body), authorized)
                answer = connection.getresponse()
                content = json.loads(answer.read())
                if answer.status == 200:
                    self.acknowledged.append((path, body, content))
                    self.waiting = None
                    if until_answered:
                        return
                elif answer.status != 503:
                    raise AssertionError((answer.status, content))
        except (http.client.HTTPException, OSError):
            self.up.clear()
        finally:
            connection.close()

    def _next(self) -> tuple[str, dict, dict]:
        self.count += 1
        name = f"{self.number}-{self.count}"
        customer = f"c{(self.count * 5 + self.number) % CUSTOMERS}"
        if self.count % 2:
            properties = {"order_id": name, "revenue": 1}
            return (
                "/v1/track",
                {
                    "userId": customer,
                    "messageId": name,
                    "event": "Order Completed",
                    "properties": properties,
                },
                {},
            )
        placement = "newsletter" if self.count % 4 else "home"
        return "/v1/decisions", {"customerId": customer, "placement": placement}, {"Idempotency-Key": name}


def _serve_and_kill(folder, key: str, clients: list[Client], seconds: float, *, kill: bool) -> None:
    with serving(folder, key) as server:
        for client in clients:
            client.address, client.key = server.address, server.key
            client.up.set()
        time.sleep(seconds)
        if kill:
            server.process.kill()
            server.process.wait()
            for client in clients:
                client.up.clear()
            return
        for client in clients:
            client.over.set()
        for client in clients:
            client.join(timeout=30)
            assert not client.is_alive()
        assert server.stop() == 0


def _killed(folder, kills: int) -> None:
    key = make_company(folder)
    clients = [Client(number) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    for kill in range(kills):
        _serve_and_kill(folder, key, clients, 0.3 + 0.037 * (kill % 7), kill=True)
    _serve_and_kill(folder, key, clients, 0.3, kill=False)
    acknowledged = [each for client in clients for each in client.acknowledged]
    assert len(acknowledged) == sum(client.count for client in clients)
    with Company.open(folder, write=False) as company:
        assert check(company.store) == []
        _orders_counted_once(company, acknowledged)
        _decisions_made_once(company, acknowledged)
        _limits_respected(company)


def _orders_counted_once(company: Company, acknowledged) -> None:
    sent = Counter(body["userId"] for path, body, _ in acknowledged if path == "/v1/track")
    assert len(sent) == CUSTOMERS
    for customer, count in sent.items():
        assert company.store.person(user(customer)).profile.tallies["order"].count == count
    assert sum(sent.values()) == len(list(company.store.events([Order])))


def _decisions_made_once(company: Company, acknowledged) -> None:
    answers = [answer for path, _, answer in acknowledged if path == "/v1/decisions"]
    logged = {each.decision_id: records(company.store)(each.body) for each in company.store.decisions()}
    assert len({answer["decisionId"] for answer in answers}) == len(answers) == len(logged) > 10
    for answer in answers:
        decision = logged[DecisionId(answer["decisionId"])]
        shown = [slot.chosen for slot in decision.slots if slot.delivery is Delivery.DELIVERED]
        assert [item["action"] for item in answer["items"]] == shown
    pinned = Pinned(company.store)
    for decision_id in logged:
        again = replay(company, decision_id, pinned)
        assert again.identical, again.differences


def _limits_respected(company: Company) -> None:
    mails = Counter(
        each.person_id
        for each in company.store.decisions(Purpose.LIVE)
        if each.placement == "newsletter"
        and any(slot.chosen for slot in records(company.store)(each.body).slots)
    )
    times = [each.at for each in company.store.decisions()]
    assert max(times) - min(times) < DAY
    assert mails
    assert max(mails.values()) == 1


def test_killed_twice_under_load(tmp_path):
    _killed(tmp_path / "company", kills=2)


@pytest.mark.slow
def test_killed_twenty_times_under_load(tmp_path):
    _killed(tmp_path / "company", kills=20)
