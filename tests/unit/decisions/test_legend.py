"""What numbers in records stand for, kept once."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvo.actions.qualify import UNVALUED, Refusal
from cvo.core.clock import Instant
from cvo.core.errors import Damaged
from cvo.core.ids import PersonId
from cvo.decisions.case import Case
from cvo.decisions.decide import decide
from cvo.decisions.decision import Arm, Reader, Request, Subject, encode
from cvo.decisions.legend import Legend, missing, read_legend
from cvo.profiles.profile import EMPTY
from tests.data.company import NOW, policy

RULES = [Refusal("eligible", "customer.age >= 18"), Refusal("rest", "!(now < rest_ends())")]


def decided():
    subject = Subject(person_id=PersonId(b"p"), customer="c", version=1, arm=Arm.TREATED)
    return decide(Case(subject, EMPTY, Request(placement="home", at=NOW)), policy())


@pytest.mark.parametrize("count", [1, 255, 256, 257, 70_000])
def test_numbers_come_back_as_what_they_stand_for(count):
    names = [f"a{n:06}" for n in range(count)]
    legend = Legend(names, RULES)
    some = [names[0], names[-1], names[count // 2]]
    assert legend.named(legend.packed_places(some)) == some
    assert len(legend.packed_places(some)) == 3 * (1 if count <= 256 else 2 if count <= 65_536 else 4)
    assert legend.position(names[-1], legend.packed_places([names[0], names[-1]])) == (count > 1)


def test_a_refusal_is_known_by_its_number_whenever_it_ends():
    legend = Legend(["a"], RULES)
    said = [RULES[1], UNVALUED, Refusal("rest", RULES[1].rule, Instant(5))]
    assert [legend.refusal(code) for code in legend.codes(legend.packed_codes(said))] == [
        RULES[1],
        UNVALUED,
        RULES[1],
    ]


@settings(deadline=None)
@given(st.lists(st.text(max_size=3), unique=True, max_size=300), st.integers(0, 300))
def test_a_legend_is_named_by_what_it_says(names, rules):
    legend = Legend(names, [Refusal("eligible", f"customer.age >= {n}") for n in range(rules)])
    again = read_legend(legend.version, legend.encoded())
    assert again == legend
    assert (again.actions, again.refusals) == (legend.actions, legend.refusals)
    assert Legend([*names, "another"], []) != legend


def test_a_legend_that_is_something_else_is_damage():
    legend = Legend(["a", "b"], RULES)
    with pytest.raises(Damaged, match="is not what was kept"):
        read_legend(legend.version, Legend(["b", "a"], RULES).encoded())
    with pytest.raises(Damaged, match="can't be read"):
        read_legend(legend.version, legend.encoded()[:-1])
    with pytest.raises(Damaged, match="names an action"):
        legend.named(b"\x02")
    with pytest.raises(Damaged, match="names a refusal"):
        legend.refusal(3)


def test_a_record_without_its_legend_says_so():
    def nowhere(version):
        raise missing(version)

    with pytest.raises(Damaged, match=r"legend [0-9a-f]{32} of logged decisions is missing; `cvo restore`"):
        Reader(nowhere).read(encode(decided()))


def test_a_record_has_no_text_of_a_rule_and_no_name_but_what_was_chosen():
    made = decided()
    body = encode(made)
    assert made.refused
    assert not any(refusal.rule.encode() in body for refusal in made.refused.values())
    chosen = {slot.chosen for slot in made.slots} | {slot.creative for slot in made.slots}
    assert not [name for name in made.legend.actions if name not in chosen and name.encode() in body]
