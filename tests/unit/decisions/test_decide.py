import math

import msgspec
import numpy as np
import pytest

from cvo.core.clock import DAY, HOUR, Instant, parse_rfc3339
from cvo.core.errors import InvalidInput
from cvo.core.ids import EventId, PersonId
from cvo.decisions.case import Case
from cvo.decisions.decide import decide, decide_all
from cvo.decisions.decision import Arm, Purpose, Request, Subject, encode
from cvo.decisions.effects import effects
from cvo.decisions.replay import replay
from cvo.events.event import Delivery, Event, Response, ResponseKind, TraitsSet
from cvo.profiles.fold import fold
from cvo.profiles.profile import EMPTY
from tests.data.company import NOW, catalogue, policy
from tests.data.records import kept


def case(
    number=0,
    *,
    traits=None,
    placement="home",
    at=NOW,
    arm=Arm.TREATED,
    context=None,
    version=1,
    purpose=Purpose.LIVE,
):
    profile = EMPTY
    if traits:
        event = Event(EventId(b"e"), PersonId(b"p"), Instant(NOW - DAY), NOW, TraitsSet(traits))
        profile = fold(EMPTY, [event])
    return Case(
        Subject(person_id=PersonId(b"%016d" % number), customer=f"c{number}", version=version, arm=arm),
        profile,
        Request(placement=placement, at=at, context=context or {}, purpose=purpose),
    )


def after(given, decision, rules):
    """The same customer a moment after the decision took effect."""
    bodies = effects(decision, rules.catalogue)
    facts = [
        Event(EventId(b"d%d" % n), given.subject.person_id, given.request.at, given.request.at, body)
        for n, body in enumerate(bodies)
    ]
    return fold(given.profile, facts)


def test_every_action_is_chosen_scored_or_refused_with_its_rule():
    decision = decide(case(traits={"age": 12}, context={"device": "kiosk"}), policy())
    by_action = {candidate.action: candidate for candidate in decision.candidates}
    assert set(by_action) == {"accessory", "callback", "upgrade", "winter"}
    assert by_action["upgrade"].refusal.tier == "eligible"
    assert by_action["upgrade"].refusal.rule == "customer.age >= 18"
    assert by_action["callback"].refusal.tier == "suitable"
    assert by_action["winter"].refusal.tier == "status"
    terms = by_action["accessory"].terms
    assert terms.uplift == pytest.approx(
        terms.incrementality * terms.response_probability * terms.margin_per_response
    )
    assert terms.score == pytest.approx(
        terms.uplift + terms.clv_change - terms.patience - terms.cost + terms.lever - terms.price
    )
    # A contact is never taken to be free: a four-hundredth of what a response to the median action brings.
    assert terms.patience == pytest.approx(0.0025 * (9 + 30) / 2)
    assert terms.clv_change == 0
    assert terms.clv_grade == "assumed"
    assert terms.grade == "assumed"


def test_propensities_sum_to_one_over_all_options_and_the_draw_picks_from_them():
    rules = policy()
    for number in range(200):
        for slot in decide(case(number, traits={"age": 30}), rules).slots:
            assert math.isclose(sum(slot.propensities), 1.0, abs_tol=1e-12)
            assert math.isclose(sum(slot.delivery_probabilities), 1.0, abs_tol=1e-12)
            reached = np.cumsum(slot.propensities)
            position = slot.options.index(slot.chosen)
            assert (reached[position - 1] if position else 0.0) <= slot.draw <= reached[position] + 1e-15
            assert slot.propensity > 0.003  # the floor reaches every option


def test_frequencies_of_choices_match_their_logged_propensities():
    rules = policy()
    decisions = decide_all(
        [case(number, traits={"age": 30}, placement="newsletter") for number in range(4000)], rules
    )
    slot = decisions[0].slots[0]
    for option, propensity in zip(slot.options, slot.propensities, strict=True):
        share = np.mean([d.slots[0].chosen == option for d in decisions])
        assert abs(share - propensity) < 4.5 * math.sqrt(propensity * (1 - propensity) / 4000)


def test_alone_and_in_a_batch_a_decision_is_the_same():
    rules = policy()
    cases = [
        case(
            n,
            traits={"age": n % 40, "city": ["Bonn", "Rome", "Oslo"][n % 3]},
            context={"device": ["kiosk", "app"][n % 2]},
        )
        for n in range(300)
    ]
    together = decide_all(cases, rules)
    assert [encode(decide(each, policy())) for each in cases] == [encode(decision) for decision in together]


def test_slots_never_show_an_action_twice():
    for number in range(100):
        first, second = decide(case(number, traits={"age": 30}), policy()).slots
        assert first.chosen == "" or first.chosen != second.chosen
        assert set(second.options) == set(first.options) - ({first.chosen} - {""})


def test_controls_get_nothing_and_leave_no_contact():
    decision = decide(case(traits={"age": 30}, arm=Arm.CONTROL), policy())
    for slot in decision.slots:
        assert (slot.chosen, slot.delivery) == ("", Delivery.NOTHING)
        assert slot.delivery_probabilities[-1] == 1.0
        assert sum(slot.propensities[:-1]) > 0  # what the policy would have done stays on record
    assert all(body.action is None and body.options[""] == 1.0 for body in effects(decision, catalogue()))


def test_a_rehearsal_has_no_effects():
    decision = decide(case(traits={"age": 30}, purpose=Purpose.REHEARSAL), policy())
    assert effects(decision, catalogue()) == []


