"""Bundles: all or nothing, by exact propensities, within limits and resources, under one coin."""

import math

import numpy as np
import pytest

from cvo.actions.read import parse_catalogue
from cvo.actions.scarcity import Scarcity
from cvo.actions.settings import Settings
from cvo.api.answers import explanation, items
from cvo.core.errors import CatalogueError
from cvo.core.ids import PersonId
from cvo.decisions.case import Case
from cvo.decisions.decide import decide, decide_all
from cvo.decisions.decision import NOTHING, Arm, Request, Subject, encode
from cvo.decisions.effects import effects
from cvo.decisions.policy import Policy
from cvo.decisions.replay import replay
from cvo.decisions.turns import decide_in_turn, used
from cvo.decisions.why_not import why_not
from cvo.events.event import Delivery
from cvo.profiles.profile import EMPTY, Profile
from cvo.valuation.assumptions import assumptions_of
from cvo.valuation.encoder import NO_FEATURES
from cvo.valuation.models import untrained
from tests.data.company import NOW
from tests.data.records import kept

TEXT = """
teams: {t: {name: T, lever_bound: 9}}
channels: {web: {consent: none}, email: {consent: none}}
placements: {home: {channel: web, slots: 3}, mail: {channel: email}}
traits: {age: {type: number}}
actions:
  boot: {contact_cost: 0.10, value: 30, REST}
  care: {contact_cost: 0.25, value: 12, eligible: ["customer.age >= 18"], REST}
  hat: {contact_cost: 0.05, value: 20, REST}
  tips: {contact_cost: 0.05, value: 15, REST}
bundles: {winter: {placement: home, actions: [boot, care]}}
MORE
""".replace(
    "REST",
    "team: t, stage: grow, status: live, name: A, creatives: {h: {placement: home}, m: {placement: mail}}",
)
ADULT = Profile(traits={"age": 30.0})


def policy(more="", text=TEXT, **settings):
    catalogue = parse_catalogue(text.replace("MORE", more))
    models = untrained(catalogue, assumptions_of(catalogue), NO_FEATURES, NOW)
    return Policy(catalogue, models, Settings(currency="EUR", seed="bundles", floor=0.05, **settings))


def cases(count, profile=ADULT, arm=Arm.TREATED, **request):
    return [
        Case(
            Subject(person_id=PersonId(b"%016d" % n), customer=f"c{n}", version=1, arm=arm),
            profile,
            Request(**{"placement": "home", "at": NOW} | request),
        )
        for n in range(count)
    ]


def refusals(decision):
    return {action: (refusal.tier, refusal.rule) for action, refusal in decision.refused.items()}


def check(decision):
    """Whatever was chosen: together or not at all, side by side, each slot a distribution with nothing in it."""
    chosen = [slot.chosen for slot in decision.slots]
    assert ("boot" in chosen) == ("care" in chosen)
    if "boot" in chosen:
        first = chosen.index("boot")
        assert chosen[first + 1] == "care"
        lead, mate = decision.slots[first : first + 2]
        assert (lead.delivery, lead.coin) == (mate.delivery, mate.coin)
        assert (mate.options, mate.propensities) == (["care", NOTHING], [1.0, 0.0])
    for slot in decision.slots:
        assert slot.options[-1] == NOTHING
        assert math.isclose(math.fsum(slot.propensities), 1.0, abs_tol=1e-12)
        assert math.isclose(math.fsum(slot.delivery_probabilities), 1.0, abs_tol=1e-12)


