import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvo.core.clock import DAY, HOUR, Instant, parse_rfc3339
from cvo.events.event import Activity, ConsentSet, Decided, Delivery, Order, Refund, Response, TraitsSet
from cvo.events.intake import Intake
from cvo.events.message import ActionLabels, DeadLetter, Labels, Message, Reason, anonymous, user

NOW = parse_rfc3339("2026-03-01T12:00:00Z")
LABELS = Labels({"mens": ActionLabels("menswear", "grow", 10, "EUR")}, {"newsletter": "email"})
INTAKE = Intake(salt="salt", currency="EUR", labels=LABELS)


def read(**fields) -> Message | DeadLetter:
    return INTAKE.read({"type": "track", "userId": "u", "event": "Visit", "messageId": "m", **fields}, NOW)


def body(event, **properties):
    message = read(event=event, properties=properties)
    assert isinstance(message, Message), message
    return message.body


def refused(event, **properties):
    letter = read(event=event, properties=properties)
    assert isinstance(letter, DeadLetter), letter
    return letter.reason


def test_each_type_of_message_becomes_its_body():
    assert read().body == Activity("Visit")
    assert read(type="identify", traits={"age": 3, "address": {"city": "Oslo"}}).body == TraitsSet(
        {"age": 3, "address.city": "Oslo"}
    )
    assert read(type="page", name="Home", properties={"path": "/"}).body == Activity(
        "page", {"path": "/", "name": "Home"}
    )
    assert read(type="screen", name="Home").body == Activity("screen", {"name": "Home"})
    assert read(type="group", groupId=7, traits={"plan": "x"}).body == Activity(
        "group", {"plan": "x", "group_id": "7"}
    )
    assert read(type="alias", previousId="a").body is None


def test_traits_may_come_in_the_context():
    city = {"traits": {"city": "Oslo"}}
    assert read(type="identify", context=city).body == TraitsSet({"city": "Oslo"})
    assert read(type="identify", traits={"age": 3}, context=city).body == TraitsSet({"age": 3})
    assert read(type="track", event="Visit", context=city).body == Activity("Visit")
    for context in (None, 7, "Oslo", {"traits": ["Oslo"]}):
        assert read(type="identify", context=context).body == TraitsSet({})


def test_ids_and_links():
    assert read().sender == user("u")
    assert read(userId=12).sender == user("12")
    # The Python client sends null for the id it does not have.
    assert read(anonymousId=None).link is None
    assert read(anonymousId="a").link is None
    assert read(userId=None, anonymousId="a").sender == anonymous("a")
    identify = read(type="identify", anonymousId="a")
    assert (identify.sender, identify.link) == (user("u"), anonymous("a"))
    assert read(type="alias", previousId="a").link == anonymous("a")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"userId": None}, Reason.MISSING_ID),
        ({"userId": ""}, Reason.MISSING_ID),
        ({"userId": True}, Reason.WRONG_TYPE),
        ({"userId": "undefined"}, Reason.INVALID_ID),
        ({"anonymousId": "[object Object]"}, Reason.INVALID_ID),
        ({"type": "alias", "previousId": "NULL"}, Reason.INVALID_ID),
        ({"userId": 1.5}, Reason.WRONG_TYPE),
        ({"userId": 2**60}, Reason.OUT_OF_RANGE),
        ({"userId": "u" * 257}, Reason.INVALID_ID),
        ({"userId": "u\0"}, Reason.NUL_CHARACTER),
        ({"userId": "\ud800"}, Reason.NOT_UNICODE),
        ({"type": "alias"}, Reason.MISSING_ID),
        ({"type": "group"}, Reason.MISSING_ID),
        ({"type": "tracks"}, Reason.UNKNOWN_TYPE),
        ({"type": None}, Reason.WRONG_TYPE),
        ({"event": None}, Reason.MISSING_NAME),
        ({"properties": []}, Reason.WRONG_TYPE),
        ({"properties": {"x": float("nan")}}, Reason.NOT_FINITE),
        ({"properties": {"x": [{"y": float("inf")}]}}, Reason.NOT_FINITE),
        ({"properties": {"x": 2**53 + 1}}, Reason.OUT_OF_RANGE),
        ({"properties": {"x": "\0"}}, Reason.NUL_CHARACTER),
        ({"properties": {"\0": "x"}}, Reason.NUL_CHARACTER),
        ({"properties": {"x": {"y": "\udfff"}}}, Reason.NOT_UNICODE),
        ({"properties": {"x": "y" * 40_000}}, Reason.TOO_LARGE),
        ({"properties": {"x": json.loads("[" * 100 + "]" * 100)}}, Reason.TOO_DEEP),
        ({"timestamp": "yesterday"}, Reason.INVALID_TIME),
        ({"timestamp": "2026-03-01T12:00:00"}, Reason.INVALID_TIME),
        ({"timestamp": "1989-12-31T23:59:59Z"}, Reason.TIME_TOO_EARLY),
        ({"timestamp": "2026-03-02T12:00:01Z"}, Reason.TIME_TOO_LATE),
        ({"timestamp": 5}, Reason.WRONG_TYPE),
    ],
)
def test_what_is_refused_says_why(fields, reason):
    letter = read(**fields)
    assert isinstance(letter, DeadLetter)
    assert letter.reason is reason
    assert letter.detail
    assert letter.raw.isascii()


