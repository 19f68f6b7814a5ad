"""One situation at a time or a table of them: the same actions qualify, and the same rules refuse the rest."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cvo.actions import qualify
from cvo.actions.qualify import QUALIFIED, Qualifier
from cvo.actions.read import parse_catalogue
from cvo.actions.situation import Situation
from cvo.core.clock import DAY, HOUR, Instant
from cvo.core.ids import EventId, PersonId
from cvo.core.random import keyed_bytes
from cvo.events.event import Activity, ConsentSet, Decided, Delivery, Event, Order, TraitsSet
from cvo.profiles.fold import fold
from cvo.profiles.profile import EMPTY
from tests.data.company import NOW

CATALOGUE = parse_catalogue("""
teams: {t: {name: T}, u: {name: U}}
channels: {email: {consent: opt-in}, web: {consent: opt-out}}
placements: {p: {channel: email}, q: {channel: web}}
traits:
  age: {type: number}
  city: {type: string}
  vip: {type: bool}
  born: {type: time}
  tags: {type: strings}
actions:
  plain: {team: t, stage: grow, status: live, name: A, contact_cost: 0, creatives: {a: {placement: p}}}
  ruled: {team: t, stage: grow, status: live, name: B, contact_cost: 0,
          creatives: {a: {placement: p}, b: {placement: q}},
          eligible: ["customer.age >= 18 && customer.age / 3 < 20", "!(customer.vip)"],
          applicable: ['customer.city == "Bonn" || customer.city.startsWith("R")'],
          suitable: ['context.device != "kiosk"', "1 < 2"]}
  dated: {team: u, stage: serve, status: live, name: C, contact_cost: 0, creatives: {a: {placement: q}},
          starts_at: 2026-03-01T00:00:00Z, ends_at: 2026-03-03T00:00:00Z,
          eligible: ["now - customer.born > duration('8760h')", '"gold" in customer.tags'],
          suitable: ["spend(30) >= 10 && days_since('order') < 20", "activities('any', 7) > 0"]}
  drawn: {team: u, stage: grow, status: live, name: E, contact_cost: 0,
          eligible: ['creative.head.sex == customer.city || creative.locale == "en" && customer.vip',
                     "customer.age > 0"],
          suitable: ['!(creative.head.loud) || context.device == "app"', "orders(30) < 2 || creative.head != 'A'"],
          creatives: {a: {placement: p, parts: {head: {content: A, attributes: {sex: Bonn, loud: true}}}},
                      b: {placement: p, locale: de, parts: {head: {content: B, attributes: {sex: Rome}}}},
                      c: {placement: q, parts: {head: {content: C, attributes: {loud: true}}}},
                      d: {placement: q, locale: fr, parts: {head: {content: C, attributes: {sex: Bonn, loud: false}}}}}}
  paused: {team: u, stage: serve, status: paused, name: D, contact_cost: 0, creatives: {a: {placement: q}}}
limits:
  all: {per: all, at_most: 3, days: 7}
  team: {per: team, at_most: 1, days: 1}
  action: {per: action, at_most: 1, days: 30}
