"""`cvo experiment`: JSON alone on stdout, words for people, exit codes that mean something."""

import json

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from cvo.app.ingest import ingest
from cvo.cli.experiment import command
from cvo.core.clock import DAY, Instant, SystemClock, parse_rfc3339
from cvo.core.errors import InvalidInput, NotFound
from tests.data import hillstrom
from tests.data.folder import ordered, running

FEATURES = [part for name in (*hillstrom.NUMBERS, *hillstrom.CATEGORIES) for part in ("--feature", name)]
PROMISE = """
name = "page"
hypothesis = "A shorter page sells more"
minimum_effect = 1.0
horizon_days = 14
customers = 100
goal = {column = "margin", before = "margin_before", unit = "EUR"}
"""


def run(*arguments):
    return CliRunner().invoke(command, [str(each) for each in arguments], catch_exceptions=False)


@pytest.fixture(scope="module")
def trial(tmp_path_factory):
    file = tmp_path_factory.mktemp("trial") / "hillstrom.parquet"
    hillstrom.rows().write_parquet(file)
    return [file, "--arm", "segment", "--control", hillstrom.NOTHING]


def test_arms_of_a_file_are_compared(trial):
    found = json.loads(run("analyse", *trial, "--metric", "visit", "--before", "history", "--json").stdout)
    effects = {each["arm"]: each["effect"]["estimate"] for each in found["findings"]}
    assert effects[hillstrom.MENS] == pytest.approx(0.1828 - 0.1062, abs=1e-3)
    assert effects[hillstrom.WOMENS] == pytest.approx(0.1514 - 0.1062, abs=1e-3)
    assert all(each["exploratory"] for each in found["findings"])
    assert {each["effect"]["grade"] for each in found["findings"]} == {"observational"}
    arms = (hillstrom.NOTHING, hillstrom.MENS, hillstrom.WOMENS)
    thirds = [part for arm in arms for part in ("--share", f"{arm}=0.3333")]
    found = json.loads(run("analyse", *trial, "--metric", "visit", *thirds, "--json").stdout)
    assert {each["effect"]["grade"] for each in found["findings"]} == {"measured"}
    said = run("analyse", *trial, "--metric", "spend", "--per", "visit").stdout
    assert "exploratory, nothing was registered" in said


def test_a_split_other_than_planned_is_said(trial):
    shares = [f"{hillstrom.NOTHING}=0.4", f"{hillstrom.MENS}=0.3", f"{hillstrom.WOMENS}=0.3"]
    options = [part for share in shares for part in ("--share", share)]
    assert "The split is broken" in run("analyse", *trial, "--metric", "visit", *options).stdout
    found = json.loads(run("analyse", *trial, "--metric", "visit", *options, "--json").stdout)
    assert found["sample_ratio_p"] < 1e-9
    assert found["findings"][0]["effect"]["grade"] == "observational"


def test_strata_and_quantiles(trial):
    found = json.loads(run("analyse", *trial, "--metric", "visit", "--strata", "channel", "--json").stdout)
    assert {each["adjusted_by"] for each in found["findings"]} == {"channel"}
    found = json.loads(run("analyse", *trial, "--metric", "spend", "--quantile", "0.5", "--json").stdout)
    assert found["findings"][0]["effect"]["reason"] == "tied values"


def test_a_file_is_judged_by_its_registration(trial, tmp_path):
    frame = hillstrom.rows(hillstrom.MENS, hillstrom.NOTHING)
    promise = PROMISE.replace("margin_before", "history").replace("margin", "spend").replace("1.0", "0.5")
    (tmp_path / "mens.toml").write_text(promise + 'shares = {control = 0.5, "Mens E-Mail" = 0.5}\n')
    frame.write_csv(tmp_path / "mens.csv")
    arguments = [tmp_path / "mens.csv", *trial[1:], "--registration", tmp_path / "mens.toml"]
    found = json.loads(run("analyse", *arguments, "--json").stdout)
    assert found["conclusions"] == {"Mens E-Mail": "adopt"}
    assert "Mens E-Mail: adopt" in run("analyse", *arguments).stdout


def test_a_plan_from_numbers_and_from_a_file(trial):
    found = json.loads(run("plan", "--sd", 10, "--effect", 1, "--json").stdout)
    assert found["customers"] == 3_140
    said = run("plan", "--sd", 10, "--customers", 3_140, "--a-day", 100, "--horizon-days", 14).stdout
    assert "effect of 0.9999" in said
    assert "takes 46 days" in said
    found = json.loads(
        run(
            "plan", "--from", trial[0], "--metric", "spend", "--before", "history", "--effect", 0.5, "--json"
        ).stdout
    )
    assert found["design"]["standard_deviation"] == pytest.approx(15.04, abs=0.01)
    assert found["design"]["correlation"] > 0
    found = run("plan", "--from", trial[0], "--metric", "spend", "--per", "visit", "--effect", 1)
    assert "judged once" in found.stdout
    with pytest.raises(InvalidInput, match="--effect"):
        run("plan", "--sd", 10)
    with pytest.raises(InvalidInput, match="--sd"):
        run("plan", "--effect", 1)