def test_a_bad_message_never_fails_its_batch():
    good = {"type": "track", "userId": "u", "event": "Visit"}
    read_all = INTAKE.read_all([good, "nonsense", {**good, "event": "Other"}], NOW)
    assert [type(item) for item in read_all] == [Message, DeadLetter, Message]


def test_the_clients_clock_error_is_taken_out():
    fast = read(originalTimestamp="2026-03-01T15:00:00Z", sentAt="2026-03-01T16:00:00Z")
    assert fast.at == NOW - HOUR
    assert read(timestamp="2026-03-01T11:30:00Z").at == NOW - HOUR // 2
    assert read().at == NOW
    raw = {"type": "track", "userId": "u", "event": "Visit", "timestamp": "2026-03-01T15:00:00Z"}
    assert INTAKE.read(raw, NOW, "2026-03-01T16:00:00Z").at == NOW - HOUR


def test_a_message_without_an_id_is_a_duplicate_of_its_retry_only():
    raw = {"type": "track", "userId": "u", "event": "Visit", "properties": {"a": 1, "b": 2}}
    raw["timestamp"] = "2026-03-01T10:00:00Z"
    first = INTAKE.read({**raw, "sentAt": "2026-03-01T11:00:00Z"}, NOW)
    again = INTAKE.read({"sentAt": "2026-03-01T11:05:00Z", **raw}, Instant(NOW + DAY))
    other = INTAKE.read({**raw, "properties": {"a": 1, "b": 3}}, NOW)
    assert first.event_id == again.event_id
    assert first.event_id != other.event_id
    assert first.event_id != INTAKE.read({**raw, "timestamp": "2026-03-01T10:00:01Z"}, NOW).event_id
    bad = {**raw, "userId": None}
    assert INTAKE.read(bad, NOW).letter_id == INTAKE.read(bad, Instant(NOW + 1)).letter_id


def test_a_repeated_no_is_another_no():
    no = {
        "type": "track",
        "userId": "u",
        "event": "Consent Updated",
        "properties": {"purposes": {"email": False}},
    }
    first, again = INTAKE.read(no, NOW), INTAKE.read(no, Instant(NOW + DAY))
    assert first.event_id != again.event_id
    assert (first.at, again.at) == (NOW, NOW + DAY)
    named = {**no, "messageId": "m"}
    assert INTAKE.read(named, NOW).event_id == INTAKE.read(named, Instant(NOW + DAY)).event_id


def recorded(**fields) -> Message | DeadLetter:
    return INTAKE.read_recorded({"type": "track", "userId": "u", "event": "Visit", **fields}, NOW)


def test_a_recorded_message_was_received_when_it_says():
    then = parse_rfc3339("2024-01-15T10:00:00Z")
    times = {"originalTimestamp": "2024-01-15T12:00:00Z", "sentAt": "2024-01-15T13:00:00Z"}
    whole = recorded(**times, receivedAt="2024-01-15T10:00:00Z")
    assert (whole.at, whole.received_at) == (then - HOUR, then)
    # Without the receipt nobody knows the error of the sender's clock.
    without = recorded(**times)
    assert (without.at, without.received_at) == (then + 2 * HOUR, NOW)
    assert recorded(receivedAt="2024-01-15T10:00:00Z").at == then
    assert recorded().at == NOW
    # What is live was received now, whatever it says.
    assert read(receivedAt="2024-01-15T10:00:00Z").received_at == NOW


@pytest.mark.parametrize(
    ("received_at", "reason"),
    [
        (5, Reason.WRONG_TYPE),
        ("yesterday", Reason.INVALID_TIME),
        ("1970-01-01T00:00:00Z", Reason.TIME_TOO_EARLY),
        ("2099-01-01T00:00:00Z", Reason.TIME_TOO_LATE),
    ],
)
def test_a_receipt_that_cannot_be_is_refused(received_at, reason):
    letter = recorded(receivedAt=received_at)
    assert isinstance(letter, DeadLetter)
    assert letter.reason is reason
    assert "receivedAt" in letter.detail


