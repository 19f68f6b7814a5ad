"""Effects of the Hillstrom e-mails: what gbstats 0.8.0 finds, and which customers can be told apart."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.experiments import ours
from cvo.core.evidence import NotEstimable
from cvo.experiments.uplift import UpliftModel, effect_scores, learn_uplift, qini, targeting, trees
from cvo.inference import folds_by_hash
from tests.data import hillstrom

GBSTATS = json.loads((Path(__file__).parents[1] / "data" / "experiments" / "gbstats.json").read_text())


@pytest.fixture(scope="module")
def found():
    return ours(GBSTATS["sequence"]["rho"])


@pytest.mark.parametrize("what", GBSTATS)
def test_effects_are_those_of_gbstats(found, what):
    estimate, oracle = found[what], GBSTATS[what]
    assert estimate.value == pytest.approx(oracle["effect"], rel=1e-9)
    assert estimate.standard_error == pytest.approx(oracle["error"], rel=1e-9)
    # Welch's t with 40,000 degrees of freedom against the normal; the sequence has neither.
    within = 1e-9 if what == "sequence" else 7e-5 * oracle["error"]
    assert estimate.interval.low == pytest.approx(oracle["low"], abs=within)
    assert estimate.interval.high == pytest.approx(oracle["high"], abs=within)


def test_cuped_takes_out_what_history_explains(found):
    assert found["cuped, absolute"].standard_error < found["mean, absolute"].standard_error


def test_womens_visits_can_be_targeted_better_than_by_response():
    result = targeting(hillstrom.against_nothing(hillstrom.WOMENS, "visit"), seed="hillstrom", unit="visits")
    assert isinstance(result.model, UpliftModel)
    assert result.average.value == pytest.approx(0.1514 - 0.1062, abs=0.001)
    assert result.qini.interval.low > 0.004
    assert result.over_response.interval.low > 0
    assert result.p < 1e-9


def test_mens_spend_has_no_targetable_heterogeneity():
    result = targeting(hillstrom.against_nothing(hillstrom.MENS, "spend"), seed="hillstrom", unit="USD")
    assert isinstance(result.model, NotEstimable)
    assert result.model.reason == "no targetable heterogeneity"
    assert result.average.interval.low > 0, "the e-mail works, for everybody"
    assert result.qini.interval.low < 0 < result.qini.interval.high


def test_mens_visits_show_test_and_interval_and_no_uplift_model():
    result = targeting(hillstrom.against_nothing(hillstrom.MENS, "visit"), seed="hillstrom", unit="visits")
    assert isinstance(result.model, NotEstimable)
    assert result.p > 0.05
    assert result.qini.interval.low < 0 < result.qini.interval.high
    # Those most likely to visit anyway are moved more often: response finds what the linear uplift does not.
    assert result.response_qini.interval.low > 0
    assert result.model.reason == "response ranks better"


@pytest.mark.parametrize("models", [None, trees()], ids=["ridges", "trees"])
def test_qini_on_the_published_splits(models):
    """Ten 50/50 splits: econml's LinearDRLearner has 7.92 per 1,000 treated, sd 1.14 (benchmarks/uplift.py)."""
    whole = hillstrom.against_nothing(hillstrom.WOMENS, "visit")
    coefficients = []
    for seed in range(10 if models is None else 3):
        learn, judge = hillstrom.split(whole, seed)
        folds = folds_by_hash(np.arange(len(learn)), fold_count=5, seed="splits")
        model = learn_uplift(learn, folds, models)
        coefficients.append(
            1_000 * qini(model.uplift(judge.features), effect_scores(judge), unit="visits").value
        )
    assert np.mean(coefficients) == pytest.approx(7.92, abs=0.4)
