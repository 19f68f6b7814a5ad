"""What clients made for Segment and RudderStack do on the wire, byte by byte, against a real server."""

import gzip
import json
import socket
import zlib

import pytest

from cvo.api.segment import PACKED_LIMIT, PLAIN_LIMIT, UNPACKED_LIMIT
from cvo.app.company import Company
from tests.data.server import make_company, serving

DONE = (200, {"success": True})


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("quirks") / "company"
    key = make_company(folder)
    with serving(folder, key) as running:
        running.folder = folder
        yield running


def counts(server, customer):
    return server.get(f"/v1/customers/{customer}")[1]["counts"]


def visits(server, customer):
    return counts(server, customer)["activity:Visit"]["count"]


def visit(customer, **rest):
    return {"userId": customer, "event": "Visit", **rest}


def test_an_absent_anonymous_id_may_be_null(server):
    message = visit("nora", anonymousId=None, type="track", messageId="n1")
    assert server.post("/v1/batch", {"batch": [message]}) == DONE
    assert server.get("/v1/customers/nora")[1]["anonymousIds"] == []


def test_one_bad_message_fails_alone_and_is_kept_with_its_reason(server):
    bad = [
        {"type": "track", "event": "Visit"},
        {"type": "wish", "userId": "olga"},
        7,
        {"type": "track", "event": "Order Completed", "userId": "olga", "properties": {"order_id": 1}},
    ]
    assert server.post("/v1/batch", {"batch": [*bad, {**visit("olga"), "type": "track"}]}) == DONE
    assert counts(server, "olga") == {
        name: counts(server, "olga")[name] for name in ("activity", "activity:Visit")
    }
    assert visits(server, "olga") == 1
    status, text = server.get("/metrics", key="")
    assert status == 200
    assert 'cvo_messages_total{outcome="refused"} 4.0' in text


@pytest.mark.parametrize("label", ["application/json", "application/x-www-form-urlencoded", "text/plain"])
def test_compressed_json_is_read_whatever_it_is_called(server, label):
    customer = f"packed-{label.partition('/')[2]}"
    batch = {
        "batch": [{**visit(customer), "type": "track"} for _ in range(3)],
        "sentAt": "2026-01-01T00:00:00Z",
    }
    for n, message in enumerate(batch["batch"]):
        message["messageId"] = f"{customer}-{n}"
    body = gzip.compress(json.dumps(batch).encode())
    for _ in range(2):
        assert server.post("/v1/batch", body, Content_Encoding="gzip", Content_Type=label) == DONE
    assert visits(server, customer) == 3


def test_the_largest_batches_that_clients_send_are_taken(server):
    """The Python client of Segment stops after 475,000 bytes, that of RudderStack after 4 MiB, one message later."""
    plain = batch_of("plain", 475_000)
    assert len(plain) > 500_000
    assert server.post("/v1/batch", plain) == DONE
    unpacked = batch_of("packed", 4 << 20)
    assert server.post("/v1/batch", gzip.compress(unpacked, 1), Content_Encoding="gzip") == DONE
    assert visits(server, "plain") == 16
    assert visits(server, "packed") == 133


def batch_of(customer, at_least):
    """Return a batch as clients cut it: full once a message has gone beyond the limit."""
    messages, size = [], 0
    while size < at_least:
        filler = {"filler": "x" * 31_500, "n": len(messages)}
        messages.append(
            {"type": "track", "messageId": f"m{len(messages)}", **visit(customer, properties=filler)}
        )
        size += len(json.dumps(messages[-1]))
    return json.dumps({"batch": messages}).encode()


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (b" " * (PLAIN_LIMIT + 1), ""),
        (b" " * (PACKED_LIMIT + 1), "gzip"),
        (b" " * (40 << 20), ""),
        (gzip.compress(b" " * (UNPACKED_LIMIT + 1)), "gzip"),
        (gzip.compress(b" " * (200 << 20), 1), "gzip"),
    ],
    ids=["plain", "packed", "far too long", "unpacked", "bomb"],
)
def test_what_is_too_large_is_refused(server, body, encoding):
    status, problem = server.post("/v1/batch", body, Content_Encoding=encoding)
    assert status == 413
    assert problem["type"] == "urn:cvo:problem:too-large"
    assert "send smaller batches" in problem["detail"]


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (b"", ""),
        (b"{", ""),
        (b"[]", ""),
        (b'{"batch": {}}', ""),
        (b'{"messages": []}', ""),
        (b'\xff{"batch": []}', ""),
        (b"[" * 100_000, ""),
        (b'{"batch": []}', "gzip"),
        (gzip.compress(b'{"batch": []}', mtime=0)[:-3], "gzip"),
        (gzip.compress(b'{"batch": []}', mtime=0) + b"more", "gzip"),
        (zlib.compress(b'{"batch": []}'), "gzip"),
    ],
)
def test_what_is_no_batch_is_refused_whole(server, body, encoding):
    status, problem = server.post("/v1/batch", body, Content_Encoding=encoding)
    assert status == 400
    assert problem["code"] == "bad-request"
    assert problem["message"] == problem["detail"]


BROWSER = {"i": "identify", "t": "track", "p": "page", "g": "group", "a": "alias", "b": "batch"}
MESSAGES = {
    "i": {"userId": "bea", "anonymousId": "b-1", "traits": {"city": "Oslo"}},
    "t": {"userId": "bea", "event": "Visit"},
    "p": {"userId": "bea", "name": "Start"},
    "g": {"userId": "bea", "groupId": "club"},
    "a": {"userId": "bea", "previousId": "b-2"},
    "b": {"batch": [{"type": "track", "userId": "bea", "event": "Call"}]},
}


