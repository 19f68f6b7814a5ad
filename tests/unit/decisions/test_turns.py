import numpy as np
import pytest

from cvo.actions.read import parse_catalogue
from cvo.actions.scarcity import NOTHING_SCARCE, Scarcity
from cvo.core.errors import CatalogueError
from cvo.core.ids import PersonId
from cvo.decisions.case import Case
from cvo.decisions.decide import decide
from cvo.decisions.decision import Arm, Purpose, Request, Subject
from cvo.decisions.replay import replay
from cvo.decisions.turns import decide_in_turn, used
from cvo.events.event import Delivery
from cvo.profiles.profile import EMPTY, Profile
from tests.data.company import NOW, TEXT, policy
from tests.data.records import kept

RESOURCES = """
resources:
  minutes: {per: action, of: callback, amount: 60, period_days: 1, unit: minutes, use: 12}
  sales: {per: team, of: sales, amount: 20, period_days: 7, unit: money}
"""
PLENTY = Scarcity({"minutes": 60.0, "sales": 20.0}, {"minutes": 0.01, "sales": 0.01})


@pytest.fixture(scope="module")
def scarce():
    return policy(parse_catalogue(TEXT + RESOURCES), control_rate=0.0, withheld_rate=0.0)


def cases(count, *, purpose=Purpose.LIVE):
    profile = Profile(traits={"age": 30.0})
    request = Request(placement="home", at=NOW, purpose=purpose, context={"device": "app"})
    return [
        Case(
            Subject(person_id=PersonId(i.to_bytes(16, "big")), customer=f"c{i}", version=1, arm=Arm.TREATED),
            profile,
            request,
        )
        for i in range(count)
    ]


def refusal_of(decision, action):
    return decision.refused.get(action)


def test_who_comes_after_the_last_unit_is_refused_with_the_reason(scarce):
    made = decide_in_turn(cases(300), scarce, PLENTY)
    calls = [each for each in made if any(slot.chosen == "callback" for slot in each.slots)]
    total = sum(used(each, scarce).get("minutes", 0.0) for each in made)
    assert len(calls) == 5
    assert total == 60.0
    after = made[made.index(calls[-1]) + 1 :]
    assert after
    assert all(refusal_of(each, "callback").tier == "capacity" for each in after)
    assert refusal_of(after[0], "callback").rule == 'left("minutes") >= 12'
    assert round(sum(used(each, scarce).get("sales", 0.0) for each in made), 9) <= 20.0


def test_each_decision_is_as_if_it_were_made_alone_with_what_was_left(scarce):
    asked = cases(120)
    together = decide_in_turn(asked, scarce, PLENTY)
    left, alone = PLENTY, []
    for case in asked:
        alone += decide_in_turn([case], scarce, left)
        left = left.less(used(alone[-1], scarce))
    assert [each.slots for each in together] == [each.slots for each in alone]


def test_a_resource_that_a_rule_misspells_is_an_error():
    text = (TEXT + RESOURCES).replace('context.device != "kiosk"', 'left("minuets") >= 48')
    with pytest.raises(CatalogueError, match="minuets"):
        policy(parse_catalogue(text)).qualifier("home")


def test_what_a_rule_keeps_back_is_kept_back_within_a_batch_too():
    text = (TEXT + RESOURCES).replace('context.device != "kiosk"', 'left("minutes") >= 48')
    keeping = policy(parse_catalogue(text), control_rate=0.0, withheld_rate=0.0)
    made = decide_in_turn(cases(300), keeping, PLENTY)
    assert sum(used(each, keeping).get("minutes", 0.0) for each in made) == 24.0


def test_a_decision_under_scarcity_replays_from_its_record(scarce):
    for case, made in zip(cases(80), decide_in_turn(cases(80), scarce, PLENTY), strict=True):
        again = replay(kept(made), case.profile, scarce)
        assert again.identical, again.differences


