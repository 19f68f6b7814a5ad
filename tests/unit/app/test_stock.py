"""What is in stock: read at decision time, shared by all, and told again by replay."""

import sqlite3
from random import Random

import pytest

from cvo.app.apply import apply
from cvo.app.company import Company
from cvo.app.ingest import ingest
from cvo.app.live import Accept, Ask, Live
from cvo.app.replay import replay
from cvo.app.what_if.log import read_log
from cvo.app.what_if.reach import answers, snapshots
from cvo.core.clock import HOUR, FixedClock, Instant, format_rfc3339, parse_rfc3339
from cvo.core.errors import CatalogueError
from cvo.decisions.decision import Purpose
from cvo.events.message import Accepted, DeadLetter, Duplicate, user
from cvo.storage.check import check
from tests.data.folder import OWNER, make

NOW = parse_rfc3339("2026-03-02T10:00:00Z")
TEXT = """
teams: {sales: {name: Sales}}
channels: {web: {consent: none}}
placements: {home: {channel: web}, hall: {channel: web}}
actions:
  shoe:
    {team: sales, stage: grow, status: live, name: Shoe, contact_cost: 0, value: 10, attributes: {sku: S1},
     creatives: {a: {placement: home}}, applicable: ["stock(action.sku) > 0"]}
  hat:
    {team: sales, stage: grow, status: live, name: Hat, contact_cost: 0, value: 10,
     creatives: {a: {placement: home}}, applicable: ['stock("H1", "rome") >= 2', 'stock_at("H1", "store") > 0']}
  always:
    {team: sales, stage: grow, status: live, name: Always, contact_cost: 0, value: 10,
     creatives: {a: {placement: home}, b: {placement: hall}}}
assumptions: {margin_rate: {value: 0.5, because: tests}}
"""


@pytest.fixture
def live(tmp_path):
    make(tmp_path, TEXT)
    with Company.open(tmp_path, clock=FixedClock(NOW)) as company:
        apply(company, OWNER, approve=True)
        yield Live(company)
        assert check(company.store) == []


def level(product, quantity, place="", *, hours_ago=0.0, message_id=None, sender="warehouse"):
    at = Instant(NOW - int(hours_ago * HOUR))
    properties = {"product": product, "quantity": quantity} | ({"place": place} if place else {})
    message = {
        "type": "track",
        "anonymousId": sender,
        "event": "Inventory Updated",
        "timestamp": format_rfc3339(at),
        "properties": properties,
    }
    return message | ({"messageId": message_id} if message_id else {})


def ask(customer="ann", **context):
    return Ask(user(customer), "home", context)


def refused(decision):
    return {each.action for each in decision.candidates if each.refusal is not None}


def test_the_last_one_sold_is_not_offered_by_the_very_next_decision(live):
    (unknown,) = live.process([ask()])
    assert refused(unknown) == {"shoe", "hat"}
    first, receipts = live.process([ask(), Accept([level("S1", 1)], NOW)])
    assert [type(each) for each in receipts] == [Accepted]
    assert refused(first) == {"hat"}
    _, then = live.process([Accept([level("S1", 0, message_id="sold")], NOW), ask("bob")])
    assert refused(then) == {"shoe", "hat"}
    assert [each.pins.stock for each in (unknown, first, then)] == [0, 1, 2]
    for each in (unknown, first, then):
        assert replay(live.company, each.decision_id).identical
    (again,) = live.process([Accept([level("S1", 0, message_id="sold")], NOW)])
    assert [type(each) for each in again] == [Duplicate]
    assert live.company.store.stock(["S1"]).version == 2


def test_places_are_counted_apart_and_together(live):
    rows = [level("S1", -2, "rome"), level("S1", 2, "oslo"), level("H1", 2, "rome"), level("H1", 0, "oslo")]
    live.process([Accept(rows, NOW)])
    there, elsewhere, nowhere, number = live.process(
        [ask("a", store="rome"), ask("b", store="oslo"), ask("c"), ask("d", store=True)]
    )
    assert refused(there) == {"shoe"}
    assert refused(elsewhere) == refused(nowhere) == refused(number) == {"shoe", "hat"}
    live.process([Accept([level("S1", 3, "oslo")], NOW)])
    assert refused(live.process([ask("e", store="rome")])[0]) == set()


def test_what_happened_last_counts_however_late_something_earlier_comes_in(live):
    live.process([Accept([level("S1", 5, hours_ago=3), level("S1", 0, hours_ago=1)], NOW)])
    (before,) = live.process([ask()])
    live.process([Accept([level("S1", 9, hours_ago=2)], NOW)])
    (after,) = live.process([ask()])
    assert refused(before) == refused(after) == {"shoe", "hat"}
    assert (before.pins.stock, after.pins.stock) == (2, 3)
    assert replay(live.company, before.decision_id).identical


