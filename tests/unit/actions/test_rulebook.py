"""The company's rulebook beside the actions' own rules: rests, quiet hours, open intents, rules for many actions."""

import pytest

from cvo.actions.qualify import QUALIFIED, Qualifier, Refusal
from cvo.actions.read import parse_catalogue
from cvo.actions.situation import Situation
from cvo.core.clock import DAY, HOUR, Instant, format_rfc3339, parse_rfc3339
from cvo.core.errors import CatalogueError
from cvo.core.ids import EventId, PersonId
from cvo.events.event import Activity, Decided, Delivery, Event, Response, ResponseKind, TraitsSet
from cvo.profiles.fold import fold
from cvo.profiles.profile import EMPTY
from tests.data.company import NOW

TEXT = """
teams: {{sales: {{name: Sales}}, care: {{name: Care}}}}
channels: {{web: {{consent: none{web}}}, email: {{consent: none}}}}
placements: {{home: {{channel: web}}, newsletter: {{channel: email}}}}
actions:
  loan: {{team: sales, stage: grow, attributes: {{sku: L1, price: 20, vip: true}}, {rest}}}
  card: {{team: sales, stage: retain, attributes: {{sku: C1, price: 5}}, {rest}}}
  help: {{team: care, stage: serve, {rest}}}
  alarm: {{team: care, stage: grow, service: true, {rest}}}
{more}
"""
REST = (
    "status: live, name: A, contact_cost: 0, value: 9, "
    "creatives: {home: {placement: home}, mail: {placement: newsletter}}"
)


def catalogue(more="", web=""):
    return parse_catalogue(TEXT.format(more=more, web=web, rest=REST))


def profile(*facts):
    """Fold (days ago, body) pairs."""
    made = [
        Event(EventId(b"%d" % n), PersonId(b"p"), Instant(NOW - int(ago * DAY)), Instant(0), body)
        for n, (ago, body) in enumerate(facts)
    ]
    return fold(EMPTY, made)


def refusals(given, known=EMPTY, placement="home", at=NOW, zone="UTC"):
    """Return the refusal of each action that has one, the same alone and in a table of many."""
    qualifier = Qualifier(given, placement, "EUR")
    here = Situation(known, at, placement, qualifier.channel, {}, zone)
    many = qualifier.codes([here] * 300)
    codes = qualifier.codes([here])[0]
    assert (many == codes).all()
    return {
        action: qualifier.refusal(int(code), here)
        for action, code in zip(qualifier.actions, codes, strict=True)
        if code != QUALIFIED
    }


def said(kind, action="loan", team="sales", stage="grow", channel="web"):
    return Response(ResponseKind(kind), action, team, stage, channel)


def contact(action="loan", team="sales", stage="grow", channel="web", delivery=Delivery.DELIVERED):
    return Decided("d", "home", channel, action, team, stage, delivery, 1.0, {action: 1.0}, 0, "EUR")


def test_dismissed_on_the_web_is_not_mailed_tomorrow():
    given = catalogue("rests: {later: {after: dismissed, per: action, days: 14}}")
    known = profile((1, said("dismissed")))
    rule = '!(now < rest_ends("dismissed", "action:loan", 1, 30, 14))'
    for placement in ("home", "newsletter"):
        assert refusals(given, known, placement) == {"loan": Refusal("rest", rule, Instant(NOW + 13 * DAY))}
    assert "loan" in refusals(given, known, at=Instant(NOW + 13 * DAY - 1))
    assert refusals(given, known, at=Instant(NOW + 13 * DAY)) == {}


def test_accepted_is_for_ever_and_has_no_end():
    given = catalogue("rests: {done: {after: accepted, per: action}}")
    known = profile((1, said("accepted")))
    assert refusals(given, known, at=Instant(NOW + 9_000 * DAY))["loan"].until is None


def test_ignored_twice_in_thirty_days_is_sixty_days_of_rest_for_the_team():
    given = catalogue("rests: {tired: {after: ignored, times: 2, within_days: 30, per: team, days: 60}}")
    known = profile((20, contact()), (5, contact("card", stage="retain", delivery=Delivery.WITHHELD)))
    found = refusals(given, known)
    assert found.keys() == {"loan", "card"}
    assert found["loan"].until == NOW - 5 * DAY + 61 * DAY
    assert refusals(given, profile((20, contact()))) == {}
    clicked = profile((20, contact()), (5, contact()), (1, said("clicked")))
    assert refusals(given, clicked) == {}


