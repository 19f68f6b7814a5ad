"""`cvo decide` and `cvo why` with `--json`: the record by name, and the same from both."""

import json

import pytest
from click.testing import CliRunner

from cvo.app.apply import apply
from cvo.app.company import Company
from cvo.cli.decide import command as decide
from cvo.cli.why import command as why
from tests.data.folder import OWNER, make

TEXT = """
teams: {sales: {name: Sales}}
channels: {web: {consent: none}}
placements: {home: {channel: web, slots: 2}}
actions:
  loan:
    {team: sales, stage: grow, status: live, name: Loan, contact_cost: 0.1, value: 30,
     creatives: {a: {placement: home}}, eligible: [customer.age >= 18]}
  card:
    {team: sales, stage: grow, status: live, name: Card, contact_cost: 0.1, value: 60,
     creatives: {a: {placement: home}}}
  case:
    {team: sales, stage: grow, status: live, name: Case, contact_cost: 0, value: 5,
     creatives: {a: {placement: home}}}
bundles: {both: {placement: home, actions: [card, case]}}
traits: {age: {type: number}}
assumptions: {margin_rate: {value: 0.5, because: tests}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("view")
    make(folder, TEXT)
    with Company.open(folder) as company:
        apply(company, OWNER, approve=True)
    return folder


def run(command, folder, *arguments):
    done = CliRunner().invoke(
        command, [*arguments, "--company", str(folder), "--json"], catch_exceptions=False
    )
    return json.loads(done.stdout)


def test_the_record_is_json_by_name(folder):
    said = run(decide, folder, "--customer", "c1", "--placement", "home", "--context", "weather=rain")
    assert said["customer"] == "c1"
    assert said["context"] == {"weather": "rain"}
    assert said["at"].endswith("Z")
    card, case, loan = said["candidates"]
    assert loan["refusal"] == {"tier": "eligible", "rule": "customer.age >= 18", "until": None}
    assert loan["terms"] is None
    assert card["terms"]["cost"] == 0.1
    assert (card["comes_with"], case["comes_with"]) == (None, "card")
    assert said["slots"][0]["options"] == ["card", ""]
    assert sum(said["slots"][0]["propensities"]) == pytest.approx(1)


def test_why_says_what_decide_said(folder):
    said = run(decide, folder, "--customer", "c2", "--placement", "home")
    assert run(why, folder, said["decision_id"]) == said
