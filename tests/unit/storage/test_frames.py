import pytest

from cvo.core.clock import DAY, Instant
from cvo.events.intake import Intake
from cvo.events.message import ActionLabels, Labels, user
from cvo.ledger import tables
from cvo.storage import frames
from cvo.storage.store import Store
from cvo.storage.unit_of_work import Settings

NOW = Instant(20_000 * DAY)
LABELS = Labels({"mens": ActionLabels("menswear", "grow", 10, "EUR")}, {"newsletter": "email"})


@pytest.fixture
def store(tmp_path):
    intake = Intake(salt="salt", currency="EUR", labels=LABELS)
    decided = {"placement": "newsletter", "options": {"mens": 0.25, "": 0.75}}
    named = [
        ("Order Completed", {"order_id": "o", "revenue": 12.5}),
        ("Order Completed", {"order_id": "p", "revenue": 1, "currency": "USD"}),
        ("Order Refunded", {"order_id": "o", "total": 2}),
        ("Action Clicked", {"action": "mens", "decisionId": "d1"}),
        ("Visit", {}),
        ("Decision Recorded", {**decided, "decisionId": "d1", "action": "mens", "propensity": 0.25}),
        ("Decision Recorded", {**decided, "decisionId": "d2", "action": None, "propensity": 0.75}),
    ]
    raws = [{"type": "track", "userId": "u", "event": event, "properties": given} for event, given in named]
    raws.append({"type": "alias", "userId": "u", "previousId": "a"})
    raws.append({"type": "track", "anonymousId": "a", "event": "Visit"})
    with Store.open(tmp_path / "cvo.db", Settings("salt")) as opened:
        with opened.unit_of_work() as work:
            work.accept(intake.read_all(raws, NOW))
        yield opened


def test_tables_are_the_ledgers_and_hold_the_log(store):
    person = store.person(user("u")).person_id
    assert frames.orders(store, "EUR").rows() == [(person, NOW, "o", 1250)]
    assert frames.refunds(store, "EUR").rows() == [(person, NOW, "o", 200)]
    assert sorted(frames.responses(store).select("kind", "action", "decision_id").rows(), key=str) == [
        ("activity:Visit", None, None),
        ("activity:Visit", None, None),
        ("clicked", "mens", "d1"),
    ]
    assert set(frames.responses(store)["person_id"]) == {person}
    decisions = frames.decisions(store).sort("decision_id")
    assert decisions.schema == tables.DECISIONS
    assert decisions.drop("person_id", "at").rows() == [
        ("d1", "newsletter", "mens", "mens", "menswear", "grow", 10, ["mens", ""], [0.25, 0.75]),
        ("d2", "newsletter", "", "", "", "", 0, ["mens", ""], [0.25, 0.75]),
    ]
    assert frames.other_currencies(store, "EUR") == {"USD": 1}


def test_an_empty_log_gives_empty_tables(tmp_path):
    with Store.open(tmp_path / "cvo.db", Settings("salt")) as store:
        assert frames.orders(store, "EUR").schema == tables.ORDERS
        assert frames.refunds(store, "EUR").schema == tables.REFUNDS
        assert frames.responses(store).schema == tables.RESPONSES
        assert frames.decisions(store).is_empty()