@pytest.mark.parametrize("prefix", ["", "/v1"])
def test_browsers_send_text_with_the_key_inside_to_short_addresses(server, prefix):
    customer = f"bea{prefix.replace('/', '-')}"
    for letter, message in MESSAGES.items():
        body = json.dumps({**message, "writeKey": server.key}).replace('"bea"', f'"{customer}"').encode()
        sent = server.post(
            f"{prefix}/{letter}", body, key="", Content_Type="text/plain", Origin="https://shop"
        )
        assert sent == DONE
    _, found = server.get(f"/v1/customers/{customer}")
    assert found["traits"] == {"city": "Oslo"}
    assert {"activity:Visit", "activity:page", "activity:group", "activity:Call"} <= found["counts"].keys()


def test_a_key_in_the_body_has_to_be_one_in_use_and_is_kept_nowhere(server):
    assert server.post("/v1/t", visit("eve", writeKey="guess"), key="")[0] == 401
    assert server.post("/v1/t", visit("eve", writeKey=7), key="")[0] == 401
    assert server.post("/v1/t", visit("eve"), key="")[0] == 401
    assert server.post("/v1/t", visit("eve", writeKey=server.key), key="guess")[0] == 401
    assert server.get("/v1/customers/eve")[0] == 404
    # A message that is refused is kept word for word, but for the key.
    assert server.post("/v1/t", {"event": "Visit", "writeKey": server.key, "mark": "eve"}, key="") == DONE
    assert server.post("/v1/b", {"batch": [{"writeKey": server.key, "mark": "eve"}]}) == DONE
    with Company.open(server.folder, write=False) as company:
        kept = [letter.raw for letter in company.store.dead_letters() if '"eve"' in letter.raw]
    assert len(kept) == 2
    for file in (server.folder / "data").iterdir():
        assert server.key.encode() not in file.read_bytes()


def test_browsers_read_their_settings_first(server):
    status, found = server.get(f"/v1/projects/{server.key}/settings", key="")
    host = server.address.removeprefix("http://")
    assert status == 200
    assert found["integrations"] == {
        "Segment.io": {"apiKey": server.key, "protocol": "http", "apiHost": f"{host}/v1"}
    }
    assert server.get("/v1/projects/guess/settings", key="")[0] == 401


def exchange(server, request):
    """Return the head of an answer as it comes over the wire."""
    host, port = server.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as wire:
        wire.sendall(request.replace("\n", "\r\n").encode())
        return wire.recv(65_536).decode().lower().partition("\r\n\r\n")[0].split("\r\n")


def test_pages_of_other_sites_may_send_events_and_read_flags_and_nothing_else(server):
    asked = "Host: cvo\nOrigin: https://shop\nAccess-Control-Request-Method: POST"
    wanted = "Access-Control-Request-Headers: authorization,x-retry-count\nConnection: close\n\n"
    for path in ("/v1/t", "/v1/track", "/ofrep/v1/evaluate/flags", "/ofrep/v1/evaluate/flags/home"):
        status, *head = exchange(server, f"OPTIONS {path} HTTP/1.1\n{asked}\n{wanted}")
        assert status.startswith("http/1.1 204")
        assert "access-control-allow-origin: *" in head
        assert "access-control-allow-headers: authorization,x-retry-count" in head
    for path in ("/v1/decisions", "/v1/customers/ann", "/v1/value"):
        status, *head = exchange(server, f"OPTIONS {path} HTTP/1.1\n{asked}\n{wanted}")
        assert not any(line.startswith("access-control-") for line in head)
    refused = exchange(server, "POST /v1/t HTTP/1.1\nHost: cvo\nOrigin: https://shop\nContent-Length: 0\n\n")
    assert refused[0].startswith("http/1.1 400")
    assert "access-control-allow-origin: *" in refused


def test_a_known_address_says_which_method_it_takes(server):
    for path, method in {"/v1/batch": "post", "/v1/decisions": "post", "/v1/customers/ann": "get"}.items():
        status, *head = exchange(server, f"PUT {path} HTTP/1.1\nHost: cvo\nContent-Length: 0\n\n")
        assert status.startswith("http/1.1 405"), path
        allowed = next(line for line in head if line.startswith("allow:"))
        assert method in allowed


def test_a_caller_may_have_room_for_less(server):
    for n in range(20):
        asked = {"customerId": f"room{n}", "placement": "home", "limit": 1, "explain": True}
        status, made = server.post("/v1/decisions", asked)
        assert status == 200
        assert len(made["explanation"]["slots"]) == 1
        replayed = server.post(f"/v1/decisions/{made['decisionId']}/replay", None)
        assert replayed == (200, {"identical": True, "differences": []})
    for limit in (0, -1, 1.5):
        status, problem = server.post("/v1/decisions", {**asked, "limit": limit})
        assert status == 422
        assert "limit" in problem["detail"]


def test_a_number_is_an_id_however_it_is_written(server):
    _, made = server.post("/v1/decisions", b'{"customerId": 17.0, "placement": "home"}')
    assert made["customerId"] == "17"
    assert server.post("/v1/decisions", {"customerId": 1.5, "placement": "home"})[0] == 422
