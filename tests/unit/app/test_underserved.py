from cvo.app.decide import decide_in
from cvo.app.ingest import ingest
from cvo.app.state import keep_policy, running_policy
from cvo.app.value import Question, facts_of
from cvo.app.value.underserved import NOT_WORTH_IT, Group, underserved
from cvo.core.clock import DAY, Instant
from cvo.decisions.decision import Request
from cvo.events.message import anonymous, user
from tests.data.company import NOW
from tests.data.folder import ONE_MAIL, decide_for, message, running

ADULTS = ONE_MAIL.replace("creatives:", 'eligible: ["customer.age >= 18"], creatives:')


def told(folder, text, ages, control=0.0):
    with running(folder, NOW, text, control_rate=control) as company:
        known = [message("identify", who, NOW, f"i{who}", traits={"age": age}) for who, age in ages.items()]
        ingest(company, known)
        decide_for(company, ages)
        company.clock.at = Instant(NOW + DAY)
        again = [message("identify", "c0", company.clock.now(), "older", traits={"age": 30})]
        ingest(company, again)
        decide_for(company, ["c0"])
        return underserved(company, facts_of(company, Question()))


def test_those_whom_a_rule_keeps_from_everything_are_counted_by_the_rule_and_by_their_latest_decision(
    tmp_path,
):
    found = told(tmp_path, ADULTS, {f"c{n}": 10 if n < 4 else 40 for n in range(10)})
    # The first has come of age since.
    assert (found.customers, found.decided_for) == (3, 10)
    assert found.groups == [Group("customer.age >= 18", 3)]


def test_those_for_whom_what_qualifies_costs_more_than_it_brings(tmp_path):
    found = told(tmp_path, ONE_MAIL.replace("contact_cost: 0.10", "contact_cost: 50"), {"c0": 40, "c1": 40})
    assert found.groups == [Group(NOT_WORTH_IT, 2)]


def test_nobody_is_under_served_who_has_an_action_worth_doing(tmp_path):
    found = told(tmp_path, ONE_MAIL.replace("contact_cost: 0.10", "contact_cost: 0"), {"c0": 40, "c1": 40})
    assert (found.customers, found.groups) == (0, [])


def test_a_customer_decided_for_under_two_ids_is_one_customer(tmp_path):
    with running(tmp_path, NOW, ADULTS, control_rate=0.0) as company:
        policy = running_policy(company.store, company.config.settings)
        request = Request(placement="newsletter", at=NOW)
        with company.store.unit_of_work() as work:
            keep_policy(work, policy)
            decide_in(
                work, policy, [(each, request) for each in (user("c0"), anonymous("phone"), user("c1"))]
            )
        apart = underserved(company, facts_of(company, Question()))
        ingest(company, [message("identify", "c0", NOW, "i", anonymousId="phone", traits={})])
        merged = underserved(company, facts_of(company, Question()))
    assert (apart.decided_for, merged.decided_for) == (3, 2)


def test_the_control_group_is_not_asked(tmp_path):
    found = told(tmp_path, ADULTS, {f"c{n}": 10 for n in range(60)}, control=0.5)
    assert 0 < found.decided_for < 50
