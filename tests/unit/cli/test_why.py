"""`cvo why --action`: for everybody as a funnel, for one customer with how it stands now."""

import json

import pytest
from click.testing import CliRunner

from cvo.app.apply import apply
from cvo.app.company import Company
from cvo.app.live import Accept, Ask, Live
from cvo.cli.why import command
from cvo.core.clock import DAY, FixedClock, Instant, format_rfc3339, parse_rfc3339
from cvo.core.errors import InvalidInput, NotFound
from cvo.events.message import user
from tests.data.folder import OWNER, make

NOW = parse_rfc3339("2026-03-02T10:00:00Z")
TEXT = """
teams: {sales: {name: Sales}}
channels: {web: {consent: none}}
placements: {home: {channel: web}}
actions:
  loan:
    {team: sales, stage: grow, status: live, name: Loan, contact_cost: 0.1, value: 30,
     creatives: {a: {placement: home}}, eligible: [customer.age >= 18]}
  card:
    {team: sales, stage: grow, status: live, name: Card, contact_cost: 0.1, value: 60,
     creatives: {a: {placement: home}}}
traits: {age: {type: number}}
rests: {later: {after: dismissed, per: action, days: 14}}
assumptions: {margin_rate: {value: 0.5, because: tests}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("why")
    make(folder, TEXT)
    clock = FixedClock(NOW)
    with Company.open(folder, clock=clock) as company:
        apply(company, OWNER, approve=True)
        live = Live(company)
        dismissed = {
            "type": "track",
            "userId": "c3",
            "event": "Action Dismissed",
            "properties": {"action": "loan"},
        }
        ages = [{"type": "identify", "userId": f"c{n}", "traits": {"age": 10 + n}} for n in range(40)]
        live.process([Accept([*ages, dismissed, dismissed | {"userId": "c30"}], NOW)])
        live.process([Ask(user(f"c{n}"), "home") for n in range(41)])
        clock.at = Instant(NOW + DAY)
        live.process([Ask(user("c20"), "home")])
    return folder


def run(folder, *arguments):
    return CliRunner().invoke(command, [*arguments, "--company", str(folder)], catch_exceptions=False)


def test_for_everybody_it_is_a_funnel(folder):
    data = json.loads(run(folder, "--action", "loan", "--json").stdout)
    found = data["found"]
    assert (found["decisions"], found["customers"]) == (42, 41)
    passed = {step["name"]: step["passed"] for step in found["funnel"]}
    # Eight are minors and one said no age; of the others one dismissed it.
    assert (passed["allowed"], passed["eligible"], passed["within limits"], passed["rested"]) == (
        42,
        33,
        33,
        32,
    )
    eligible, rest = found["stops"]
    assert (eligible["rule"], eligible["decisions"]) == ("customer.age >= 18", 9)
    assert (rest["tier"], rest["decisions"]) == ("rest", 1)
    assert rest["until"] == format_rfc3339(Instant(NOW + 14 * DAY))
    assert sum(each["decisions"] for each in found["rivals"]) > 0
    assert any("customer.age >= 18" in each for each in data["would_change_it"])
    text = run(folder, "--action", "loan").stdout
    assert "█" in text
    assert "customer.age >= 18" in text


def test_for_one_customer_it_says_what_speaks_against_it_now(folder):
    data = json.loads(run(folder, "--action", "loan", "--customer", "c3", "--json").stdout)
    assert (data["customer"], data["found"]["decisions"]) == ("c3", 1)
    (standing,) = data["now"]
    (objection,) = standing["objections"]
    assert (objection["tier"], objection["values"]) == ("eligible", {"customer.age": 13.0})
    assert "customer.age is 13" in run(folder, "--action", "loan", "--customer", "c3").stdout
    fine = json.loads(run(folder, "--action", "card", "--customer", "c20", "--json").stdout)
    assert [each["objections"] for each in fine["now"]] == [[]]
    assert "qualifies" in run(folder, "--action", "card", "--customer", "c20").stdout


def test_a_period_begins_where_it_says_and_ends_before(folder):
    def count(*period):
        return json.loads(run(folder, "--action", "loan", *period, "--json").stdout)["found"]["decisions"]

    assert count("--from", "2026-03-03") == 1
    assert count("--to", "2026-03-03") == 41
    assert count("--from", format_rfc3339(Instant(NOW + DAY))) == 1
    assert count("--to", format_rfc3339(NOW)) == 0
    assert "0 live decisions" in run(folder, "--action", "loan", "--to", "2026-01-01").stdout


def test_what_is_not_there_is_said(folder):
    for arguments in ((), ("--customer", "c1"), ("d", "--action", "loan"), ("d", "--from", "2026-01-01")):
        assert run(folder, *arguments).exit_code == 2
    with pytest.raises(NotFound, match="'lone'"):
        run(folder, "--action", "lone")
    with pytest.raises(NotFound, match="never met"):
        run(folder, "--action", "loan", "--customer", "nobody")
    with pytest.raises(InvalidInput, match="yesterday"):
        run(folder, "--action", "loan", "--from", "yesterday")
