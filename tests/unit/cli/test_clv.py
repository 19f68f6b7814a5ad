import json
from importlib.resources import files

import polars as pl
import pytest
from click.testing import CliRunner

from cvo.cli.clv import command
from cvo.core.errors import InvalidInput

SAMPLE = files("cvo.lifetime") / "data" / "cdnow_sample.parquet"


def run(*arguments):
    return CliRunner().invoke(command, ["fit", *map(str, arguments)], catch_exceptions=False)


def test_json_and_nothing_else_on_stdout():
    done = run(SAMPLE, "--model", "pareto-nbd", "--until", "1997-09-30", "--unit", "week", "--json")
    assert done.exit_code == 0
    found = json.loads(done.stdout)
    assert list(found["parameters"]) == ["r", "alpha", "s", "beta"]
    assert round(found["parameters"]["alpha"], 3) == 10.578
    assert {"mae", "rmse", "gini", "aggregate_error", "naive"} <= found["holdout"].keys()
    assert "customer = customer_id" in done.stderr


def test_for_people():
    done = run(SAMPLE, "--model", "bg-nbd", "--until", "1997-09-30")
    assert "2,357 customers" in done.stdout
    assert "same as before" in done.stdout


def test_rows_and_picture(tmp_path):
    out, picture = tmp_path / "customers.csv", tmp_path / "fit.svg"
    done = run(
        SAMPLE, "--model", "mbg-nbd", "--until", "1997-09-30", "--draws", 20, "--out", out, "--plot", picture
    )
    assert done.exit_code == 0
    rows = pl.read_csv(out)
    assert rows.height == 2357
    assert {"probability_alive", "overdue", "clv_1095d_p50"} <= set(rows.columns)
    assert "<svg" in picture.read_text()


def test_not_estimable_is_the_answer_no(tmp_path):
    path = tmp_path / "once.csv"
    pl.DataFrame(
        {"customer": ["a", "b"], "date": ["2026-01-01", "2026-02-01"], "amount": [1.0, 2.0]}
    ).write_csv(path)
    done = run(path, "--model", "bg-nbd", "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["reason"] == "too_few_repeat_customers"


def test_wrong_input_is_named(tmp_path):
    with pytest.raises(InvalidInput, match="not a date"):
        run(SAMPLE, "--until", "yesterday")
    with pytest.raises(InvalidInput, match=r"\.csv or \.parquet"):
        run(SAMPLE, "--model", "bg-nbd", "--out", tmp_path / "x.txt")
