import polars as pl
import pytest

from cvo.app import run as verb
from cvo.app.decide import decide_in
from cvo.app.ingest import ingest
from cvo.app.records import records
from cvo.app.replay import replay
from cvo.app.run import run
from cvo.core.errors import InvalidInput, RuleError
from cvo.decisions.decision import Purpose
from cvo.events.message import anonymous, user
from tests.data.company import NOW
from tests.data.folder import ONE_MAIL, message, running

LIMITED = ONE_MAIL + "limits: {weekly: {per: channel, of: email, at_most: 1, days: 7}}\n"
PEOPLE = 60


@pytest.fixture
def company(tmp_path):
    with running(tmp_path, NOW, LIMITED, control_rate=0.2, withheld_rate=0.3, floor=0.1) as opened:
        ages = (message("identify", f"c{i}", NOW, f"m{i}", traits={"age": i}) for i in range(PEOPLE))
        ingest(opened, ages)
        yield opened


def logged(company, purpose=None):
    return [records(company.store)(each.body) for each in company.store.decisions(purpose)]


def test_everybody_is_decided_for_once_and_every_decision_replays(company):
    ran = run(company, "newsletter")
    made = logged(company, Purpose.LIVE)
    assert (ran.customers, ran.before, ran.decided) == (PEOPLE, 0, PEOPLE)
    assert sorted(each.customer for each in made) == sorted(f"c{i}" for i in range(PEOPLE))
    assert ran.control == sum(each.arm.value == "control" for each in made) > 0
    assert sum(ran.chosen.values()) == sum(ran.delivery.values()) == PEOPLE
    assert all(replay(company, each.decision_id).identical for each in made)
    assert ran.name == "newsletter 2026-03-02"
    assert {each.context["run"] for each in made} == {ran.name}


def test_a_run_of_the_same_name_contacts_nobody_twice(company):
    first = run(company, "newsletter")
    again = run(company, "newsletter")
    assert (again.before, again.decided) == (PEOPLE, 0)
    assert len(logged(company)) == first.decided


def test_a_run_cut_short_is_finished_and_comes_out_as_if_it_had_not_been(company, tmp_path, monkeypatch):
    monkeypatch.setattr(verb, "BATCH", 20)

    def stop(done, _total):
        if done == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(company, "newsletter", progress=stop)
    assert len(logged(company)) == 20
    ran = run(company, "newsletter", out=tmp_path / "run.parquet")
    assert (ran.before, ran.decided) == (20, PEOPLE - 20)
    assert pl.read_parquet(tmp_path / "run.parquet")["customer"].n_unique() == PEOPLE


def test_contact_limits_hold_from_one_run_to_the_next(company):
    first = run(company, "newsletter", name="one")
    second = run(company, "newsletter", name="two")
    contacted = {
        each.customer for each in logged(company) if each.context["run"] == "one" and each.slots[0].chosen
    }
    again = {
        each.customer for each in logged(company) if each.context["run"] == "two" and each.slots[0].chosen
    }
    assert first.chosen["offer"] == len(contacted) > 0
    assert second.decided == PEOPLE
    assert not contacted & again


def test_a_segment_is_a_rule(company):
    ran = run(company, "newsletter", segment="customer.age >= 40")
    assert ran.customers == ran.decided == 20
    assert {int(each.customer[1:]) for each in logged(company)} == set(range(40, 60))
    assert run(company, "newsletter", name="none", segment="customer.age > 100").customers == 0


def test_rehearsing_contacts_nobody(company):
    ran = run(company, "newsletter", purpose=Purpose.REHEARSAL)
    assert ran.delivery.keys() <= {"rehearsed", "nothing"}
    assert "contact" not in company.store.person(user("c1")).profile.tallies
    assert run(company, "newsletter").before == 0


def test_the_file_has_a_row_a_slot(company, tmp_path):
    run(company, "newsletter", out=tmp_path / "run.parquet")
    rows = pl.read_parquet(tmp_path / "run.parquet")
    made = {each.customer: each for each in logged(company)}
    for row in rows.iter_rows(named=True):
        decision = made[row["customer"]]
        assert row["decision"] == decision.decision_id
        assert row["action"] == (decision.slots[0].chosen or None)
        assert row["propensity"] == decision.slots[0].propensity
        assert (row["score"] is None) == (row["action"] is None)
    assert [file.name for file in tmp_path.glob("*.part")] == []


def test_who_has_no_name_yet_is_decided_for_too(company):
    device = {"type": "track", "anonymousId": "d", "messageId": "d1", "event": "Visited"}
    ingest(company, [device])
    run(company, "newsletter")
    assert company.store.decisions_of(company.store.person(anonymous("d")).person_id, 5)


def test_who_logged_in_since_is_not_decided_for_again(company):
    ingest(company, [{"type": "track", "anonymousId": "d", "messageId": "d1", "event": "Visited"}])
    first = run(company, "newsletter")
    ingest(company, [message("identify", "newcomer", NOW, "n1", anonymousId="d")])
    assert company.store.person(anonymous("d")).person_id == company.store.person(user("newcomer")).person_id
    again = run(company, "newsletter")
    assert (first.decided, again.before, again.decided) == (PEOPLE + 1, PEOPLE + 1, 0)


def test_an_unknown_placement_or_a_rule_that_is_none_is_refused(company):
    with pytest.raises(InvalidInput, match="no placement 'billboard'"):
        run(company, "billboard")
    with pytest.raises(RuleError):
        run(company, "newsletter", segment="customer.height > 3")
    assert logged(company) == []


def test_customers_do_not_come_in_the_order_of_their_ids(company, monkeypatch):
    seen = []

    def noted(work, deciding, requests, **rest):
        seen.extend(external.value for external, _ in requests)
        return decide_in(work, deciding, requests, **rest)

    monkeypatch.setattr(verb, "decide_in", noted)
    run(company, "newsletter")
    assert len(seen) == PEOPLE
    assert seen not in (sorted(seen), [f"c{i}" for i in range(PEOPLE)])
