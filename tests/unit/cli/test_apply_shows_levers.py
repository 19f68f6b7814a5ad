"""Whoever is to approve a draft sees the money in it."""

import json

from click.testing import CliRunner

from cvo.cli.apply import command
from tests.data.folder import ONE_MAIL, make

LEVER = """levers:
  spring:
    {team: sales, per: team, amount: 1.75, because: The stock has to go.,
     starts_at: 2026-03-01T00:00:00Z, ends_at: 2026-04-01T00:00:00Z}
"""


def test_a_draft_with_a_lever_shows_its_money_reason_and_bound(tmp_path):
    folder = make(tmp_path)
    shown = CliRunner(env={"COLUMNS": "300"})
    arguments = ["--company", str(folder)]
    assert shown.invoke(command, [*arguments, "--approve"]).exit_code == 0
    bounded = ONE_MAIL.replace("{name: Sales}", "{name: Sales, lever_bound: 2}")
    make(tmp_path, bounded + LEVER)
    proposed = shown.invoke(command, arguments)
    assert proposed.exit_code == 0, proposed.output
    for told in ("amount 1.75", "because The stock has to go.", "ends_at 2026-04-01", "lever_bound 2"):
        assert told in proposed.output
    assert "name Sales" not in proposed.output
    assert "is proposed" in proposed.output
    gone = make(tmp_path, bounded)
    made = shown.invoke(command, ["--company", str(gone), "--json"])
    assert {each["entry"] for each in json.loads(made.stdout)["differences"]} == {"teams.sales"}
