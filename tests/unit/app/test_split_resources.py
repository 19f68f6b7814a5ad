"""While a rollout runs each policy has its share of every resource, so that neither takes from the other."""

import numpy as np
import pytest

from cvo.actions.read import parse_catalogue
from cvo.app.decide import decide_in
from cvo.app.ingest import ingest
from cvo.app.replay import replay
from cvo.app.run import run
from cvo.app.scarcity import count
from cvo.app.state import keep_policy
from cvo.core.clock import DAY, FixedClock, Instant
from cvo.decisions.decision import Arm, Request
from cvo.decisions.policy import Policy
from cvo.decisions.rollout import Rollout, RolloutPlan
from cvo.decisions.split import Split
from cvo.events.event import Delivery
from cvo.events.message import user
from tests.data.company import NOW
from tests.data.folder import ONE_MAIL, message, running

AMOUNT = 60
MAILS = f"resources: {{mails: {{per: channel, of: email, amount: {AMOUNT}, period_days: 7}}}}\n"
STEPS = (0.25, 0.5, 1.0)
EAGER = (ONE_MAIL + MAILS).replace("value: 10,", "value: 1000,")


@pytest.fixture
def company(tmp_path):
    with running(tmp_path, NOW, ONE_MAIL + MAILS, control_rate=0.1, withheld_rate=0.0, floor=0.05) as opened:
        yield opened


def split(company, text=EAGER, *, step=0, steps=STEPS):
    """Return what runs beside a candidate that thinks a hundred times as much of the mail."""
    running_policy = company.policy()
    candidate = Policy(parse_catalogue(text), running_policy.models, running_policy.settings)
    plan = RolloutPlan(delta=1.0, outcome_sd=1.0, steps=steps)
    return Split(running_policy, candidate, name="eager", plan=plan, rollout=Rollout(step=step))


def decided(company, deciding, customers):
    request = Request(placement="newsletter", at=company.clock.now())
    with company.store.unit_of_work() as work:
        for each in deciding.policies:
            keep_policy(work, each)
        return decide_in(work, deciding, [(user(each), request) for each in customers])


def mails(decisions, policy=None):
    mine = [each for each in decisions if policy is None or each.pins.catalogue == policy.catalogue.version]
    return sum(each.slots[0].delivery is Delivery.DELIVERED for each in mine)


def standing(company, deciding):
    with company.store.unit_of_work() as work:
        return count(work, deciding, company.clock.now())["mails"]


def test_each_side_has_its_share_and_the_whole_is_never_overrun(company):
    both = split(company)
    made = decided(company, both, [f"c{n}" for n in range(800)])
    assert mails(made, both.candidate) == 15
    assert mails(made, both.running) <= 45
    assert standing(company, both).pace.used == mails(made)
    assert all(replay(company, each.decision_id).identical for each in made[:40])


def test_a_new_step_splits_what_is_left_and_its_end_leaves_the_rest(company):
    made = decided(company, split(company), [f"a{n}" for n in range(800)])
    company.clock = FixedClock(Instant(NOW + 2 * DAY))
    left = AMOUNT - mails(made)
    later = split(company, step=1)
    apart = standing(company, later).apart
    assert sum(pace.capacity for pace in apart) == left
    assert apart[1].capacity == pytest.approx(left / 2, abs=1)
    made += decided(company, later, [f"b{n}" for n in range(20)])
    assert standing(company, company.policy()).pace.left == AMOUNT - mails(made)
    made += decided(company, company.policy(), [f"c{n}" for n in range(2_000)])
    assert mails(made) == AMOUNT


def test_a_new_period_splits_everything_at_the_last_prices(company):
    both = split(company)
    for day in range(6):
        company.clock = FixedClock(Instant(NOW + day * DAY))
        decided(company, both, [f"{day}-{n}" for n in range(60)])
    prices = [pace.price for pace in standing(company, both).apart]
    assert prices[1] != prices[0]
    company.clock = FixedClock(Instant(NOW + 13 * DAY))
    begun = standing(company, both)
    assert [pace.capacity for pace in begun.apart] == [45.0, 15.0]
    assert [pace.price for pace in begun.apart] == prices
    assert begun.pace.used == 0.0


def test_less_than_one_use_is_one_as_often_as_makes_the_share(company):
    few = split(company, steps=(0.005, 1.0))
    given = []
    for week in range(400):
        company.clock = FixedClock(Instant(NOW + 7 * week * DAY))
        parts = [pace.capacity for pace in standing(company, few).apart]
        assert sum(parts) == AMOUNT
        given.append(parts[1])
    assert set(given) == {0.0, 1.0}
    assert np.mean(given) == pytest.approx(0.005 * AMOUNT, abs=0.07)


def test_out_of_one_pot_the_difference_would_be_what_one_takes_from_the_other(company):
    """Both would send every mail there is, so neither is better; that one asks sooner is no merit."""
    both = split(company, step=1)

    def rates(made):
        treated = [each for each in made if each.arm is Arm.TREATED]
        sides = [
            [
                each.slots[0].delivery is Delivery.DELIVERED
                for each in treated
                if each.pins.catalogue == version
            ]
            for version in (both.running.catalogue.version, both.candidate.catalogue.version)
        ]
        return [float(np.mean(each)) for each in sides]

    apart = rates(decided(company, both, [f"a{n}" for n in range(1_200)]))
    assert apart[1] == pytest.approx(apart[0], rel=0.15)
    company.clock = FixedClock(Instant(NOW + 8 * DAY))
    one_pot = []
    for n in range(400):
        side = both.candidate if n % 2 else both.running
        one_pot += decided(company, side, [f"b{n}"])
    assert mails(one_pot) == AMOUNT
    assert rates(one_pot)[1] > 2 * rates(one_pot)[0]


def test_a_run_has_prices_for_each_side(company, monkeypatch):
    both = split(company)
    monkeypatch.setattr(company, "deciding", lambda: both)
    ingest(company, (message("identify", f"c{n}", NOW, f"m{n}", traits={"age": n % 60}) for n in range(800)))
    ran = run(company, "newsletter")
    assert ran.candidate_prices["mails"] > ran.prices["mails"] > 0.0
    counted = standing(company, both)
    assert [pace.price for pace in counted.apart] == [ran.prices["mails"], ran.candidate_prices["mails"]]
    assert all(0 < pace.used <= pace.capacity for pace in counted.apart)


def test_an_amount_that_is_changed_is_changed_for_the_candidates_share_alone(company):
    wider = split(company, (ONE_MAIL + MAILS).replace(f"amount: {AMOUNT}", f"amount: {4 * AMOUNT}"))
    assert [pace.capacity for pace in standing(company, wider).apart] == [45.0, 60.0]
    for_longer = split(company, (ONE_MAIL + MAILS).replace("period_days: 7", "period_days: 14"))
    assert standing(company, for_longer).apart[1].capacity == pytest.approx(7.5, abs=0.5)