def test_a_bundle_fills_its_slots_together_or_not_at_all_and_replays():
    rules = policy(withheld_rate=0.3)
    made = decide_all(cases(300), rules)
    for case, decision in zip(cases(300), made, strict=True):
        check(decision)
        assert len(decision.slots) == 3
        assert decision.slots[0].options == ["boot", "hat", "tips", NOTHING]
        # A bundle that needs two slots is no option for the last one.
        assert "boot" not in decision.slots[2].options
        assert replay(kept(decision), ADULT, rules).identical
        assert encode(decide(case, rules)) == encode(decision)
    places = {
        [slot.chosen for slot in each.slots].index("boot")
        for each in made
        if "boot" in str(each.slots) and "boot" in [slot.chosen for slot in each.slots]
    }
    assert places == {0, 1}
    assert {each.slots[0].delivery for each in made} == {
        Delivery.DELIVERED,
        Delivery.WITHHELD,
        Delivery.NOTHING,
    }


def test_its_probability_is_what_it_is_drawn_with():
    made = decide_all(cases(4_000), policy())
    (propensity,) = {each.slots[0].propensities[0] for each in made}
    share = np.mean([each.slots[0].chosen == "boot" for each in made])
    assert share == pytest.approx(propensity, abs=4 * math.sqrt(0.25 / 4_000))


def test_it_is_worth_what_its_first_action_is_known_by_and_costs_what_all_cost():
    lever = (
        "levers: {l: {team: t, per: action, of: care, amount: 2, because: x, "
        "starts_at: 2020-01-01T00:00:00Z, ends_at: 2030-01-01T00:00:00Z}}"
    )
    resource = "resources: {r: {per: all, amount: 50, period_days: 1, price: 0.03}}"
    rules = policy(f"{lever}\n{resource}")
    alone = policy(f"{lever}\n{resource}", TEXT.replace("bundles:", "#"))
    scarce = Scarcity({"r": 50.0}, {"r": 0.03})
    (together,) = decide_in_turn(cases(1), rules, scarce)
    (apart,) = decide_in_turn(cases(1), alone, scarce)
    terms, single = together.scored.terms(), apart.scored.terms()
    boot = terms["boot"]
    assert boot.uplift == single["boot"].uplift
    assert (boot.cost, boot.lever, boot.price) == pytest.approx((0.35, 2.0, 0.06))
    assert boot.score == pytest.approx(
        boot.uplift + boot.clv_change - boot.patience - boot.cost + boot.lever - boot.price
    )
    assert boot.score_sd == single["boot"].score_sd
    assert terms["care"] == boot
    assert terms["hat"] == single["hat"]
    assert [together.scored.lead(each) for each in ("boot", "care", "hat")] == ["boot", "boot", "hat"]


def test_it_qualifies_only_if_all_of_it_does():
    rules = policy()
    for decision in decide_all(cases(50, Profile(traits={"age": 10.0})), rules):
        check(decision)
        assert refusals(decision) == {
            "boot": ("bundle", "only with care, which is refused"),
            "care": ("eligible", "customer.age >= 18"),
        }
    told = why_not("boot", decide_all(cases(3, EMPTY), rules))
    assert [(stop.step, stop.tier) for stop in told.stops] == [("with its bundle", "bundle")]


def test_where_there_are_fewer_slots_than_actions_it_is_refused():
    (decision,) = decide_all(cases(1, limit=1), policy())
    assert set(refusals(decision)) == {"boot", "care"}
    assert {tier for tier, _ in refusals(decision).values()} == {"bundle"}
    assert decision.slots[0].options == ["hat", "tips", NOTHING]


def test_at_other_placements_its_actions_stand_alone_under_the_same_coin():
    rules = policy(withheld_rate=0.5)
    at_home, by_mail = decide_all(cases(200), rules), decide_all(cases(200, placement="mail"), rules)
    coins = {}
    for decision in [*at_home, *by_mail]:
        for slot in decision.slots:
            if slot.chosen in {"boot", "care"}:
                coins.setdefault(decision.person_id, set()).add(slot.coin)
    assert all(len(each) == 1 for each in coins.values())
    assert {slot.chosen for each in by_mail for slot in each.slots} >= {"boot", "care"}


