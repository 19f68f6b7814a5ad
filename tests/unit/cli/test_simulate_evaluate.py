"""`cvo simulate` and `cvo evaluate`: JSON alone on stdout, words for people, errors that name the remedy."""

import json

import pytest
from click.testing import CliRunner

from cvo.cli.evaluate import command as evaluate
from cvo.cli.simulate import command as simulate
from cvo.core.errors import Conflict, InvalidInput


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli") / "shop"
    arguments = ["--customers", "80", "--weeks", "2", "--company", str(folder), "--json"]
    done = CliRunner().invoke(simulate, arguments, catch_exceptions=False)
    return folder, json.loads(done.stdout)


def test_simulate_tells_its_figures_beside_the_truth(company):
    _, figures = company
    assert figures["customers"] == 80
    assert figures["decisions"]["made"] > 50
    assert figures["messages"]["refused"] == {}
    assert figures["programme"]["reason"] == "too few buyers"
    assert set(figures["truth"]) == {"as_counted", "own_margins", "best"}


def test_simulate_in_words(tmp_path):
    arguments = [
        "--scenario",
        "bank",
        "--customers",
        "30",
        "--weeks",
        "1",
        "--company",
        str(tmp_path / "bank"),
    ]
    said = CliRunner().invoke(simulate, arguments, catch_exceptions=False).stdout
    assert "30 customers, 1 weeks" in said
    assert "the truth" in said


def test_a_company_is_not_simulated_over(company):
    with pytest.raises(Conflict, match="holds a company already"):
        CliRunner().invoke(simulate, ["--company", str(company[0])], catch_exceptions=False)


def test_evaluate_tells_changes_reach_and_why_there_is_no_figure(company, tmp_path):
    folder, _ = company
    file = tmp_path / "policy.toml"
    file.write_text("[decisions]\nexploration = 2.0\n")
    done = CliRunner().invoke(
        evaluate, ["--company", str(folder), "--policy", str(file), "--json"], catch_exceptions=False
    )
    figures = json.loads(done.stdout)
    assert figures["changes"] == [{"entry": "decisions.exploration", "before": 0.25, "after": 2.0}]
    # Two weeks are too few, for one reason or the other.
    assert figures["difference"]["reason"] in {"unlogged options", "effective sample size"}
    assert {each["action"] for each in figures["reach"]["candidate"]} >= {"voucher_20", "welcome"}
    assert (folder / "evaluate.html").read_text().startswith("<!doctype html>")


def test_evaluate_in_words(company):
    folder, _ = company
    arguments = ["--company", str(folder), "--catalogue", str(folder / "catalogue")]
    said = CliRunner().invoke(evaluate, arguments, catch_exceptions=False).stdout
    assert "Nothing is proposed" in said
    assert "voucher_20" in said


def test_evaluate_wants_something_to_evaluate(company):
    with pytest.raises(InvalidInput, match="--catalogue DIR"):
        CliRunner().invoke(evaluate, ["--company", str(company[0])], catch_exceptions=False)
