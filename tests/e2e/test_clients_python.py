"""The Python clients of Segment and RudderStack, unchanged, against a real server."""

import gzip
import json
from datetime import UTC, datetime

import pytest
import rudderstack.analytics.client
import segment.analytics.client

from tests.data.clients import check_the_story
from tests.data.lossy import losing_answers
from tests.data.server import make_company, serving

CLIENTS = {"segment": segment.analytics.client.Client, "rudder": rudderstack.analytics.client.Client}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clients") / "company"
    key = make_company(folder)
    with serving(folder, key) as running:
        yield running


@pytest.fixture(params=sorted(CLIENTS))
def connect(request):
    """Connect the client to an address; what it could not send is kept in `failed`."""
    connected = []

    def connect(address, key, **options):
        failed = []
        client = CLIENTS[request.param](
            key, host=address, on_error=lambda error, _batch: failed.append(error), **options
        )
        client.failed, client.customer = failed, f"{request.param}-{len(connected)}"
        connected.append(client)
        return client

    yield connect
    for client in connected:
        client.shutdown()


def tell_a_story(client, customer):
    """Send everything a client can say, of one customer."""
    client.identify(
        customer, {"city": "Oslo", "address": {"zip": "0150"}}, anonymous_id=f"{customer}-browser"
    )
    client.page(customer, name="Start")
    client.screen(customer, name="Settings")
    client.group(customer, "club", {"plan": "gold"})
    client.track(customer, "Visit", timestamp=datetime(2026, 3, 1, 12, tzinfo=UTC))
    order = {"order_id": f"{customer}-1", "revenue": 40.5, "currency": "EUR"}
    client.track(customer, "Order Completed", order)
    client.track(anonymous_id=f"{customer}-phone", event="Search")
    client.alias(f"{customer}-phone", customer)
    client.flush()
    assert client.failed == []


def test_what_was_sent_is_in_the_profile(server, connect):
    client = connect(server.address, server.key)
    tell_a_story(client, client.customer)
    check_the_story(server, client.customer)


def test_what_is_sent_again_for_want_of_an_answer_counts_once(server, connect):
    with losing_answers(server.address, to_lose=2) as network:
        client = connect(network.address, server.key)
        customer = f"{client.customer}-again"
        tell_a_story(client, customer)
        client.shutdown()
    assert len(network.arrived) >= 3
    batches = [[each["messageId"] for each in _read(*arrived)["batch"]] for arrived in network.arrived]
    assert batches[0] == batches[1]
    check_the_story(server, customer)


def _read(headers, body):
    return json.loads(gzip.decompress(body) if headers.get("Content-Encoding") == "gzip" else body)


def test_each_client_packs_as_it_does(server, connect):
    with losing_answers(server.address, to_lose=0) as network:
        client = connect(network.address, server.key)
        client.track(f"{client.customer}-packed", "Visit")
        client.shutdown()
        assert client.failed == []
    headers, _ = network.arrived[0]
    rudder = isinstance(client, CLIENTS["rudder"])
    assert headers.get("Content-Encoding") == ("gzip" if rudder else None)
    assert headers["Authorization"].startswith("Basic ")


def test_many_messages_come_in_the_batches_the_client_makes(server, connect):
    client = connect(server.address, server.key)
    for n in range(250):
        client.track(f"{client.customer}-many", "Visit", {"n": n, "filler": "x" * 20_000})
    client.flush()
    assert client.failed == []
    _, found = server.get(f"/v1/customers/{client.customer}-many")
    assert found["counts"]["activity:Visit"]["count"] == 250


def test_a_key_that_is_not_in_use_is_told_once_and_not_tried_for_ever(server, connect):
    with losing_answers(server.address, to_lose=0) as network:
        client = connect(network.address, "guess")
        client.track(f"{client.customer}-guess", "Visit")
        client.shutdown()
    assert len(network.arrived) == 1
    (error,) = client.failed
    assert (error.status, error.code) == (401, "unauthorized")
    assert "cvo keys new" in error.message
