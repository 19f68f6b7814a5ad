"""The rulebook over HTTP: what is said in one request counts in the next, whatever door it came in by."""

import pytest

from tests.data.server import CATALOGUE, make_company, serving

RULES = """
rests: {later: {after: postponed, per: action, days: 14}}
intents: {complaint: {opens: Complaint Opened, closes: Complaint Resolved, holds: [grow]}}
rules: {stocked: {per: action, of: accessory, applicable: ['stock_at("A1", "store") > 0']}}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ruled") / "company"
    key = make_company(folder, CATALOGUE + RULES)
    with serving(folder, key) as running:
        yield running


def tell(server, event, user, **properties):
    status, _ = server.post(
        "/v1/track", {"type": "track", "userId": user, "event": event, "properties": properties}
    )
    assert status == 200


def refused(server, customer, placement="home", **context):
    body = {
        "customerId": customer,
        "placement": placement,
        "context": {"device": "app", **context},
        "explain": True,
    }
    status, answer = server.post("/v1/decisions", body)
    assert status == 200
    again = server.post(f"/v1/decisions/{answer['decisionId']}/replay", {})
    assert again == (200, {"identical": True, "differences": []})
    return {
        each["action"]: (each["refusedBy"]["tier"], each["refusedBy"]["until"])
        for each in answer["explanation"]["actions"]
        if each["refusedBy"]
    }


def test_the_last_one_sold_in_a_shop_is_not_offered_there_again(server):
    assert refused(server, "s1", store="oslo") == {"accessory": ("applicable", None)}
    tell(server, "Inventory Updated", "warehouse", product="A1", place="oslo", quantity=1)
    assert refused(server, "s2", store="oslo") == {}
    assert refused(server, "s3", store="rome") == {"accessory": ("applicable", None)}
    tell(server, "Inventory Updated", "warehouse", product="A1", place="oslo", quantity=0)
    assert refused(server, "s4", store="oslo") == {"accessory": ("applicable", None)}


def test_a_complaint_on_one_channel_holds_selling_back_on_all(server):
    tell(server, "Complaint Opened", "c1")
    for placement in ("home", "newsletter"):
        found = refused(server, "c1", placement)
        assert found["upgrade"] == ("conversation", None)
    assert "callback" not in refused(server, "c1")
    tell(server, "Complaint Resolved", "c1")
    assert "upgrade" not in refused(server, "c1")


def test_later_on_the_web_is_not_mailed_tomorrow(server):
    tell(server, "Action Postponed", "l1", action="upgrade", placement="home")
    tier, until = refused(server, "l1", "newsletter")["upgrade"]
    assert tier == "rest"
    assert until.endswith("Z")


def test_a_flag_stands_while_other_products_are_reported(server):
    def evaluated():
        asked = {"context": {"targetingKey": "f1", "device": "app", "store": "oslo"}}
        status, answer = server.post("/ofrep/v1/evaluate/flags/home", asked)
        assert status == 200
        return answer

    tell(server, "Inventory Updated", "warehouse", product="A1", place="oslo", quantity=3)
    first = evaluated()
    tell(server, "Inventory Updated", "warehouse", product="B7", place="oslo", quantity=0)
    assert evaluated() == first
    tell(server, "Inventory Updated", "warehouse", product="A1", place="oslo", quantity=0)
    assert evaluated()["metadata"]["decisionId"] != first["metadata"]["decisionId"]
