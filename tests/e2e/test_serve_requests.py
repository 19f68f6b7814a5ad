"""Requests a server has to get right: many at once, repeats, stated time, keys, and everything malformed."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from cvo.app.company import Company
from cvo.app.keys import keys_of, new_key, scopes_of
from cvo.app.records import records
from tests.data.server import make_company, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("asked") / "company"
    key = make_company(folder)
    with serving(folder, key) as running:
        running.folder = folder
        yield running


def _contacts(folder, customer: str) -> int:
    with Company.open(folder, write=False) as company:
        decisions = [records(company.store)(each.body) for each in company.store.decisions()]
    return sum(bool(slot.chosen) for d in decisions if d.customer == customer for slot in d.slots)


def test_many_requests_for_one_customer_at_one_moment_keep_the_limit(server):
    for customer in ("crowd-1", "crowd-2", "crowd-3"):
        body = {"customerId": customer, "placement": "newsletter"}
        with ThreadPoolExecutor(24) as pool:
            answers = list(pool.map(server.post, ["/v1/decisions"] * 24, [body] * 24))
        assert all(status == 200 for status, _ in answers)
        assert len({answer["decisionId"] for _, answer in answers}) == 24
        assert _contacts(server.folder, customer) <= 1
    assert sum(_contacts(server.folder, f"crowd-{n}") for n in (1, 2, 3)) >= 1


def test_a_repeat_under_the_same_key_gets_the_same_answer(server):
    body = {"customerId": "again", "placement": "home", "context": {"device": "phone"}}
    key = {"Idempotency_Key": "k1"}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: server.post("/v1/decisions", body, **key), range(8)))
    assert all(each == answers[0] for each in answers)
    assert answers[0][0] == 200
    status, problem = server.post("/v1/decisions", {**body, "placement": "newsletter"}, **key)
    assert status == 422
    assert "Idempotency-Key" in problem["detail"]
    # Another customer's key is another key.
    other = server.post("/v1/decisions", {**body, "customerId": "other"}, **key)
    assert other[1]["decisionId"] != answers[0][1]["decisionId"]


def test_room_without_end_is_all_the_room_there_is(server):
    body = {"customerId": "roomy", "placement": "home", "limit": 1e30}
    status, answer = server.post("/v1/decisions", body, Idempotency_Key="roomy")
    assert status == 200, answer
    assert server.post("/v1/decisions", body, Idempotency_Key="roomy") == (status, answer)


def test_a_bad_request_leaves_its_neighbours_alone(server):
    def ask(number: int):
        placement = "nowhere" if number % 3 == 0 else "home"
        return server.post("/v1/decisions", {"customerId": f"n{number}", "placement": placement})

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, range(48)))
    for number, (status, answer) in enumerate(answers):
        assert status == (422 if number % 3 == 0 else 200)
        if number % 3 == 0:
            assert answer["type"] == "urn:cvo:problem:invalid"
            assert "nowhere" in answer["detail"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b'{"placement": "home"}', 422),
        (b'{"customerId": "x"}', 400),
        (b'{"customerId": "null", "placement": "home"}', 422),
        (b'{"customerId": "x\\u0000", "placement": "home"}', 422),
        (b'{"customerId": "x", "placement": "home", "context": {"a": ["\\u0000"]}}', 422),
        (
            b'{"customerId": "x", "placement": "home", "context": {"a": ' + b"[" * 900 + b"]" * 900 + b"}}",
            422,
        ),
        (
            b'{"customerId": "x", "placement": "home", "context": {"a": ' + b"[" * 9000 + b"]" * 9000 + b"}}",
            400,
        ),
        (b'{"customerId": "x", "placement": "home", "context": {"a": 1e999}}', 400),
        (b'{"customerId": "\\ud800", "placement": "home"}', 400),
        (b'{"customerId": "x", "placement": "home", "surprise": 1}', 400),
        (b'{"customerId": "x", "placement": "home", "context": {"a": "' + b"x" * 70_000 + b'"}}', 413),
    ],
)
def test_what_is_no_request_for_a_decision_is_said_to_be_none(server, body, status):
    answered, problem = server.post("/v1/decisions", body)
    assert answered == status, problem
    assert problem.keys() == {"type", "title", "status", "detail"}
    assert problem["status"] == status


def test_a_key_opens_what_its_scopes_say(server):
    with Company.open(server.folder, write=False) as company:
        writing = new_key(company, scopes_of("write"), "writing")
        reading = new_key(company, scopes_of("read"), "reading")
    event = {"userId": "k", "event": "Visit"}
    body = {"customerId": "k", "placement": "home"}
    # A running server learns of a new key within seconds.
    until = time.monotonic() + 10
    while server.post("/v1/track", event, key=writing)[0] == 401 and time.monotonic() < until:
        time.sleep(0.2)
    assert server.post("/v1/track", event, key=writing)[0] == 200
    assert server.post("/v1/decisions", body, key=writing)[0] == 403
    assert server.get("/v1/customers/k", key=writing)[0] == 403
    assert server.get("/v1/customers/k", key=reading)[0] == 200
    assert server.post("/v1/track", event, key=reading)[0] == 403
    assert server.post("/v1/track", event, key="")[0] == 401
    assert server.post("/v1/track", event, key="cvo_nobody")[0] == 401
    assert server.get("/v1/customers/nobody-of-that-name", key=reading)[0] == 404
    with Company.open(server.folder, write=False) as company:
        keys_of(company).revoke("writing", company.clock.now())
    until = time.monotonic() + 10
    while server.post("/v1/track", event, key=writing)[0] == 200 and time.monotonic() < until:
        time.sleep(0.2)
    assert server.post("/v1/track", event, key=writing)[0] == 401


def test_a_stated_time_is_refused_where_time_is_real(server):
    stated = {"X_Simulated_Now": "2025-01-01T00:00:00Z"}
    status, problem = server.post("/v1/decisions", {"customerId": "t", "placement": "home"}, **stated)
    assert status == 400
    assert "--simulated-time" in problem["detail"]
    assert server.post("/v1/track", {"userId": "t", "event": "Visit"}, **stated)[0] == 400


def test_a_simulated_year_passes_through_the_public_door(tmp_path):
    folder = tmp_path / "company"
    key = make_company(folder)
    with serving(folder, key, "--simulated-time", "--learn-every", "86400") as server:
        body = {"customerId": "s", "placement": "newsletter"}
        status, problem = server.post("/v1/decisions", body)
        assert status == 422
        assert "X-Simulated-Now" in problem["detail"]
        mails = 0
        for day in range(1, 29):
            stated = {"X_Simulated_Now": f"2025-02-{day:02}T12:00:00Z"}
            event = {
                "userId": "s",
                "event": "Visit",
                "timestamp": f"2025-02-{day:02}T11:00:00Z",
                "sentAt": "2026-01-01T00:00:00Z",
            }
            assert server.post("/v1/track", event, **stated)[0] == 200
            status, made = server.post("/v1/decisions", body, **stated)
            assert status == 200
            assert made["madeAt"] == f"2025-02-{day:02}T12:00:00Z"
            mails += bool(made["items"])
        assert server.post("/v1/decisions", body)[1]["madeAt"] == "2025-02-28T12:00:00Z"
        # At most one a week, by the stated clock: real time has hardly moved.
        assert mails <= 4
        status, customer = server.get("/v1/customers/s")
        assert customer["counts"]["activity:Visit"]["lastAt"] == "2025-02-28T11:00:00Z"
        assert customer["counts"]["activity:Visit"]["count"] == 28
        # Without the header an event happens when it says.
        old = {"userId": "s", "event": "Visit", "timestamp": "2024-12-24T11:00:00Z"}
        assert server.post("/v1/track", old)[0] == 200
        assert server.get("/v1/customers/s")[1]["firstSeenAt"] == "2024-12-24T11:00:00Z"
        until = time.monotonic() + 60
        while "cvo_lessons_total 0.0" in server.get("/metrics")[1] and time.monotonic() < until:
            time.sleep(0.2)
        assert "cvo_lessons_total 0.0" not in server.get("/metrics")[1]
        status, made = server.post("/v1/decisions", body, X_Simulated_Now="2025-03-15T12:00:00Z")
        assert server.post(f"/v1/decisions/{made['decisionId']}/replay", None)[1]["identical"]