@pytest.mark.parametrize(
    ("whom", "rests"),
    [
        ("per: all", {"loan", "card", "help"}),
        ("per: stage", {"loan"}),
        ("per: stage, of: grow", {"loan"}),
        ("per: stage, of: retain", set()),
        ("per: team", {"loan", "card"}),
        ("per: channel", {"loan", "card", "help"}),
        ("per: channel, of: email", set()),
        ("per: action, of: card", set()),
    ],
)
def test_a_rest_is_from_what_it_says_and_service_is_exempt(whom, rests):
    given = catalogue(f"rests: {{later: {{after: dismissed, {whom}, days: 14}}}}")
    assert refusals(given, profile((1, said("dismissed")))).keys() == rests


def test_limits_do_not_keep_service_back_yet_count_it():
    given = catalogue("limits: {few: {per: all, at_most: 1, days: 7}}")
    known = profile((1, contact("alarm", "care")))
    assert refusals(given, known).keys() == {"loan", "card", "help"}
    qualifier = Qualifier(given, "home", "EUR")
    here = Situation(EMPTY, NOW, "home", "web")
    assert qualifier.full(here, ["alarm"]) == {"loan", "card", "help"}


@pytest.mark.parametrize(
    ("hours", "local", "quiet"),
    [
        ('{from: "21:00", to: "08:00"}', "2026-03-02T20:59:59", False),
        ('{from: "21:00", to: "08:00"}', "2026-03-02T21:00:00", True),
        ('{from: "21:00", to: "08:00"}', "2026-03-02T07:59:59", True),
        ('{from: "21:00", to: "08:00"}', "2026-03-02T08:00:00", False),
        ('{from: "12:00", to: "13:30"}', "2026-03-02T13:29:00", True),
        ('{from: "12:00", to: "13:30"}', "2026-03-02T13:30:00", False),
        # The second of March 2026 is a Monday; the night of Sunday ends on it.
        ('{from: "21:00", to: "08:00", weekdays: [sun]}', "2026-03-02T07:00:00", True),
        ('{from: "21:00", to: "08:00", weekdays: [sun]}', "2026-03-01T07:00:00", False),
        ('{from: "21:00", to: "08:00", weekdays: [mon]}', "2026-03-02T22:00:00", True),
        ('{from: "00:00", to: "24:00", weekdays: [sun]}', "2026-03-01T23:59:59", True),
        ('{from: "00:00", to: "24:00", weekdays: [sun]}', "2026-03-02T00:00:00", False),
    ],
)
def test_quiet_hours_are_by_the_clock_of_the_customer(hours, local, quiet):
    given = catalogue(web=f", quiet_hours: [{hours}]")
    for zone, offset in (("UTC", "Z"), ("Europe/Berlin", "+01:00"), ("Asia/Kathmandu", "+05:45")):
        at = parse_rfc3339(local + offset)
        mine = profile((0, TraitsSet({"timezone": zone})))
        expected = {"loan", "card", "help"} if quiet else set()
        assert refusals(given, mine, at=at, zone="America/Lima").keys() == expected
        assert refusals(given, EMPTY, at=at, zone=zone).keys() == expected
        assert refusals(given, mine, "newsletter", at=at, zone="America/Lima") == {}
        if quiet:
            assert refusals(given, mine, at=at)["loan"].tier == "quiet hours"


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../../etc/passwd", "\0", 5, ["UTC"], True])
def test_a_zone_nobody_knows_is_the_companys(zone):
    given = catalogue(web=', quiet_hours: [{from: "21:00", to: "08:00"}]')
    mine = profile((0, TraitsSet({"timezone": zone})))
    at = parse_rfc3339("2026-03-02T22:30:00+01:00")
    assert refusals(given, mine, at=at, zone="Europe/Berlin").keys() == {"loan", "card", "help"}
    assert refusals(given, mine, at=at, zone="America/Lima") == {}


