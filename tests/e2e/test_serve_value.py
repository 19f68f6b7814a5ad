"""`GET /v1/value`: asked for a stretch of time and columns, over the door."""

import pytest

from tests.data.server import make_company, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("value") / "company"
    key = make_company(folder)
    with serving(folder, key) as running:
        yield running


def test_the_report_is_that_of_the_command_for_the_period_asked(server):
    order = {"userId": "ann", "event": "Order Completed", "timestamp": "2026-01-05T10:00:00Z"}
    order["properties"] = {"order_id": "1", "revenue": 40, "discount": 2.5}
    call = {"userId": "ann", "event": "Call Ended", "timestamp": "2026-01-06T10:00:00Z"}
    call["properties"] = {"service_cost": 4}
    for message in (order, call):
        assert server.post("/v1/track", message) == (200, {"success": True})
    status, found = server.get("/v1/value?from=2026-01-01&to=2026-02-01T00:00:00Z&by=stage,week")
    assert status == 200
    assert (found["from"], found["to"]) == ("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z")
    assert found["by"] == ["stage", "week"]
    assert found["realised"]["revenue"]["amount"] == 40
    assert found["realised"]["service_cost"]["amount"] == 4
    assert found["programme"]["reason"] == found["split"]["reason"] == "no live decisions"
    status, later = server.get("/v1/value?from=2026-02-01")
    assert (status, later["realised"]["orders"]) == (200, 0)
    _, customer = server.get("/v1/customers/ann")
    assert (customer["account"]["serviceCost"], customer["account"]["incentives"]) == (4, 2.5)
    assert customer["predictions"] == []


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("by=colour", "colour"),
        ("from=yesterday", "from"),
        ("from=2026-02-01&to=2026-01-01", "empty"),
        ("since=2026-01-01", "since"),
        ("by=stage&by=week", "twice"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(server, query, names):
    status, problem = server.get(f"/v1/value?{query}")
    assert status == 422
    assert names in problem["detail"]
