"""A lever in a decision: a term of the score, exact in the propensities, no part of what is expected, replayed."""

import pytest

from cvo.core.clock import DAY, Instant
from cvo.core.ids import PersonId
from cvo.decisions.case import Case
from cvo.decisions.decide import decide, decide_all
from cvo.decisions.decision import Arm, Request, Subject, encode
from cvo.decisions.replay import replay
from cvo.decisions.why_not import why_not
from cvo.profiles.profile import EMPTY
from tests.data.company import NOW, catalogue, policy

PUSH = """levers:
  push: {team: care, per: action, of: callback, amount: 2.5, because: "a campaign",
         starts_at: 2026-03-01T00:00:00Z, ends_at: 2026-03-08T00:00:00Z}
limits:"""


def pushed(**replaced):
    return policy(
        catalogue(**replaced, **{"care: {name: Care}": "care: {name: Care, lever_bound: 3}", "limits:": PUSH})
    )


def case(number=0, at=NOW):
    subject = Subject(
        person_id=PersonId(b"%016d" % number), customer=f"c{number}", version=1, arm=Arm.TREATED
    )
    return Case(subject, EMPTY, Request(placement="home", at=at, context={"device": "phone"}))


def test_it_is_a_term_of_the_score_and_of_no_other_action_s():
    with_it, without = decide(case(), pushed()), decide(case(), policy())
    now, before = with_it.scored.terms(), without.scored.terms()
    assert now["callback"].lever == 2.5
    assert now["callback"].score == pytest.approx(before["callback"].score + 2.5)
    assert now["callback"].score_sd == before["callback"].score_sd
    assert now["accessory"] == before["accessory"]
    much, little = (
        each.slots[0].propensities[each.slots[0].options.index("callback")] for each in (with_it, without)
    )
    assert much > little + 0.1


def test_what_is_expected_of_an_action_is_what_it_brings_not_what_pushes_it():
    with_it, without = decide(case(), pushed()), decide(case(), policy())
    assert with_it.scored.worth() == pytest.approx(without.scored.worth())
    assert without.scored.worth() == without.scored.score


def test_before_and_after_it_is_nothing_and_a_batch_is_as_one_by_one():
    rules = pushed()
    cases = [case(n, Instant(NOW + (n - 3) * 4 * DAY)) for n in range(7)]
    together = decide_all(cases, rules)
    assert [encode(each) for each in together] == [encode(decide(each, rules)) for each in cases]
    levers = [each.scored.terms()["callback"].lever for each in together]
    assert levers == [0.0, 0.0, 0.0, 2.5, 2.5, 0.0, 0.0]
    assert all(replay(each, EMPTY, rules).identical for each in together)


def test_why_not_says_when_only_a_lever_was_ahead():
    worth_it = {"value: 5,": "value: 12,"}
    rules = pushed(**worth_it)
    made = [decide(case(n), rules) for n in range(200)]
    found = why_not("accessory", made)
    callback = next(rival for rival in found.rivals if rival.option == "callback")
    terms = made[0].scored.terms()
    assert terms["callback"].score - 2.5 < terms["accessory"].score < terms["callback"].score
    assert callback.by_levers == callback.decisions > 0
    without = why_not("accessory", [decide(case(n), policy(catalogue(**worth_it))) for n in range(200)])
    assert sum(rival.by_levers for rival in without.rivals) == 0
