"""No resource is ever overrun and every decision replays, whatever the resources and the size of a batch."""

from decimal import Decimal

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from cvo.actions.catalogue import Resource
from cvo.actions.scarcity import Scarcity
from cvo.core.ids import PersonId
from cvo.decisions.case import Case
from cvo.decisions.decision import Arm, Request, Subject
from cvo.decisions.replay import replay
from cvo.decisions.turns import decide_in_turn, used
from cvo.profiles.profile import Profile
from tests.data.company import NOW, catalogue, policy
from tests.data.records import kept

SCOPES = [("channel", "web"), ("team", "sales"), ("action", "callback"), ("stage", "grow"), ("all", None)]
resources = st.builds(
    lambda scope, use, unit: Resource(
        per=scope[0], of=scope[1], amount=Decimal(100), period_days=1, use=Decimal(str(use)), unit=unit
    ),
    st.sampled_from(SCOPES),
    st.sampled_from([0.25, 1, 3]),
    st.sampled_from(["contacts", "minutes", "money"]),
)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(resources, st.floats(0.0, 9.0), st.floats(0.0, 3.0)), min_size=1, max_size=3),
    st.integers(1, 25),
)
def test_resources_hold_and_decisions_replay(drawn, count):
    named = {f"r{i}": each for i, (each, _, _) in enumerate(drawn)}
    deciding = policy(
        msgspec.structs.replace(catalogue(), resources=named), control_rate=0.1, withheld_rate=0.2, floor=0.3
    )
    left = {f"r{i}": amount for i, (_, amount, _) in enumerate(drawn)}
    scarcity = Scarcity(left, {f"r{i}": price for i, (_, _, price) in enumerate(drawn)})
    profile, request = Profile(traits={"age": 30.0}), Request(placement="home", at=NOW)
    cases = [
        Case(
            Subject(person_id=PersonId(bytes([i] * 16)), customer=f"c{i}", version=1, arm=Arm.TREATED),
            profile,
            request,
        )
        for i in range(count)
    ]
    made = decide_in_turn(cases, deciding, scarcity)
    for name, amount in left.items():
        assert sum(used(each, deciding).get(name, 0.0) for each in made) <= amount + 1e-9
    for each in made:
        assert abs(sum(each.slots[0].propensities) - 1.0) < 1e-9
        assert replay(kept(each), profile, deciding).identical
