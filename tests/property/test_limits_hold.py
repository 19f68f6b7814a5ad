"""Whatever the limits, the slots and the order of placements: no customer is contacted more often than a limit says."""

from hypothesis import given, settings
from hypothesis import strategies as st

from cvo.actions.catalogue import Limit
from cvo.actions.read import parse_catalogue
from cvo.actions.settings import Settings
from cvo.core.clock import HOUR, Instant
from cvo.core.ids import EventId, PersonId
from cvo.decisions.case import Case
from cvo.decisions.decide import decide_all
from cvo.decisions.decision import Arm, Request, Subject
from cvo.decisions.effects import effects
from cvo.decisions.policy import Policy
from cvo.decisions.replay import replay
from cvo.events.event import Event
from cvo.profiles.fold import fold
from cvo.profiles.profile import EMPTY
from cvo.valuation.assumptions import assumptions_of
from cvo.valuation.encoder import NO_FEATURES
from cvo.valuation.models import untrained
from tests.data.company import NOW

TEXT = """
teams: {{sales: {{name: Sales}}, care: {{name: Care}}}}
channels: {{web: {{consent: none}}, email: {{consent: none}}}}
placements: {{home: {{channel: web, slots: {home}}}, newsletter: {{channel: email, slots: {newsletter}}}}}
actions:
  one: {{team: sales, stage: grow, {rest}}}
  two: {{team: sales, stage: retain, {rest}}}
  three: {{team: care, stage: grow, {rest}}}
  four: {{team: care, stage: retain, {rest}}}
  five: {{team: care, stage: serve, {rest}}}
limits: {limits}
"""
REST = (
    "status: live, name: A, contact_cost: 0, value: 900, "
    "creatives: {home: {placement: home}, mail: {placement: newsletter}}"
)
NAMES = {
    "all": [None],
    "channel": [None, "web", "email"],
    "stage": [None, "grow", "retain", "serve"],
    "team": [None, "sales", "care"],
    "action": [None, "one", "five"],
}
LIMITS = st.sampled_from(sorted(NAMES)).flatmap(
    lambda per: st.builds(
        Limit, per=st.just(per), of=st.sampled_from(NAMES[per]), at_most=st.integers(0, 3), days=st.just(7)
    )
)


def policy(limits, home, newsletter):
    entries = ", ".join(
        f"l{n}: {{per: {each.per}, at_most: {each.at_most}, days: {each.days}"
        + (f", of: {each.of}}}" if each.of else "}")
        for n, each in enumerate(limits)
    )
    catalogue = parse_catalogue(
        TEXT.format(home=home, newsletter=newsletter, rest=REST, limits=f"{{{entries}}}")
    )
    models = untrained(catalogue, assumptions_of(catalogue), NO_FEATURES, NOW)
    return Policy(catalogue, models, Settings(currency="EUR", seed="limits", withheld_rate=0.3))


def contacts(limit, bodies):
    """Count the contacts that a limit is about, by each thing it holds for."""
    counts = {}
    for body in bodies:
        mine = {
            "all": "all",
            "channel": body.channel,
            "stage": body.stage,
            "team": body.team,
            "action": body.action,
        }
        if body.action and limit.of in (None, mine[limit.per]):
            counts[mine[limit.per]] = counts.get(mine[limit.per], 0) + 1
    return counts


@settings(max_examples=60, deadline=None)
@given(
    st.lists(LIMITS, max_size=3),
    st.integers(1, 5),
    st.integers(1, 5),
    st.lists(st.sampled_from(["home", "newsletter"]), min_size=1, max_size=3),
    st.integers(0, 10_000),
)
def test_no_limit_is_ever_overrun(limits, home, newsletter, placements, first):
    rules = policy(limits, home, newsletter)
    people = {number: (EMPTY, []) for number in range(first, first + 4)}
    for step, placement in enumerate(placements):
        at = Instant(NOW + step * HOUR)
        cases = [
            Case(
                Subject(person_id=PersonId(b"%016d" % n), customer=f"c{n}", version=step, arm=Arm.TREATED),
                profile,
                Request(placement=placement, at=at),
            )
            for n, (profile, _) in people.items()
        ]
        for (number, (profile, done)), decision in zip(people.items(), decide_all(cases, rules), strict=True):
            assert replay(decision, profile, rules).identical
            bodies = effects(decision, rules.catalogue)
            facts = [
                Event(EventId(b"%d-%d" % (step, n)), decision.person_id, at, at, body)
                for n, body in enumerate(bodies)
            ]
            people[number] = (fold(profile, facts), [*done, *bodies])
    for _, done in people.values():
        for limit in limits:
            assert max(contacts(limit, done).values(), default=0) <= limit.at_most


def test_a_slot_lacks_what_the_contacts_before_it_leave_no_room_for():
    rules = policy([Limit(per="team", at_most=1, days=7)], 5, 1)
    seen = set()
    for number in range(40):
        subject = Subject(person_id=PersonId(b"%016d" % number), customer="c", version=0, arm=Arm.TREATED)
        case = Case(subject, EMPTY, Request(placement="home", at=NOW))
        (decision,) = decide_all([case], rules)
        team = {"one": "sales", "two": "sales", "three": "care", "four": "care", "five": "care"}
        closed = set()
        for slot in decision.slots:
            assert set(slot.options) == {action for action, its in team.items() if its not in closed} | {""}
            assert abs(sum(slot.propensities) - 1) < 1e-12
            closed |= {team[slot.chosen]} if slot.chosen else set()
        seen.add(len(closed))
    assert 2 in seen