""")

NUMBERS = st.sampled_from([17.9, 18, 59.99, 60, -1, 0, 1e300, 2**60])
TRAITS = st.fixed_dictionaries(
    {},
    optional={
        "age": NUMBERS | st.sampled_from([True, "40", ["40"]]),
        "city": st.sampled_from(["Bonn", "Rome", "bonn", "", "Ünna", 5, False]),
        "vip": st.booleans() | st.sampled_from(["true", 1]),
        "born": st.sampled_from(
            ["2000-01-01T00:00:00Z", "2025-12-31T23:00:00+01:00", "yesterday", "", 5, True]
        ),
        "tags": st.sampled_from([["gold"], ["silver", "gold"], [], "gold", 3]),
    },
)
BODIES = (
    TRAITS.map(TraitsSet)
    | st.dictionaries(st.sampled_from(["email", "web"]), st.booleans()).map(ConsentSet)
    | st.builds(Order, st.just("o"), st.integers(0, 3_000), st.sampled_from(["EUR", "USD"]))
    | st.just(Activity("Visit"))
    | st.builds(
        lambda action, delivery: Decided(
            "d", "p", "email", action, "t", "grow", delivery, 1.0, {action: 1.0}, 0, "EUR"
        ),
        st.sampled_from(["plain", "ruled", "dated"]),
        st.sampled_from([Delivery.DELIVERED, Delivery.WITHHELD, Delivery.NOTHING]),
    )
)
CONTEXT = st.dictionaries(st.just("device"), st.sampled_from(["kiosk", "app", "", 3, 2.5, True]), max_size=1)


@st.composite
def situations(draw):
    facts = []
    for number, body in enumerate(draw(st.lists(BODIES, max_size=6))):
        at = Instant(NOW - draw(st.integers(0, 40 * 24)) * HOUR)
        facts.append(Event(EventId(keyed_bytes("e", number)), PersonId(b"p"), at, at, body))
    facts.sort(key=lambda each: each.order)
    at = Instant(NOW + draw(st.sampled_from([0, 12 * HOUR, 3 * DAY])))
    return Situation(fold(EMPTY, facts), at, "p", "email", draw(CONTEXT))


QUALIFIERS = {placement: Qualifier(CATALOGUE, placement, "EUR") for placement in CATALOGUE.placements}


def agree(some):
    # Situations repeat so that there are enough of them for a table.
    many = [some[n % len(some)] for n in range(max(qualify._COLUMNAR_FROM, len(some)))]
    for qualifier in QUALIFIERS.values():
        alone = np.concatenate([qualifier.codes([each]) for each in some])
        together = qualifier.codes(many)
        assert len(many) >= qualify._COLUMNAR_FROM
        np.testing.assert_array_equal(together, alone[np.arange(len(many)) % len(some)])
        for here, codes in zip(some, alone, strict=True):
            # What is rendered is told one customer at a time, by other rules than those of the table.
            code = codes[qualifier.actions.index("drawn")]
            left = qualifier.creatives("drawn", here)
            if code == QUALIFIED:
                assert left
            elif "creative." in qualifier.refusals[code].rule:
                assert not left


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(st.lists(situations(), min_size=1, max_size=25))
def test_alone_and_in_a_table_the_same_rules_refuse(some):
    agree(some)


@pytest.mark.slow
@settings(
    max_examples=2_000,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.lists(situations(), min_size=1, max_size=25))
def test_alone_and_in_a_table_the_same_rules_refuse_long(some):
    agree(some)


def test_both_ways_find_both_answers_for_every_rule():
    """The situations above are no use if a rule always refuses or never does."""
    yes = {"age": 30, "city": "Rome", "vip": False, "born": "2000-01-01T00:00:00Z", "tags": ["gold"]}
    bodies = [TraitsSet(yes), ConsentSet({"email": True}), Order("o", 2_000, "EUR"), Activity("Visit")]
    at = Instant(NOW - DAY)
    profile = fold(
        EMPTY, [Event(EventId(b"%d" % n), PersonId(b"p"), at, at, body) for n, body in enumerate(bodies)]
    )
    happy = Situation(profile, NOW, "p", "email", {"device": "app"})
    for some in ([happy], [happy] * 256):
        by_email, by_web = (QUALIFIERS[placement].codes(some)[-1] for placement in ("p", "q"))
        assert [code == QUALIFIED for code in by_email] == [False, True, False, True, True]
        assert [code == QUALIFIED for code in by_web] == [True, False, False, False, True]


def test_a_catalogue_without_any_rule_works_in_a_table_too():
    bare = parse_catalogue("""
teams: {t: {name: T}}
channels: {web: {consent: none}}
placements: {p: {channel: web}}
actions:
  a: {team: t, stage: grow, status: live, name: A, contact_cost: 0, creatives: {a: {placement: p}}}
""")
    here = Situation(EMPTY, NOW, "p", "web")
    for count in (0, 1, 256):
        assert (Qualifier(bare, "p", "EUR").codes([here] * count) == QUALIFIED).all()
        assert Qualifier(bare, "p", "EUR").codes([here] * count).shape == (count, 1)