def test_a_rule_about_what_no_action_here_uses_replays_from_the_record():
    text = (TEXT + RESOURCES).replace("per: action, of: callback", "per: channel, of: email")
    text = text.replace('context.device != "kiosk"', 'left("minutes") >= 12')
    asking = policy(parse_catalogue(text), control_rate=0.0, withheld_rate=0.0)
    case = cases(1)[0]
    made = decide_in_turn([case], asking, Scarcity({"minutes": 3.0, "sales": 20.0}, {}))[0]
    assert refusal_of(made, "callback").rule == 'left("minutes") >= 12'
    again = replay(kept(made), case.profile, asking)
    assert again.identical, again.differences


def test_the_price_is_a_term_of_the_score_and_stands_in_the_record(scarce):
    case = cases(1)[0]
    free = decide(case, scarce).scored.terms()["callback"]
    prices = Scarcity({"minutes": 60.0, "sales": 20.0}, {"minutes": 0.5, "sales": 2.0})
    made = decide_in_turn([case], scarce, prices)[0]
    charged = made.scored.terms()
    assert charged["callback"].price == 6.0  # twelve minutes
    assert charged["upgrade"].price == pytest.approx(0.2)  # ten cents at two for one
    assert charged["callback"].score == pytest.approx(free.score - 6.0)
    assert charged["callback"].score_sd == free.score_sd
    assert made.scarcity == prices


def test_a_higher_price_makes_an_action_rarer(scarce):
    def share(price):
        scarcity = Scarcity({"minutes": 1e6}, {"minutes": price})
        made = decide_in_turn(cases(60), scarce, scarcity)
        return np.mean(
            [sum(s.propensities[s.options.index("callback")] for s in each.slots[:1]) for each in made]
        )

    assert share(0.0) > share(0.02) > share(0.1)


def test_a_second_slot_sees_what_the_first_takes():
    both = TEXT.replace("per: channel, of: email", "per: channel, of: email") + (
        "resources: {spots: {per: channel, of: web, amount: 100, period_days: 1}}\n"
    )
    made_with = policy(parse_catalogue(both), control_rate=0.0, withheld_rate=0.0)
    last = Scarcity({"spots": 1.0}, {})
    apart = [decide_in_turn([case], made_with, last)[0] for case in cases(50)]
    filled = [each for each in apart if each.slots[0].chosen]
    assert filled
    assert all(each.slots[1].options == [""] for each in filled)
    together = decide_in_turn(cases(50), made_with, last)
    assert sum(used(each, made_with).get("spots", 0.0) for each in together) == 1.0


def test_rehearsed_and_withheld_take_nothing(scarce):
    made = decide_in_turn(cases(40, purpose=Purpose.REHEARSAL), scarce, PLENTY)
    assert all(used(each, scarce) == {} for each in made)
    withholding = policy(parse_catalogue(TEXT + RESOURCES), control_rate=0.0, withheld_rate=0.9)
    live = decide_in_turn(cases(60), withholding, PLENTY)
    withheld = [each for each in live if all(slot.delivery is not Delivery.DELIVERED for slot in each.slots)]
    assert withheld
    assert all(used(each, withholding) == {} for each in withheld)


def test_without_resources_nothing_is_recorded_or_charged():
    made = decide(cases(1)[0], policy())
    assert made.scarcity == NOTHING_SCARCE
    assert "price" not in made.scored.rows
    assert Scarcity().left_of("anything") > 1e12
    assert decide(Case(cases(1)[0].subject, EMPTY, cases(1)[0].request), policy()).scarcity == NOTHING_SCARCE


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{per: action, amount: 1, period_days: 1}", "say of which action"),
        ("{per: all, of: web, amount: 1, period_days: 1}", "say of which"),
        ("{per: channel, of: fax, amount: 1, period_days: 1}", "'fax' is not in the catalogue"),
        ("{per: all, amount: -1, period_days: 1}", "at least 0"),
        ("{per: all, amount: 1, period_days: 0}", "at least 1"),
        ("{per: all, amount: 1, period_days: 1, use: 0}", "more than nothing"),
        ("{per: all, amount: 1, period_days: 1, price: 0}", "more than nothing"),
        ("{per: all, amount: 1, period_days: 1, unit: bananas}", "bananas"),
    ],
)
def test_a_resource_that_can_not_be_is_refused(entry, message):
    with pytest.raises(CatalogueError, match=message):
        parse_catalogue(TEXT + f"resources: {{r: {entry}}}\n")