def test_every_decision_replays_whatever_order_reports_come_in(live):
    random, made, truth = Random(1), [], {}
    for step in range(60):
        hours = random.uniform(0, 40)
        quantity = random.randint(0, 2)
        live.process([Accept([level("S1", quantity, hours_ago=hours, message_id=str(step))], NOW)])
        truth[-hours] = quantity
        (decision,) = live.process([ask(f"c{step}")])
        assert ("shoe" in refused(decision)) == (truth[max(truth)] == 0)
        made.append(decision)
    for each in made:
        assert replay(live.company, each.decision_id).identical
    assert len({frozenset(refused(each)) for each in made}) == 2


def test_where_no_rule_asks_nothing_is_pinned_whoever_else_is_in_the_batch(live):
    live.process([Accept([level("S1", 5)], NOW)])
    (alone,) = live.process([Ask(user("ann"), "hall", purpose=Purpose.REHEARSAL)])
    together, home = live.process([Ask(user("eve"), "hall", purpose=Purpose.REHEARSAL), ask("bob")])
    assert (alone.pins.stock, home.pins.stock) == (0, 1)
    assert alone.pins == together.pins


def test_a_warehouse_is_no_customer(live):
    live.process([Accept([level("S1", 5), level("S1", 4, sender="ann")], NOW)])
    counts = live.company.store.counts()
    assert (counts["persons"], counts["events"]) == (0, 0)


def test_the_same_from_a_file(live):
    taken = ingest(
        live.company, [level("S1", 5, message_id="1"), level("S1", 5, message_id="1"), level("S1", 0.5)]
    )
    assert (taken.accepted, taken.duplicates, taken.refused) == (1, 1, {"invalid_property": 1})
    assert live.company.store.stock(["S1", "T1"]).levels == {"S1": {"": 5}}


@pytest.mark.parametrize("quantity", [None, "3", True, 1.5, 2**60, float("nan"), float("inf"), [1]])
def test_what_is_no_quantity_is_a_dead_letter(live, quantity):
    ((letter,),) = live.process([Accept([level("S1", quantity)], NOW)])
    assert isinstance(letter, DeadLetter)
    assert live.company.store.stock(["S1"]).levels == {}


def test_stock_of_an_attribute_that_is_missing_is_refused_when_read(tmp_path):
    make(tmp_path, TEXT.replace("attributes: {sku: S1}", "attributes: {}"))
    with Company.open(tmp_path, clock=FixedClock(NOW)) as company, pytest.raises(CatalogueError, match="sku"):
        apply(company, OWNER, approve=True)


def test_what_would_have_been_sees_what_was_known_then(live):
    live.process([Accept([level("S1", 5, hours_ago=3)], Instant(NOW - 2 * HOUR))])
    live.process([Accept([level("S1", 0, hours_ago=1)], NOW)])
    store = live.company.store
    seen = [store.stock_then(Instant(NOW - hours * HOUR), ["S1"]).level("S1") for hours in (3, 2, 1, 0)]
    assert seen == [None, 5.0, 5.0, 0.0]


def test_a_policy_that_asks_about_stock_is_evaluated_with_the_stock_of_then(live):
    live.process([Accept([level("S1", 1)], NOW)])
    offered = live.process([ask(f"a{n}") for n in range(20)])
    live.company.clock.at = Instant(NOW + HOUR)
    live.process([Accept([level("S1", 0)], Instant(NOW + HOUR))])
    live.process([ask(f"b{n}") for n in range(20)])
    assert any(slot.chosen == "shoe" for each in offered for slot in each.slots)
    company = live.company
    company.clock.at = Instant(NOW + 40 * 24 * HOUR)
    log = read_log(company, [])
    policy = company.policy()
    found = answers(log, policy.catalogue, policy.settings, snapshots(company, log))
    shoe = log.options.index("shoe")
    assert ((found.probabilities[:, shoe] > 0) == (log.probabilities[:, shoe] > 0)).all()
    assert 0 < (found.probabilities[:, shoe] > 0).sum() < len(log.cases)


def test_a_level_that_nobody_reported_is_found(live):
    live.process([Accept([level("S1", 5), level("H1", 5, "rome")], NOW)])
    with sqlite3.connect(live.company.folder / "data" / "cvo.sqlite3") as connection:
        connection.execute("UPDATE stock SET quantity = 6 WHERE product = 'H1'")
    assert check(live.company.store) == ["the stock of 'H1' at 'rome' is not what was last reported"]
    live.process([Accept([level("H1", 7, "rome")], NOW)])
    assert check(live.company.store) == []