def test_the_self_check_exits_with_1_where_a_metric_is_not_sound(trial, tmp_path):
    found = json.loads(run("check", trial[0], "--metric", "spend", "--json").stdout)
    assert found["sound"]
    spend = np.random.default_rng(0).exponential(1.0, 500)
    spend[0] = 1e6
    pl.DataFrame({"spend": spend}).write_csv(tmp_path / "giant.csv")
    done = run("check", tmp_path / "giant.csv", "--metric", "spend")
    assert done.exit_code == 1
    assert "NOT sound" in done.stdout


def test_uplift_takes_no_chance_that_the_arms_did_not_fall_by(trial):
    options = [*FEATURES, "--metric", "visit", "--chance", 0.4]
    with pytest.raises(InvalidInput, match=r"not by a chance of 0\.4"):
        run("uplift", *trial, "--treated", hillstrom.WOMENS, *options)


def test_uplift_is_found_or_refused(trial):
    options = ["--chance", 0.5, *FEATURES]
    found = json.loads(
        run("uplift", *trial, "--treated", hillstrom.WOMENS, "--metric", "visit", *options, "--json").stdout
    )
    assert found["qini"]["interval"]["low"] > 0.004
    assert "penalty" in found["model"]
    page = trial[0].with_name("uplift.html")
    said = run(
        "uplift", *trial, "--treated", hillstrom.MENS, "--metric", "spend", *options, "--page", page
    ).stdout
    assert "no targetable heterogeneity" in said
    assert "no targetable heterogeneity" in page.read_text(encoding="utf-8")


def test_a_company_registers_enrols_and_reports(tmp_path):
    running(tmp_path / "shop", parse_rfc3339("2026-01-01T00:00:00Z")).close()
    company = ["--company", tmp_path / "shop"]
    (tmp_path / "page.toml").write_text(PROMISE)
    made = json.loads(run("register", tmp_path / "page.toml", *company, "--json").stdout)
    assert made["registration"]["goal"]["column"] == "margin"
    assert json.loads(run("enrol", "page", *company, "--json").stdout)["total"] == 0
    file = tmp_path / "arms.ndjson"
    assert json.loads(run("enrol", "page", *company, "--messages", file, "--json").stdout) == {"messages": 0}
    assert file.read_bytes() == b""
    assert "page" in run("list", *company).stdout
    assert json.loads(run("list", *company, "--json").stdout)[0]["version"] == made["version"]
    said = run("status", "page", *company, "--page", tmp_path / "page.html").stdout
    assert "What was promised" in (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "A shorter page sells more" in said
    assert made["version"][:12] in said
    assert (
        json.loads(run("status", "page", *company, "--also", "orders", "--json").stdout)["report"]["reason"]
        == "too early"
    )
    run("end", "page", *company, "--because", "enough")
    assert json.loads(run("list", *company, "--json").stdout)[0]["because"] == "enough"


def test_a_company_plans_and_checks_with_its_own_customers(tmp_path):
    now = SystemClock().now()
    shop = running(tmp_path / "shop", now)
    spend = np.random.default_rng(0).exponential(50.0, 300).tolist()
    ingest(
        shop,
        [ordered(f"customer-{n}", Instant(now - 3 * DAY), round(each, 2)) for n, each in enumerate(spend)],
    )
    shop.close()
    company = ["--company", tmp_path / "shop"]
    found = json.loads(run("plan", *company, "--metric", "revenue", "--effect", 5, "--json").stdout)
    assert found["design"]["standard_deviation"] == pytest.approx(np.std(spend, ddof=1), rel=1e-4)
    assert json.loads(run("check", *company, "--metric", "revenue", "--json").stdout)["customers"] == 300


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        (["--metric", "clicks"], InvalidInput, "no column clicks"),
        (["--metric", "zip_code"], InvalidInput, "no numbers"),
        (["--metric", "visit", "--control", "nobody"], InvalidInput, "has no 'nobody'"),
        (["--metric", "visit", "--share", "half"], InvalidInput, "control=0.5"),
        ([], InvalidInput, "--metric"),
    ],
)
def test_what_does_not_fit_a_file_is_said(trial, arguments, error, said):
    with pytest.raises(error, match=said):
        run("analyse", *trial, *arguments)


def test_a_file_that_is_not_there():
    with pytest.raises(NotFound, match=r"nowhere\.csv"):
        run("analyse", "nowhere.csv", "--metric", "visit")
