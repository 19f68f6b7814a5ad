"""The creative is a draw of its own, whose probability is logged and exact."""

from collections import Counter
from functools import partial

import msgspec
import numpy as np
import pytest

from cvo.actions.situation import Situation
from cvo.core.clock import Instant
from cvo.core.ids import PersonId
from cvo.core.random import keyed_uniform
from cvo.decisions.case import Case
from cvo.decisions.decide import decide, decide_all
from cvo.decisions.decision import Arm, Request, Subject
from cvo.decisions.policy import Policy
from cvo.decisions.replay import replay
from cvo.profiles.profile import EMPTY
from cvo.valuation.fit import Deliveries, fit
from tests.data.company import NOW, catalogue, policy
from tests.data.records import kept

THREE = """{u-a: {placement: home, parts: {image: {content: lake}}},
       u-b: {placement: home, parts: {image: {content: city}}},
       u-c: {placement: home, parts: {image: {content: wood}}},
       u-mail: {placement: newsletter}}"""


def given():
    one = "{u-home: {placement: home}, u-mail: {placement: newsletter}}"
    return catalogue(**{one: THREE, 'eligible: ["customer.age >= 18"],': ""})


def taught(**settings):
    rules, rng = given(), np.random.default_rng(0)
    shown = rng.choice(["u-a", "u-b", "u-c"], 1_500)
    responded = rng.random(1_500) < np.where(shown == "u-b", 0.5, 0.3)
    seen = Deliveries(
        values={"age": [40] * 1_500, "city": [None] * 1_500},
        actions=["upgrade"] * 1_500,
        responded=responded,
        margin=10.0 * responded,
        half=np.arange(1_500) % 2,
        weight=np.ones(1_500),
        creatives=shown.tolist(),
    )
    models = fit(rules, seen, [], NOW, "EUR")
    return Policy(rules, models, msgspec.structs.replace(policy(rules).settings, **settings))


def situation():
    return Situation(EMPTY, NOW, "home", "web")


def chosen(rules, count=4_000):
    drawn = [
        rules.rendering.choose("upgrade", ["u-a", "u-b", "u-c"], situation(), partial(keyed_uniform, "t", n))
        for n in range(count)
    ]
    shares = {key: n / count for key, n in Counter(each.key for each in drawn).items()}
    return shares, {each.key: each.propensity for each in drawn}


def test_creatives_are_drawn_as_often_as_their_probability_says():
    for rules in (taught(), policy(given())):
        shares, told = chosen(rules)
        assert sum(told.values()) == pytest.approx(1.0)
        for key, probability in told.items():
            assert shares[key] == pytest.approx(probability, abs=4 * np.sqrt(0.25 / 4_000))


def test_the_one_that_is_responded_to_is_shown_more_and_the_others_still():
    _, told = chosen(taught(floor=0.1))
    assert told["u-b"] > 0.85
    assert min(told.values()) >= 0.1 / 3 - 1e-12
    _, before = chosen(policy(given()))
    assert max(before.values()) - min(before.values()) < 0.05


def test_a_decision_logs_the_probability_of_its_creative_and_replays():
    rules = taught()
    cases = [
        Case(
            Subject(person_id=PersonId(b"%016d" % n), customer=f"c{n}", version=1, arm=Arm.TREATED),
            EMPTY,
            Request(placement="home", at=Instant(NOW + n)),
        )
        for n in range(60)
    ]
    made = decide_all(cases, rules)
    slots = [slot for decision in made for slot in decision.slots if slot.chosen]
    several = [slot for slot in slots if slot.creative.startswith("u-")]
    _, told = chosen(rules)
    assert several
    for slot in slots:
        assert slot.creative_propensity == (told[slot.creative] if slot in several else 1.0)
    for case, decision in zip(cases[:10], made, strict=False):
        assert decide(case, rules) == decision
        assert kept(decision) == decision
        assert replay(decision, EMPTY, rules).identical


def test_an_action_with_one_creative_has_no_choice():
    found = policy().rendering.choose("callback", ["c-home"], situation(), lambda: 0.99)
    assert (found.key, found.propensity) == ("c-home", 1.0)
