"""What teams and customers wrote is shown as they wrote it: `[/b]` ends nothing, `[sale]` is there to be read."""

import msgspec
import pytest
from click.testing import CliRunner

from cvo.app.ingest import ingest
from cvo.app.learn import learn
from cvo.app.what_if import read_candidate, what_if
from cvo.cli import group
from cvo.cli.evaluate import show
from cvo.core.clock import DAY, Instant
from cvo.inference import GuardRails
from tests.data.company import NOW
from tests.data.folder import OWNER, decide_for, message, ordered, running

CATALOGUE = """
teams: {"sales[/b]": {name: "Sales[/b]"}}
channels: {email: {consent: none}}
placements: {"letter[/b]": {channel: email}}
actions:
  "[sale]:x:[/b]":
    {team: "sales[/b]", stage: grow, status: live, name: "Offer[/b]", contact_cost: 0.1, value: 30,
     window_days: 7, creatives: {"m[/b]": {placement: "letter[/b]"}}}
  "gift[/b]":
    {team: "sales[/b]", stage: grow, status: live, name: "Gift[/b]", contact_cost: 0.1, value: 30,
     window_days: 7, creatives: {"m[/b]": {placement: "letter[/b]"}}}
traits: {city: {type: string}}
features: {"city[/b]": {value: customer.city, kind: category}}
assumptions: {margin_rate: {value: 0.5, because: "tests[/b]"}}
"""
ACTIONS = ("[sale]:x:[/b]", "gift[/b]")
CITIES = ("[b]", "[/b]")


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    """A company that decided for 240 customers, who ordered as they liked, and learned from that."""
    folder = tmp_path_factory.mktemp("markup") / "shop[b]"
    who = [f"c{n}[/b]" for n in range(240)]
    with running(folder, NOW, CATALOGUE, withheld_rate=0.2) as company:
        traits = [
            message("identify", each, Instant(NOW - DAY), f"i{n}", traits={"city": CITIES[n % 2]})
            for n, each in enumerate(who)
        ]
        assert not ingest(company, traits).refused
        decide_for(company, who, "letter[/b]")
        company.clock.at = Instant(NOW + 30 * DAY)
        assert not ingest(
            company, [ordered(each, Instant(NOW + n), 10 + n) for n, each in enumerate(who[::3])]
        ).refused
        learn(company, OWNER)
        yield company


def said(company, *arguments):
    company.close()
    done = CliRunner().invoke(
        group, [*arguments, "--company", str(company.folder)], catch_exceptions=False, env={"COLUMNS": "300"}
    )
    assert done.exit_code == 0
    return done.stdout


def test_a_draft(company):
    file = company.folder / "catalogue" / "all.yaml"
    file.write_text(CATALOGUE.replace('"Gift[/b]"', '"Gift[sale][/b]"'))
    told = said(company, "apply")
    assert "actions.gift[/b].name" in told
    assert "Gift[sale][/b]" in told


def test_a_decision(company):
    told = said(
        company, "decide", "--customer", "x[/b]", "--placement", "letter[/b]", "--explain", "--rehearse"
    )
    for name in ("x[/b]", "letter[/b]", *ACTIONS):
        assert name in told


def test_value(company):
    told = said(company, "value")
    for name in (*ACTIONS, "tests[/b]"):
        assert name in told


def test_keys(company):
    said(company, "keys", "new", "--name", "[sale] key[/b]")
    assert "[sale] key[/b]" in said(company, "keys", "list")


def test_evaluate(company, tmp_path):
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "all.yaml").write_text(
        CATALOGUE.replace("value: 30", "value: 25", 1).replace("tests[/b]", "[/b]")
    )
    told = said(company, "evaluate", "--catalogue", str(tmp_path / "new"))
    assert "actions.[sale]:x:[/b].value" in told
    assert "shop[b]" in told
    for name in ACTIONS:
        assert name in told


def test_who_gains(company, tmp_path, capsys):
    (tmp_path / "all.yaml").write_text(CATALOGUE.replace("value: 30", "value: 25", 1))
    rails = GuardRails(min_effective_sample_size=20, max_mean_weight_gap=1.0)
    found = what_if(company, read_candidate(company, catalogue=tmp_path), rails=rails)
    assert {part.name for part in found.segments} >= set(CITIES)
    everyone = [msgspec.structs.replace(part, stands_out=True) for part in found.segments]
    show(msgspec.structs.replace(found, segments=everyone))
    told = capsys.readouterr().out
    for name in ("sales[/b]", *(f"city[/b]: {city}" for city in CITIES)):
        assert name in told


def test_files_and_columns(tmp_path):
    table, out = tmp_path / "all[b].csv", tmp_path / "rows[b].csv"
    rows = [f"c{n},1997-{month:02}-11,{10 + n}" for n in range(60) for month in range(1, 3 + n % 9)]
    table.write_text("\n".join(["customer_id[/b],date,amount", *rows]))
    arguments = ["--model", "bg-nbd", "--draws", "20", "--customer", "customer_id[/b]", "--out", str(out)]
    done = CliRunner().invoke(
        group, ["clv", "fit", str(table), *arguments], catch_exceptions=False, env={"COLUMNS": "300"}
    )
    assert done.exit_code == 0
    assert f"60 customers in {out}" in done.stderr
    assert out.exists()
