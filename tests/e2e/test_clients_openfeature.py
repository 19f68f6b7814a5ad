"""OpenFeature's own SDK with its OFREP provider, unchanged, against a real server; and the protocol's bare words."""

import pytest
import requests
from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode
from openfeature.flag_evaluation import Reason

from tests.data.server import CATALOGUE, make_company, serving

FLAGS = "/ofrep/v1/evaluate/flags"
NOBODY_WITHHELD = CATALOGUE.replace("status: live,", "status: live, withheld_rate: 0,")
DEFAULT = {"items": [{"action": "default"}]}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("flags") / "company"
    key = make_company(folder, NOBODY_WITHHELD)
    with serving(folder, key) as running:
        yield running


@pytest.fixture
def flags(server):
    provider = OFREPProvider(
        server.address, headers_factory=lambda: {"Authorization": f"Bearer {server.key}"}
    )
    api.set_provider(provider)
    yield api.get_client()
    provider.session.close()
    api.shutdown()


def evaluation(flags, customer, **attributes):
    return flags.get_object_details("home", DEFAULT, EvaluationContext(customer, attributes))


def shown_upgrade(flags, prefix):
    """Return somebody whose evaluation shows the upgrade."""
    for n in range(60):
        found = evaluation(flags, f"{prefix}{n}")
        if "u-home" in found.variant.split("+"):
            return f"{prefix}{n}", found
    pytest.fail("sixty customers and nobody was to see an upgrade")


def test_a_flag_is_what_the_placement_would_show(server, flags):
    customer, found = shown_upgrade(flags, "fay")
    item = next(each for each in found.value["items"] if each["action"] == "upgrade")
    assert item == {
        "rank": item["rank"],
        "action": "upgrade",
        "creative": "u-home",
        "content": {"title": "Faster"},
    }
    assert found.reason is Reason.SPLIT
    assert found.variant == "+".join(each["creative"] for each in found.value["items"])
    status, record = server.get(f"/v1/decisions/{found.flag_metadata['decisionId']}")
    assert status == 200
    assert record["purpose"] == "rehearsal"
    assert record["customerId"] == customer
    assert server.post(f"/v1/decisions/{record['decisionId']}/replay", None)[1]["identical"]


def test_evaluating_is_not_showing(server, flags):
    customer, found = shown_upgrade(flags, "gil")
    _, before = server.get(f"/v1/customers/{customer}")
    assert before["account"]["contacts"] == 0
    assert not any(name.startswith("contact") for name in before["counts"])
    shown = {"action": "upgrade", **found.flag_metadata}
    said = {"userId": customer, "event": "Action Presented", "properties": shown}
    assert server.post("/v1/track", said) == (200, {"success": True})
    _, after = server.get(f"/v1/customers/{customer}")
    assert after["counts"]["response:presented:action:upgrade"]["count"] == 1
    assert after["counts"]["response:presented:channel:web"]["count"] == 1


def test_an_evaluation_stands_until_something_is_known_that_was_not(server, flags):
    first = evaluation(flags, "hal", device="phone")
    assert evaluation(flags, "hal", device="phone") == first
    other = evaluation(flags, "hal", device="kiosk")
    assert other.flag_metadata["decisionId"] != first.flag_metadata["decisionId"]
    server.post("/v1/identify", {"userId": "hal", "traits": {"city": "Oslo"}})
    assert evaluation(flags, "hal", device="phone").flag_metadata != first.flag_metadata
    _, customer = server.get("/v1/customers/hal")
    assert len(customer["decisions"]) == 3


def test_rules_read_the_context(server, flags):
    nested = {"device": "kiosk", "cart": {"lines": [1, 2]}, "tags": ["a"], "nothing": None}
    for n in range(20):
        assert "c-home" not in evaluation(flags, f"ida{n}", **nested).variant
    _, record = server.get(f"/v1/decisions/{evaluation(flags, 'ida0', **nested).flag_metadata['decisionId']}")
    assert record["context"] == {"device": "kiosk", "cart.lines": "[1,2]", "tags": '["a"]'}


def test_a_visitor_without_a_name_is_not_the_customer_of_that_name(server, flags):
    evaluation(flags, "jo", anonymous=True)
    assert server.get("/v1/customers/jo")[0] == 404


def test_control_customers_and_withheld_deliveries_get_no_items(tmp_path):
    key = make_company(
        tmp_path / "company", CATALOGUE.replace("status: live,", "status: live, withheld_rate: 0.5,")
    )
    with serving(tmp_path / "company", key) as server:
        seen = {"shown": 0, "withheld": 0, "control": 0}
        for n in range(150):
            _, found = server.post(f"{FLAGS}/home", {"context": {"targetingKey": f"k{n}"}})
            _, record = server.get(f"/v1/decisions/{found['metadata']['decisionId']}")
            shown = {item["action"] for item in found["value"]["items"]}
            for slot in record["explanation"]["slots"]:
                kind = "control" if record["arm"] == "control" else "withheld"
                kind = (
                    "shown"
                    if slot["chosen"] in shown
                    else kind
                    if slot["chosen"] or kind == "control"
                    else ""
                )
                if kind == "withheld":
                    assert slot["coin"] < 0.5
                elif kind == "shown":
                    assert slot["coin"] >= 0.5
                    assert record["arm"] == "treated"
                if kind:
                    seen[kind] += 1
        assert min(seen.values()) > 3, seen


def test_what_is_wrong_is_said_in_openfeature_words(server, flags):
    missing = flags.get_object_details("cellar", DEFAULT, EvaluationContext("lea"))
    assert (missing.error_code, missing.value) == (ErrorCode.FLAG_NOT_FOUND, DEFAULT)
    nobody = flags.get_object_details("home", DEFAULT)
    assert nobody.error_code is ErrorCode.TARGETING_KEY_MISSING
    wrong = flags.get_object_details("home", DEFAULT, EvaluationContext("null"))
    assert wrong.error_code is ErrorCode.INVALID_CONTEXT
    broken = flags.get_object_details("home", DEFAULT, EvaluationContext("lea", {"name": "nobody\0"}))
    assert broken.error_code is ErrorCode.INVALID_CONTEXT
    text = flags.get_string_details("home", "default", EvaluationContext("lea"))
    assert text.error_code is ErrorCode.TYPE_MISMATCH
    assert server.post(f"{FLAGS}/home", b"[")[1]["errorCode"] == "PARSE_ERROR"
    assert server.post(f"{FLAGS}/home", {"context": {"targetingKey": 7}})[1]["errorCode"] == "INVALID_CONTEXT"
    assert server.post(f"{FLAGS}/home", {"context": {"targetingKey": "lea"}}, key="guess")[0] == 401


def test_all_flags_come_at_once_and_only_when_they_changed(server):
    asked = {"context": {"targetingKey": "mia"}}
    held = {"Authorization": f"Bearer {server.key}"}

    def bulk(**headers):
        return requests.post(f"{server.address}{FLAGS}", json=asked, headers=held | headers, timeout=10)

    first = bulk()
    assert first.status_code == 200
    assert [flag["key"] for flag in first.json()["flags"]] == ["home", "newsletter"]
    tag = first.headers["ETag"]
    for given in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = bulk(**{"If-None-Match": given})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    assert bulk(**{"If-None-Match": '"other"'}).json() == first.json()
    server.post("/v1/identify", {"userId": "mia", "traits": {"city": "Oslo"}})
    changed = bulk(**{"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != tag