def test_orders_and_refunds_are_money():
    assert body("Order Completed", order_id="o", revenue=12.345, coupon="c") == Order(
        "o", 1234, "EUR", {"coupon": "c"}
    )
    assert body("Order Completed", order_id=1, revenue=12, currency="JPY") == Order("1", 12, "JPY")
    assert body("Order Refunded", order_id="o", total=5) == Refund("o", 500, "EUR")
    assert refused("Order Completed", revenue=1) is Reason.MISSING_PROPERTY
    assert refused("Order Completed", order_id="o") is Reason.MISSING_PROPERTY
    for bad in (-1, "12", True, float("nan"), [1]):
        assert refused("Order Completed", order_id="o", revenue=bad) is Reason.INVALID_PROPERTY
    assert refused("Order Completed", order_id="o", revenue=1e300) is Reason.OUT_OF_RANGE
    assert refused("Order Completed", order_id="o", revenue=1, currency="eur") is Reason.INVALID_PROPERTY


def test_responses_carry_the_labels_of_the_action():
    clicked = body("Action Clicked", action="mens", placement="newsletter", decisionId="d")
    assert isinstance(clicked, Response)
    assert (clicked.team, clicked.stage, clicked.channel, clicked.decision_id) == (
        "menswear",
        "grow",
        "email",
        "d",
    )
    assert refused("Action Clicked", action="womens") is Reason.UNKNOWN_ACTION
    assert refused("Action Clicked", action="mens", placement="x") is Reason.UNKNOWN_PLACEMENT


def test_a_recorded_decision_has_coherent_probabilities():
    given_ = {"decisionId": "d", "placement": "newsletter", "propensity": 0.3333}
    options = {"mens": 0.3333, "": 0.6667}
    made = body("Decision Recorded", **given_, action="mens", options=options)
    assert isinstance(made, Decided)
    assert (made.delivery, made.contact_cost_minor, made.options) == (Delivery.DELIVERED, 10, options)
    nothing = body("Decision Recorded", **{**given_, "propensity": 0.6667}, action=None, options=options)
    assert (nothing.delivery, nothing.team) == (Delivery.NOTHING, None)
    for change in (
        {"propensity": 0.5},
        {"propensity": 0},
        {"propensity": float("nan")},
        {"options": {"mens": 0.3333}},
        {"options": {"mens": -1, "": 2}},
        {"options": None},
        {"options": {"womens": 0.6667, "mens": 0.3333}},
        {"placement": "x"},
        {"decisionId": None},
    ):
        letter = read(
            event="Decision Recorded", properties={**given_, "action": "mens", "options": options, **change}
        )
        assert isinstance(letter, DeadLetter), change


@pytest.mark.parametrize("options", [{"mens": 0.333, "": 0.666}, {"mens": 0.3334, "": 0.6675}])
def test_rounded_probabilities_are_scaled_to_add_up_to_one(options):
    made = body(
        "Decision Recorded",
        decisionId="d",
        placement="newsletter",
        action="mens",
        propensity=options["mens"],
        options=options,
    )
    assert isinstance(made, Decided)
    assert math.fsum(made.options.values()) == pytest.approx(1.0, abs=1e-15)
    assert made.options["mens"] / made.options[""] == pytest.approx(options["mens"] / options[""])
    assert made.propensity == made.options["mens"]


def test_consent_is_true_or_false():
    assert body("Consent Updated", purposes={"email": False}) == ConsentSet({"email": False})
    assert refused("Consent Updated", purposes={"email": "no"}) is Reason.INVALID_PROPERTY
    assert refused("Consent Updated") is Reason.INVALID_PROPERTY


TEXT = st.text(st.characters(codec=None), max_size=8)
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(
    ["Order Completed", "Order Refunded", "Action Clicked", "Decision Recorded", "Consent Updated"]
)
PROPERTIES = st.dictionaries(
    st.sampled_from(["order_id", "revenue", "currency", "action", "placement", "options", "purposes", "x"]),
    VALUE | st.sampled_from(["mens", "newsletter", "EUR"]),
)
MESSAGE = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["track", "identify", "page", "group", "alias"]) | VALUE,
        "event": NAMES | VALUE,
        "properties": PROPERTIES | VALUE,
        **dict.fromkeys(
            ("userId", "anonymousId", "previousId", "groupId", "messageId", "traits", "timestamp", "sentAt"),
            VALUE,
        ),
    },
)


@settings(max_examples=400, deadline=None)
@given(MESSAGE | VALUE)
def test_whatever_a_client_sends_is_a_message_or_a_letter(raw):
    read_ = INTAKE.read(raw, NOW)
    assert isinstance(read_, Message | DeadLetter)
    if isinstance(read_, Message):
        for text in (read_.message_id, read_.sender.value):
            assert "\0" not in text
            assert text.encode()
    else:
        assert read_.raw.isascii()
        assert "\0" not in read_.detail
        assert read_.detail.encode()