def test_decisions_of_one_instant_in_other_contexts_are_others():
    rules = policy()
    devices = ["app", "web", "kiosk"]
    made = [
        decide(case(traits={"age": 30}, context={"device": device}, purpose=Purpose.REHEARSAL), rules)
        for device in devices
    ]
    assert len({decision.decision_id for decision in made}) == 3
    assert len({decision.slots[0].draw for decision in made}) == 3
    again = decide(case(traits={"age": 30}, context={"device": "app"}, purpose=Purpose.REHEARSAL), rules)
    assert again == made[0]


def test_a_contact_limit_refuses_the_next_mail_until_its_window_has_passed():
    rules = policy(control_rate=0.0)
    number = next(
        n
        for n in range(50)
        if decide(case(n, traits={"age": 30}, placement="newsletter"), rules).slots[0].chosen
    )
    given = case(number, traits={"age": 30}, placement="newsletter")
    profile = after(given, decide(given, rules), rules)

    def refusals(at):
        later = Case(given.subject, profile, Request(placement="newsletter", at=Instant(at)))
        return {c.refusal.tier for c in decide(later, rules).candidates if c.refusal}

    assert "contact limit" in refusals(NOW + HOUR)
    assert "contact limit" in refusals(NOW + 7 * DAY - HOUR)
    assert "contact limit" not in refusals(NOW + 7 * DAY + 2 * HOUR)


def test_the_coin_falls_once_a_window_and_is_conditioned_on_afterwards():
    rules = policy(withheld_rate=0.5)
    seen = set()
    for number in range(200):
        given = case(number, traits={"age": 30}, placement="home", at=Instant(NOW))
        decision = decide(given, rules)
        slot = decision.slots[0]
        if not slot.chosen:
            continue
        position = slot.options.index(slot.chosen)
        assert slot.delivery_probabilities[position] == pytest.approx(0.5 * slot.propensity)
        seen.add(slot.delivery)
        profile = after(given, decision, rules)
        again = decide(Case(given.subject, profile, Request(placement="home", at=Instant(NOW + HOUR))), rules)
        for later in again.slots:
            if later.chosen == slot.chosen:
                assert later.delivery == slot.delivery
            position = later.options.index(slot.chosen) if slot.chosen in later.options else None
            if position is not None:
                fate = 1.0 if slot.delivery is Delivery.DELIVERED else 0.0
                assert later.delivery_probabilities[position] == pytest.approx(
                    fate * later.propensities[position]
                )
    assert seen == {Delivery.DELIVERED, Delivery.WITHHELD}


def test_a_caller_with_less_room_gets_the_first_slots():
    rules = policy()
    for number in range(50):
        given = case(number, traits={"age": 30})
        whole = decide(given, rules)
        first = decide(with_limit(given, 1), rules)
        assert len(whole.slots) == 2
        assert first.slots == whole.slots[:1]
        assert replay(first, given.profile, rules).identical
        assert decide(with_limit(given, 9), rules) == whole


def with_limit(given, limit):
    return Case(given.subject, given.profile, msgspec.structs.replace(given.request, limit=limit))


def test_a_record_survives_the_log_and_replays_bit_for_bit():
    rules = policy()
    for number in range(50):
        given = case(number, traits={"age": 30 + number, "city": "Rome"}, context={"device": "app"})
        logged = kept(decide(given, rules))
        assert replay(logged, given.profile, rules).identical


def test_replay_names_what_differs():
    given = case(traits={"age": 30})
    outcome = replay(decide(given, policy()), given.profile, policy(catalogue(**{"value: 30": "value: 31"})))
    assert not outcome.identical
    assert any(each.startswith("pins.catalogue:") for each in outcome.differences)
    assert any(
        "scored.margin_per_response" in each and "30.0 was logged, 31.0" in each
        for each in outcome.differences
    )


def test_an_unknown_placement_is_named_with_the_known_ones():
    with pytest.raises(InvalidInput, match="no placement 'billboard'; the catalogue has: home, newsletter"):
        decide(case(placement="billboard"), policy())


def test_an_action_nobody_put_a_value_on_is_refused_and_says_so():
    decision = decide(case(), policy(catalogue(**{"value: 5,": ""})))
    refusal = next(c.refusal for c in decision.candidates if c.action == "accessory")
    assert refusal.tier == "value"


def test_quiet_hours_are_by_the_companys_clock_where_the_customers_is_not_known():
    given = catalogue(
        **{"web: {consent: none}": 'web: {consent: none, quiet_hours: [{from: "21:00", to: "08:00"}]}'}
    )
    subject = Subject(person_id=PersonId(b"%016d" % 7), customer="c7", version=0, arm=Arm.TREATED)
    case = Case(subject, EMPTY, Request(placement="home", at=parse_rfc3339("2026-03-02T20:30:00Z")))
    here, there = (
        decide(case, policy(given, time_zone=zone)).candidates for zone in ("Europe/Berlin", "Europe/London")
    )
    assert {each.action: each.refusal.tier for each in here if each.refusal}["accessory"] == "quiet hours"
    assert [each.refusal for each in there if each.action == "accessory"] == [None]


def test_a_rest_in_the_record_says_when_it_ends():
    given = catalogue(**{"limits:\n": "rests: {later: {after: dismissed, per: action, days: 14}}\nlimits:\n"})
    body = Response(ResponseKind.DISMISSED, "accessory", "sales", "grow", "email")
    known = fold(EMPTY, [Event(EventId(b"1"), PersonId(b"p"), Instant(NOW - DAY), NOW, body)])
    subject = Subject(person_id=PersonId(b"%016d" % 7), customer="c7", version=1, arm=Arm.TREATED)
    rules = policy(given)
    made = decide(Case(subject, known, Request(placement="home", at=NOW)), rules)
    (refusal,) = (each.refusal for each in made.candidates if each.action == "accessory")
    assert (refusal.tier, refusal.until) == ("rest", NOW + 13 * DAY)
    assert replay(kept(made), known, rules).identical
