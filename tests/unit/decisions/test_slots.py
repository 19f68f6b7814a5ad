"""Several slots: what choices close for the ones after them."""

import math

import pytest

from cvo.actions.read import parse_catalogue
from cvo.core.ids import PersonId
from cvo.decisions.case import Case
from cvo.decisions.decide import decide_all
from cvo.decisions.decision import Arm, Request, Subject
from cvo.decisions.replay import replay
from cvo.profiles.profile import EMPTY
from tests.data.company import NOW, policy

TEXT = """
teams: {{sales: {{name: Sales}}}}
channels: {{web: {{consent: none}}}}
placements: {{home: {{channel: web, slots: 4{distinct}}}}}
actions:
  red: {{group: shoes, {rest}}}
  blue: {{group: shoes, {rest}}}
  straw: {{group: hats, {rest}}}
  felt: {{group: hats, {rest}}}
  advice: {{{rest}}}
  help: {{{rest}}}
"""
REST = "team: sales, stage: grow, status: live, name: A, contact_cost: 0, value: 900, creatives: {a: {placement: home}}"


def decided(distinct, count=60):
    text = TEXT.format(rest=REST, distinct=distinct)
    text = text.replace(
        "actions:",
        "features: {age: {value: customer.age, kind: number}, city: {value: customer.city, "
        "kind: category}}\ntraits: {age: {type: number}, city: {type: string}}\nactions:",
    )
    rules = policy(parse_catalogue(text), withheld_rate=0.2)
    cases = [
        Case(
            Subject(person_id=PersonId(b"%016d" % n), customer=f"c{n}", version=0, arm=Arm.TREATED),
            EMPTY,
            Request(placement="home", at=NOW),
        )
        for n in range(count)
    ]
    made = decide_all(cases, rules)
    assert all(replay(each, EMPTY, rules).identical for each in made)
    return made


@pytest.mark.parametrize("distinct", ["", ", distinct: true"])
def test_of_one_group_a_placement_takes_one(distinct):
    groups = {"red": "shoes", "blue": "shoes", "straw": "hats", "felt": "hats"}
    lengths = set()
    for decision in decided(distinct):
        shut = set()
        for slot in decision.slots:
            assert set(slot.options) == (groups.keys() | {"advice", "help", ""}) - shut
            assert math.isclose(math.fsum(slot.propensities), 1.0, abs_tol=1e-12)
            assert slot.options[-1] == ""
            assert slot.propensities[-1] > 0
            if slot.chosen:
                mine = groups.get(slot.chosen)
                shut |= {slot.chosen} | {action for action, its in groups.items() if its == mine}
        lengths.add(len(shut))
    assert max(lengths) >= 4


def test_a_placement_that_allows_it_takes_two_of_a_group():
    chosen = [{slot.chosen for slot in each.slots} for each in decided(", distinct: false")]
    assert any({"red", "blue"} <= each for each in chosen)
    assert all(
        len([slot.chosen for slot in d.slots if slot.chosen]) == len({s.chosen for s in d.slots} - {""})
        for d in decided(", distinct: false")
    )
