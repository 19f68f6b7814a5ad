import re

import pytest

from cvo.actions.qualify import QUALIFIED, Qualifier
from cvo.actions.settings import Settings
from cvo.actions.situation import Situation
from cvo.core.clock import DAY, Instant
from cvo.core.errors import CatalogueError, InvalidInput
from cvo.core.ids import EventId, PersonId
from cvo.events.event import ConsentSet, Decided, Delivery, Event, TraitsSet
from cvo.profiles.fold import fold
from cvo.profiles.profile import EMPTY
from tests.data.company import NOW, catalogue


def profile(*bodies, days_ago=1.0):
    facts = [
        Event(EventId(b"%d" % n), PersonId(b"p"), at, at, body)
        for n, body in enumerate(bodies)
        for at in [Instant(NOW - int(days_ago * DAY))]
    ]
    return fold(EMPTY, facts)


def contact(action="accessory", team="sales", stage="grow", channel="email", delivery=Delivery.DELIVERED):
    return Decided("d", "newsletter", channel, action, team, stage, delivery, 1.0, {action: 1.0}, 0, "EUR")


def refused(given, known=EMPTY, placement="newsletter", at=NOW, **context):
    """Return the tier that refuses each action, or `None`."""
    qualifier = Qualifier(given, placement, "EUR")
    situation = Situation(known, at, placement, qualifier.channel, context)
    (codes,) = qualifier.codes([situation])
    return {
        action: None if code == QUALIFIED else qualifier.refusals[code].tier
        for action, code in zip(qualifier.actions, codes, strict=True)
    }


def test_only_live_actions_with_a_creative_for_the_placement_are_asked_about():
    given = catalogue()
    assert refused(given) == {
        "accessory": None,
        "callback": "placement",
        "upgrade": "eligible",
        "winter": "status",
    }
    assert refused(given, placement="home", device="app")["callback"] is None


@pytest.mark.parametrize(
    ("consent", "said", "tier"),
    [
        ("opt-out", None, None),
        ("opt-out", True, None),
        ("opt-out", False, "consent"),
        ("opt-in", None, "consent"),
        ("opt-in", True, None),
        ("opt-in", False, "consent"),
        ("none", False, None),
    ],
)
def test_consent_is_what_the_channel_needs(consent, said, tier):
    given = catalogue(**{"email: {consent: opt-out}": f"email: {{consent: {consent}}}"})
    known = EMPTY if said is None else profile(ConsentSet({"email": said}))
    assert refused(given, known)["accessory"] == tier


def test_dates_hold_from_the_start_to_just_before_the_end():
    given = catalogue(
        **{"value: 5,": "value: 5, starts_at: 2026-03-02T10:00:00Z, ends_at: 2026-03-02T11:00:00+01:00,"}
        | {"2026-03-02T10:00:00Z": "2026-03-02T10:00:00+01:00"}
    )
    starts, ends = NOW - DAY // 24, NOW
    found = [refused(given, at=Instant(at))["accessory"] for at in (starts - 1, starts, ends - 1, ends)]
    assert found == ["dates", None, None, "dates"]


@pytest.mark.parametrize(
    ("limit", "refuses"),
    [
        ("per: channel, of: email", {"accessory", "upgrade"}),
        ("per: channel, of: web", set()),
        ("per: channel", {"accessory", "upgrade"}),
        ("per: action", {"accessory"}),
        ("per: action, of: upgrade", set()),
        ("per: team", {"accessory", "upgrade"}),
        ("per: team, of: care", set()),
        ("per: stage", {"accessory", "upgrade"}),
        ("per: stage, of: win back", set()),
        ("per: all", {"accessory", "upgrade"}),
    ],
)
@pytest.mark.parametrize("delivery", [Delivery.DELIVERED, Delivery.WITHHELD])
def test_a_contact_counts_for_the_limits_it_falls_under_delivered_or_withheld(limit, refuses, delivery):
    given = catalogue(**{"per: channel, of: email": limit})
    known = profile(TraitsSet({"age": 30}), contact(delivery=delivery))
    found = refused(given, known)
    assert {action for action, tier in found.items() if tier == "contact limit"} == refuses


def test_doing_nothing_is_no_contact():
    known = profile(TraitsSet({"age": 30}), contact(delivery=Delivery.NOTHING))
    assert refused(catalogue(), known)["upgrade"] is None


def test_the_first_rule_that_refuses_is_named_in_its_own_text():
    qualifier = Qualifier(catalogue(), "newsletter", "EUR")
    known = profile(ConsentSet({"email": False}), TraitsSet({"age": 3}), contact())
    (codes,) = qualifier.codes([Situation(known, NOW, "newsletter", "email")])
    refusal = qualifier.refusals[codes[qualifier.actions.index("upgrade")]]
    assert (refusal.tier, refusal.rule) == ("consent", "!(consent.email == false)")


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("customer.agee >= 18", "agee"),
        ("customer.age >= 'x'", "customer.age"),
        ("customer.age >", r"\^"),
        ("orders(1000) > 1", "days is 1000"),
        ("responses('seen', 'any', 7) > 1", "not a response"),
    ],
)
def test_a_rule_that_says_nothing_names_the_action_or_the_fact(rule, message):
    given = catalogue(**{'eligible: ["customer.age >= 18"]': f"eligible: [{rule!r}]"})
    with pytest.raises(CatalogueError, match=f"(?s){message}"):
        Qualifier(given, "newsletter", "EUR")


def test_an_unknown_placement_is_named_with_the_known_ones():
    with pytest.raises(InvalidInput, match="no placement 'billboard'; the catalogue has: home, newsletter"):
        Qualifier(catalogue(), "billboard", "EUR")


@pytest.mark.parametrize(
    ("name", "value"),
    [("control_rate", 1.0), ("withheld_rate", -0.1), ("floor", float("nan")), ("exploration", 100.0)],
)
def test_a_setting_out_of_range_is_named(name, value):
    with pytest.raises(InvalidInput, match=re.escape(f"{name} is {value}; it has to be in [0, ")):
        Settings(currency="EUR", seed="s", **{name: value})
