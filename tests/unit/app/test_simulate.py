"""The drive of a simulated company: through the public doors, nothing lost between world and log."""

import msgspec
import pytest

from cvo.actions.read import parse_catalogue
from cvo.app.company import Company
from cvo.app.records import records
from cvo.app.replay import replay
from cvo.app.simulate import simulate
from cvo.app.simulate.company import catalogue_of, margin_rate
from cvo.app.simulate.messages import Sender, moment
from cvo.core.errors import Conflict, InvalidInput
from cvo.decisions.decision import Purpose
from cvo.events.event import Activity, Delivery, Response, ResponseKind
from cvo.simulate import (
    Kind,
    at_random,
    do_nothing,
    load_scenario,
    make_world,
    observe,
    run,
    scenario_names,
)


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulated") / "company"
    return folder, simulate(folder, "retail", 150, 4, seed="a")


def test_nothing_that_the_world_sends_is_refused(lived):
    _, done = lived
    assert done.ingested.refused == {}
    assert done.ingested.accepted > 200
    assert done.ingested.duplicates > 0, "some reports come twice, and must count once"


def test_what_was_delivered_in_the_world_is_what_the_log_says(lived):
    folder, done = lived
    with Company.open(folder, write=False) as company:
        logged = [records(company.store)(each.body) for each in company.store.decisions(Purpose.LIVE)]
        decided = {decision.decision_id: decision.slots[0] for decision in logged}
        responses = [event.body for event in company.store.events([Response])]
    assert len(logged) == done.decisions
    assert sum(slot.delivery is Delivery.DELIVERED for slot in decided.values()) == done.delivered
    assert responses
    for response in responses:
        assert decided[response.decision_id].chosen == response.action
        assert decided[response.decision_id].delivery is Delivery.DELIVERED


def test_services_and_complaints_are_reported_with_what_they_cost(lived):
    folder, _ = lived
    retail = load_scenario("retail")
    cost = {action.name: action.cost_if_accepted for action in retail.actions if action.cost_if_accepted}
    with Company.open(folder, write=False) as company:
        responses = [event.body for event in company.store.events([Response])]
        activities = [event.body for event in company.store.events([Activity])]
    accepted = [body.action for body in responses if body.kind is ResponseKind.ACCEPTED]
    served = [body.properties["service_cost"] for body in activities if body.name == "Service Delivered"]
    assert sorted(served) == sorted(cost[action] for action in accepted if action in cost)
    assert served
    heard = [body.properties["service_cost"] for body in activities if body.name == "Complaint Received"]
    assert set(heard) <= {retail.reaction.complaint_cost}


def test_its_decisions_replay(lived):
    folder, _ = lived
    with Company.open(folder, write=False) as company:
        ids = [each.decision_id for each in company.store.decisions(Purpose.LIVE)]
        assert all(replay(company, decision_id).identical for decision_id in ids[::40])


def test_the_same_seed_lives_the_same_life(lived, tmp_path):
    _, done = lived
    again = simulate(tmp_path / "again", "retail", 150, 4, seed="a")
    assert msgspec.json.encode(again) == msgspec.json.encode(done)
    other = simulate(tmp_path / "other", "retail", 150, 4, seed="b")
    assert other.decisions != done.decisions


def test_a_company_that_is_there_is_left_alone(lived):
    folder, _ = lived
    with pytest.raises(Conflict, match="holds a company already"):
        simulate(folder, "retail", 10, 1)


def test_no_weeks_are_refused(tmp_path):
    with pytest.raises(InvalidInput, match="0 weeks"):
        simulate(tmp_path / "c", "retail", 10, 0)


@pytest.mark.parametrize("name", scenario_names())
def test_every_scenario_is_a_company_that_runs(name, tmp_path):
    done = simulate(tmp_path / "c", name, 40, 1)
    assert done.ingested.refused == {}
    assert done.decisions > 0
    assert set(parse_catalogue(_yaml(name)).actions) == {a.name for a in load_scenario(name).actions}


def _yaml(name):
    return msgspec.yaml.encode(catalogue_of(load_scenario(name))).decode()


def test_fees_are_invoiced_at_what_brings_their_margin():
    scenario = load_scenario("telecom")
    world = make_world(scenario, 20, "fees")
    sender = Sender(world, margin_rate(scenario))
    (_, step), *_ = run(world, do_nothing, weeks=1)
    invoices = list(sender.fees(0, step.fees))
    margin = sum(sent.message["properties"]["revenue"] for sent in invoices) * margin_rate(scenario)
    assert margin == pytest.approx(step.fees.sum(), abs=0.01 * len(invoices))


def test_reports_are_sent_when_they_come_in_and_say_when_it_happened():
    world = make_world(load_scenario("retail"), 400, "reports")
    sender = Sender(world, 0.4)
    for _, step in run(world, at_random, weeks=2):
        ids = [f"decision-{touch}" for touch in range(len(step.touches.customer))]
        sent = list(sender.of_step(step, ids))
        reports = observe(world, step)
        presented = [s for s in sent if s.message.get("event") == "Action Presented"]
        assert len(presented) == len(reports[Kind.IMPRESSION].row)
        assert [s.at for s in presented] == [moment(d) for d in reports[Kind.IMPRESSION].reported_at_days]
        assert {s.message["properties"]["decisionId"] for s in presented} <= set(ids)
