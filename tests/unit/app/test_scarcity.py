"""Resources of a company: counted with the decisions that use them, priced, and never overrun."""

import msgspec
import pytest

from cvo.actions.read import parse_catalogue
from cvo.app.decide import decide, decide_in
from cvo.app.ingest import ingest
from cvo.app.records import records
from cvo.app.replay import replay
from cvo.app.run import run
from cvo.app.scarcity import Counted, count, scarcity_of
from cvo.app.state import keep_policy
from cvo.app.value.question import Question
from cvo.app.why import why
from cvo.core.clock import DAY, FixedClock, Instant
from cvo.decisions.decision import Purpose, Request
from cvo.decisions.policy import Policy
from cvo.decisions.rollout import Rollout, RolloutPlan
from cvo.decisions.split import Split
from cvo.events.event import Delivery
from cvo.events.message import user
from tests.data.company import NOW
from tests.data.folder import ONE_MAIL, message, running

AMOUNT = 12
CALLS = f"resources: {{mails: {{per: channel, of: email, amount: {AMOUNT}, period_days: 7}}}}\n"
ALWAYS = {"control_rate": 0.1, "withheld_rate": 0.2, "floor": 0.2}


@pytest.fixture
def company(tmp_path):
    with running(tmp_path, NOW, ONE_MAIL + CALLS, **ALWAYS) as opened:
        yield opened


def delivered(company):
    made = [records(company.store)(each.body) for each in company.store.decisions(Purpose.LIVE)]
    return sum(slot.delivery is Delivery.DELIVERED for each in made for slot in each.slots), made


def standing(company):
    with company.store.unit_of_work() as work:
        return count(work, company.policy(), company.clock.now())["mails"]


def test_requests_of_one_moment_never_overrun(company):
    request = Request(placement="newsletter", at=NOW)
    with company.store.unit_of_work() as work:
        keep_policy(work, company.policy())
        decide_in(work, company.deciding(), [(user(f"c{i}"), request) for i in range(200)])
    count_delivered, made = delivered(company)
    assert count_delivered == AMOUNT
    assert standing(company).pace.used == AMOUNT
    assert made
    assert all(replay(company, each.decision_id).identical for each in made)