def test_every_hour_of_a_night_in_which_the_clock_is_moved():
    given = catalogue(web=', quiet_hours: [{from: "02:00", to: "03:00"}]')
    spring, autumn = parse_rfc3339("2026-03-29T00:00:00Z"), parse_rfc3339("2026-10-25T00:00:00Z")

    def quiet(start):
        ats = [Instant(start + half * HOUR // 2) for half in range(-4, 8)]
        return [format_rfc3339(at)[11:16] for at in ats if refusals(given, at=at, zone="Europe/Berlin")]

    # In spring there is no time between two and three; in autumn there is twice.
    assert quiet(spring) == []
    assert quiet(autumn) == ["00:00", "00:30", "01:00", "01:30"]


def test_an_open_complaint_outranks_selling():
    given = catalogue(
        "intents: {complaint: {opens: Complaint Opened, closes: Complaint Resolved, "
        "holds: [grow, retain], lapses_days: 60}}"
    )
    opened = profile((3, Activity("Complaint Opened")))
    held = refusals(given, opened)
    assert held.keys() == {"loan", "card"}
    assert held["loan"] == Refusal("conversation", '!open("Complaint Opened", "Complaint Resolved", 60)')
    assert refusals(given, opened, "newsletter").keys() == {"loan", "card"}
    assert refusals(given, opened, at=Instant(NOW + 57 * DAY)) == {}
    solved = profile((3, Activity("Complaint Opened")), (1, Activity("Complaint Resolved")))
    assert refusals(given, solved) == {}


def test_rules_for_many_actions_know_the_action_they_are_about():
    given = catalogue("""
traits: {budget: {type: number}}
rules:
  affordable: {per: team, of: sales, suitable: [action.price <= customer.budget]}
  no-vips: {per: all, eligible: ['!action.vip', '!has(action.vip)']}
  sold: {per: team, of: sales, applicable: ['activities("Bought", 30) == 0 || action.sku != "C1"']}
""")
    found = refusals(given, profile((1, TraitsSet({"budget": 10})), (1, Activity("Bought"))))
    assert {action: each.tier for action, each in found.items()} == {"loan": "eligible", "card": "applicable"}
    assert found["loan"].rule == "!action.vip"
    poor = refusals(given, profile((1, TraitsSet({"budget": 4}))))
    assert {action: each.tier for action, each in poor.items()} == {"loan": "eligible", "card": "suitable"}
    assert poor["card"].rule == "action.price <= customer.budget"


def test_the_customers_clock_is_there_for_rules():
    given = catalogue(
        'rules: {weekend: {per: action, of: loan, suitable: [\'local.weekday in ["sat", "sun"]\', '
        '\'local.date < "2026-03-08" && local.time >= "10:00"\']}}'
    )
    found = [
        day
        for day in range(10)
        if not refusals(
            given, at=Instant(parse_rfc3339("2026-03-01T09:30:00Z") + day * DAY), zone="Europe/Berlin"
        )
    ]
    assert found == [0, 6]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("rests: {a: {after: bored, per: all, days: 3}}", "rests.a"),
        ("rests: {a: {after: ignored, per: all, days: 0}}", "rests.a.days is 0"),
        ("rests: {a: {after: ignored, per: all, days: 367}}", "366"),
        ("rests: {a: {after: ignored, per: all, days: 340, times: 2}}", "together"),
        ("rests: {a: {after: ignored, per: all, times: 2}}", "for ever"),
        ("rests: {a: {after: ignored, per: all, times: 0}}", "rests.a.times"),
        ("rests: {a: {after: ignored, per: team, of: nobody, days: 3}}", "nobody"),
        ("rests: {a: {after: ignored, per: all, of: loan, days: 3}}", "needs a per"),
        ("rules: {a: {per: team, of: nobody}}", "nobody"),
        ("intents: {a: {opens: A, closes: A, holds: [grow]}}", "two different events"),
        ("intents: {a: {opens: A, closes: B, holds: []}}", "holds is empty"),
        ("intents: {a: {opens: A, closes: B, holds: [grow], lapses_days: 900}}", "366"),
    ],
)
def test_what_cannot_be_right_is_refused(more, message):
    with pytest.raises(CatalogueError, match=message):
        catalogue(more)


@pytest.mark.parametrize(
    "hours",
    [
        '{from: 21:00, to: "08:00"}',
        '{from: "21", to: "08:00"}',
        '{from: "25:00", to: "08:00"}',
        '{from: "08:00", to: "08:00"}',
        '{from: "24:00", to: "08:00"}',
        '{from: "08:60", to: "09:00"}',
    ],
)
def test_quiet_hours_no_clock_shows_are_refused(hours):
    with pytest.raises(CatalogueError, match="quiet_hours"):
        catalogue(web=f", quiet_hours: [{hours}]")


def test_an_attribute_no_action_has_is_misspelt():
    with pytest.raises(CatalogueError, match=r"action\.prize"):
        refusals(catalogue("rules: {a: {per: all, suitable: [action.prize < 3]}}"))


def test_a_catalogue_keeps_its_version_when_a_field_it_does_not_use_is_spelt_out():
    assert catalogue().version == catalogue("rests: {}", web=", quiet_hours: []").version
    assert catalogue().version != catalogue("rests: {a: {after: ignored, per: all, days: 3}}").version


def test_later_and_no_rest_as_long_as_each_says():
    given = catalogue(
        "rests: {later: {after: postponed, per: action, days: 14}, no: {after: dismissed, per: action, days: 90}}"
    )
    for kind, days in (("postponed", 14), ("dismissed", 90)):
        assert refusals(given, profile((1, said(kind))))["loan"].until == NOW + (days - 1) * DAY
