"""Rules see the creative: what they refuse is not rendered, and an action without any creative left is refused."""

import pytest

from cvo.actions.qualify import QUALIFIED, Qualifier
from cvo.actions.read import parse_catalogue
from cvo.actions.situation import Situation
from cvo.core.errors import CatalogueError
from cvo.profiles.profile import EMPTY, Profile
from tests.data.company import NOW

TEXT = """
teams: {t: {name: T}}
channels: {web: {consent: none}, email: {consent: none}}
placements: {home: {channel: web}, mail: {channel: email}}
traits: {age: {type: number}, language: {type: string}}
actions:
  sale:
    {team: t, stage: grow, status: live, name: Sale, contact_cost: 0, value: 9,
     eligible: ['creative.locale == customer.language'],
     suitable: ['!(creative.headline.tone == "loud") || customer.age < 30', RULE],
     creatives: {
       en-loud: {placement: home, locale: en, parts: {headline: {content: NOW!, attributes: {tone: loud, size: 9}}}},
       en-calm: {placement: home, locale: en, parts: {headline: {content: New, attributes: {tone: calm}}}},
       de-loud: {placement: home, locale: de, parts: {headline: {content: JETZT!, attributes: {tone: loud}}}},
       plain: {placement: mail}}}
"""


def qualifier(rule="1 < 2", placement="home"):
    return Qualifier(parse_catalogue(TEXT.replace("RULE", f"'{rule}'")), placement, "EUR")


def judged(given, **traits):
    """Return what refuses the action, if anything, and the creatives that are left."""
    here = Situation(Profile(traits=traits), NOW, "home", given.channel)
    (code,) = given.codes([here])[0]
    if code != QUALIFIED:
        refusal = given.refusals[code]
        return (refusal.tier, refusal.rule), given.creatives("sale", here)
    return None, given.creatives("sale", here)


@pytest.mark.parametrize(
    ("traits", "tier", "left"),
    [
        ({"language": "en", "age": 20}, None, ("en-calm", "en-loud")),
        ({"language": "en", "age": 50}, None, ("en-calm",)),
        ({"language": "de", "age": 20}, None, ("de-loud",)),
        ({"language": "de", "age": 50}, "suitable", ()),
        ({"language": "fr", "age": 20}, "eligible", ()),
        ({"age": 20}, "eligible", ()),
    ],
)
def test_an_action_is_refused_by_the_rule_that_leaves_none_of_its_creatives(traits, tier, left):
    refused, kept = judged(qualifier(), **traits)
    assert (refused and refused[0], kept) == (tier, left)
    if tier == "suitable":
        assert refused[1] == '!(creative.headline.tone == "loud") || customer.age < 30'


@pytest.mark.parametrize(
    ("rule", "left"),
    [
        ('creative.id == "en-calm"', ("en-calm",)),
        ('creative.headline.startsWith("N")', ("en-calm", "en-loud")),
        ('creative.headline == "New"', ("en-calm",)),
        ("creative.headline.size > 3", ("en-loud",)),
        ("has(creative.headline.size)", ("en-loud",)),
        ('creative.placement == "home"', ("en-calm", "en-loud")),
        ('"creative" == "creative"', ("en-calm", "en-loud")),
        ("customer.age < 30", ("en-calm", "en-loud")),
    ],
)
def test_rules_see_parts_attributes_id_placement_and_locale(rule, left):
    assert judged(qualifier(rule), language="en", age=20) == (None, left)


def test_what_keeps_an_action_back_names_the_values_that_its_creatives_met():
    here = Situation(Profile(traits={"language": "fr"}), NOW, "home", "web")
    (objection, *_) = qualifier().objections("sale", here)
    assert objection.refusal.rule == "creative.locale == customer.language"
    assert objection.values == {"customer.language": "fr"}


def test_a_misspelt_attribute_of_a_creative_is_an_error_wherever_the_action_is_shown():
    for placement in ("home", "mail"):
        with pytest.raises(CatalogueError, match=r"did you mean creative\.headline\.tone"):
            qualifier('creative.headline.tune == "calm"', placement)


def test_elsewhere_creatives_of_other_placements_are_not_asked():
    here = Situation(EMPTY, NOW, "mail", "email")
    given = qualifier(placement="mail")
    assert given.refusals[given.codes([here])[0][0]].tier == "eligible"
    known = Situation(Profile(traits={"language": "en"}), NOW, "mail", "email")
    assert given.creatives("sale", known) == ("plain",)