def test_a_batch_across_the_end_of_a_period_takes_from_each_what_is_decided_in_it(company):
    week = 7 * DAY
    ends = (NOW // week + 1) * week
    # In no order, and with one customer in both.
    times = [Instant(ends + (i % 2 * 2 - 1) * (i + 1)) for i in range(300)]
    customers = ["both", "both", *(f"c{i}" for i in range(298))]
    requests = [
        (user(each), Request(placement="newsletter", at=at))
        for each, at in zip(customers, times, strict=True)
    ]
    with company.store.unit_of_work() as work:
        keep_policy(work, company.policy())
        decided = decide_in(work, company.deciding(), requests)
        after = count(work, company.policy(), max(times))["mails"]
    assert [each.at for each in decided] == times
    for late in (False, True):
        mine = [each for each in decided if (each.at >= ends) is late]
        assert sum(s.delivery is Delivery.DELIVERED for each in mine for s in each.slots) == AMOUNT
    assert (after.began_at, after.pace.used) == (ends, AMOUNT)
    assert all(replay(company, each.decision_id).identical for each in decided)


def test_what_only_the_candidate_of_a_rollout_has_is_never_overrun_either(tmp_path):
    with running(tmp_path, NOW, ONE_MAIL, **ALWAYS) as opened:
        policy = opened.policy()
        candidate = Policy(parse_catalogue(ONE_MAIL + CALLS), policy.models, policy.settings)
        plan = RolloutPlan(delta=1.0, outcome_sd=1.0, steps=(0.9, 1.0))
        both = Split(policy, candidate, name="mails", plan=plan, rollout=Rollout())
        request = Request(placement="newsletter", at=NOW)
        with opened.store.unit_of_work() as work:
            for each in both.policies:
                keep_policy(work, each)
            decided = decide_in(work, both, [(user(f"c{i}"), request) for i in range(300)])
            counted = count(work, both, NOW)["mails"]
            given = counted.apart[1].capacity
            assert abs(given - 0.9 * AMOUNT) < 1
            assert counted.pace.used == given
        new = [each for each in decided if each.pins.catalogue == candidate.catalogue.version]
        assert sum(slot.delivery is Delivery.DELIVERED for each in new for slot in each.slots) == given
        assert all(replay(opened, each.decision_id).identical for each in decided)


def test_one_after_the_other_never_overruns_either_and_the_price_rises(company):
    first = standing(company).pace.price
    for i in range(120):
        decide(company, f"c{i}", "newsletter")
    assert delivered(company)[0] == AMOUNT
    assert standing(company).pace.price > first
    last = decide(company, "late", "newsletter")
    assert last.refused["offer"].tier == "capacity"


def test_why_says_that_nothing_is_left_and_of_what(company):
    for i in range(120):
        decide(company, f"c{i}", "newsletter")
    (standing_now,) = why(company, "offer", Question(), customer="c1").now
    capacity = [each for each in standing_now.objections if each.refusal.tier == "capacity"]
    assert [each.values for each in capacity] == [{'left("mails")': 0.0}]
    company.clock = FixedClock(Instant(NOW + 8 * DAY))
    (later,) = why(company, "offer", Question(), customer="c1").now
    assert [each.refusal.tier for each in later.objections if each.refusal.tier == "capacity"] == []


def test_the_next_period_begins_with_everything_and_the_last_price(company):
    for i in range(120):
        decide(company, f"c{i}", "newsletter")
    price = standing(company).pace.price
    company.clock = FixedClock(Instant(NOW + 8 * DAY))
    begun = standing(company).pace
    assert (begun.used, begun.price, begun.left) == (0.0, price, AMOUNT)
    with company.store.unit_of_work() as work:
        counted = count(work, company.policy(), company.clock.now())
        assert scarcity_of(counted, company.policy())[0].left == {"mails": AMOUNT}


def test_a_rehearsal_counts_nothing(company):
    decide(company, "c", "newsletter", purpose=Purpose.REHEARSAL)
    with company.store.unit_of_work() as work:
        assert work.resources() == {}


def test_a_decision_that_was_not_committed_used_nothing(company):
    request = Request(placement="newsletter", at=NOW)

    def fail():
        with company.store.unit_of_work() as work:
            keep_policy(work, company.policy())
            decide_in(work, company.deciding(), [(user(f"c{i}"), request) for i in range(50)])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert standing(company).pace.used == 0.0


def test_a_run_solves_prices_for_everybody_and_holds_them(company):
    ingest(company, (message("identify", f"c{i}", NOW, f"m{i}", traits={"age": i % 60}) for i in range(400)))
    ran = run(company, "newsletter")
    count_delivered, made = delivered(company)
    assert 0 < count_delivered <= AMOUNT
    assert ran.prices["mails"] > 0.0
    assert {each.scarcity.price["mails"] for each in made} == {ran.prices["mails"]}
    assert standing(company).pace.price == ran.prices["mails"]
    assert standing(company).pace.used == count_delivered
    assert replay(company, made[0].decision_id).identical
    # Not who came first got them: choices are spread over the run, for the price keeps demand within what there is.
    assert run(company, "newsletter", name="again").decided == 400
    assert delivered(company)[0] <= AMOUNT


def test_rehearsing_a_run_shows_its_prices_and_leaves_those_in_force(company):
    ingest(company, (message("identify", f"c{i}", NOW, f"m{i}") for i in range(100)))
    ran = run(company, "newsletter", purpose=Purpose.REHEARSAL)
    assert ran.prices["mails"] > 0.0
    with company.store.unit_of_work() as work:
        assert work.resources() == {}


def test_less_than_was_used_is_left_as_nothing(company):
    for i in range(120):
        decide(company, f"c{i}", "newsletter")
    with company.store.unit_of_work() as work:
        kept = msgspec.msgpack.decode(work.resources()["mails"], type=Counted)
        assert kept.pace.used == AMOUNT
        policy = company.policy()
        text = (ONE_MAIL + CALLS).replace(f"amount: {AMOUNT}", f"amount: {AMOUNT // 2}")
        halved = Policy(parse_catalogue(text), policy.models, policy.settings)
        assert scarcity_of(count(work, halved, NOW), halved)[0].left == {"mails": 0.0}