@pytest.mark.parametrize(
    "limit", ["per: all, at_most: 1", "per: team, of: t, at_most: 1", "per: action, of: care, at_most: 0"]
)
def test_contact_limits_hold_for_all_of_it(limit):
    for decision in decide_all(cases(60), policy(f"limits: {{l: {{{limit}, days: 7}}}}")):
        check(decision)
        assert "boot" not in decision.slots[0].options
        assert {tier for tier, _ in refusals(decision).values()} <= {"bundle", "contact limit"}


def test_resources_hold_for_all_of_it():
    rules = policy("resources: {money: {per: all, unit: money, amount: 100, period_days: 1}}")
    for left, there in ((0.30, False), (0.36, True)):
        made = decide_in_turn(cases(1), rules, Scarcity({"money": left}, {}))
        assert ("boot" in made[0].slots[0].options) is there
    many = decide_in_turn(cases(60), rules, Scarcity({"money": 2.0}, {}))
    assert sum(used(each, rules).get("money", 0.0) for each in many) <= 2.0 + 1e-9
    for each in many:
        check(each)
        assert replay(each, ADULT, rules).identical


def test_each_of_its_actions_is_a_contact_and_only_the_first_is_a_draw():
    rules = policy(withheld_rate=0.3)
    bundled = [each for each in decide_all(cases(200), rules) if each.slots[0].chosen == "boot"]
    for decision in bundled:
        boot, care, _ = effects(decision, rules.catalogue)
        assert (boot.action, care.action, boot.delivery) == ("boot", "care", care.delivery)
        assert boot.options["boot"] == pytest.approx(0.7 * boot.propensity)
        assert care.options == {
            "care": float(care.delivery is Delivery.DELIVERED),
            "": float(not care.delivered),
        }


def test_the_control_group_gets_none_of_it():
    for decision in decide_all(cases(20, arm=Arm.CONTROL), policy()):
        assert [slot.chosen for slot in decision.slots] == [NOTHING] * 3


def test_why_not_tells_of_any_of_its_actions_what_came_instead():
    made = [each for each in decide_all(cases(100), policy()) if "boot" not in [s.chosen for s in each.slots]]
    boot, care = why_not("boot", made), why_not("care", made)
    assert boot.rivals == care.rivals
    assert boot.rivals[0].propensity == pytest.approx(made[0].slots[0].propensities[0])


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("[boot, care]", "[boot]", "has 1 actions"),
        ("[boot, care]", "[boot, care, hat, tips]", "has 4 actions"),
        ("[boot, care]", "[boot, coat]", "'coat' is not in the catalogue"),
        (
            "[boot, care]}",
            "[boot, care]}, other: {placement: home, actions: [care, hat]}",
            "an action is in one",
        ),
        ("placement: home, actions", "placement: mail, actions", "has 2 actions"),
        ("value: 12,", "value: 12, withheld_rate: 0.2,", "same withheld_rate"),
        ("value: 12,", "value: 12, window_days: 2,", "same withheld_rate and window_days"),
        ("boot, care]", "hat, care]", None),
    ],
)
def test_a_bundle_that_could_never_be_is_an_error(old, new, says):
    text = TEXT.replace(old, new)
    assert text != TEXT
    if says is None:
        policy(text=text)
        return
    with pytest.raises(CatalogueError, match=says):
        policy(text=text)


def test_an_answer_says_what_comes_with_what_and_its_value_once():
    rules = policy(withheld_rate=0.0)
    decision = next(each for each in decide_all(cases(60), rules) if each.slots[0].chosen == "boot")
    boot, care, *_ = items(decision, rules.catalogue)
    assert (boot.action, care.action, care.expected_value.amount) == ("boot", "care", 0.0)
    assert boot.expected_value.amount == decision.scored.terms()["boot"].score
    told = {each.action: each.comes_with for each in explanation(decision).actions}
    assert told == {"boot": None, "care": "boot", "hat": None, "tips": None}
