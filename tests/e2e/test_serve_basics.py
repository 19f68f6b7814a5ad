"""A real server: events in, a decision out, explained and made again."""

import subprocess
import sys

import pytest

from tests.data.server import make_company, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served") / "company"
    key = make_company(folder)
    with serving(folder, key) as running:
        running.folder = folder
        yield running


def test_an_event_then_a_decision_its_record_and_its_replay(server):
    order = {"userId": "ann", "event": "Order Completed", "properties": {"order_id": "1", "revenue": 40}}
    assert server.post("/v1/track", order) == (200, {"success": True})
    status, made = server.post("/v1/decisions", {"customerId": "ann", "placement": "home"})
    assert status == 200
    assert made.keys() == {"decisionId", "customerId", "madeAt", "arm", "policyVersion", "items"}
    assert made["customerId"] == "ann"
    status, record = server.get(f"/v1/decisions/{made['decisionId']}")
    assert status == 200
    assert {each["action"] for each in record["explanation"]["actions"]} == {
        "upgrade",
        "accessory",
        "callback",
    }
    assert record["items"] == made["items"]
    assert record["policyVersion"] == made["policyVersion"]
    again = server.post(f"/v1/decisions/{made['decisionId']}/replay", None)
    assert again == (200, {"identical": True, "differences": []})
    status, customer = server.get("/v1/customers/ann")
    assert status == 200
    assert customer["account"]["revenue"] == 40
    assert [each["decisionId"] for each in customer["decisions"]] == [made["decisionId"]]


def test_what_is_delivered_comes_with_its_content_and_probability(server):
    for n in range(60):
        _, made = server.post("/v1/decisions", {"anonymousId": f"a{n}", "placement": "home"})
        for item in made["items"]:
            if item["action"] == "upgrade":
                assert item["content"] == {"title": {"content": "Faster", "attributes": {"tone": "warm"}}}
                assert item["creative"] == "u-home"
                assert 0 < item["propensity"] < 1
                assert item["expectedValue"]["currency"] == "EUR"
                assert item["grade"] == "assumed"
                return
    pytest.fail("sixty visitors and nobody was shown an upgrade")


def test_a_writing_command_is_refused_with_the_address(server):
    command = [sys.executable, "-m", "cvo", "apply", "--company", str(server.folder)]
    refused = subprocess.run(command, check=False, capture_output=True, text=True)
    assert refused.returncode == 4
    assert server.address in refused.stderr


def test_health_metrics_and_openapi_need_no_key(server):
    assert server.get("/healthz", key="")[0] == 200
    status, text = server.get("/metrics", key="")
    assert status == 200
    assert 'cvo_requests_total{route="/v1/decisions",status="200"}' in text
    assert "cvo_units_of_work_total 0.0" not in text
    status, document = server.get("/openapi.json", key="")
    assert status == 200
    assert document["openapi"].startswith("3.1")
