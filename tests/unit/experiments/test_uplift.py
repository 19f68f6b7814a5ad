import numpy as np
import pytest

from cvo.core.errors import InvalidInput
from cvo.core.evidence import NotEstimable
from cvo.experiments.uplift import (
    UpliftModel,
    effect_scores,
    learn_uplift,
    mean_of,
    qini,
    qini_curve,
    qini_influence,
    scores_of,
    targeting,
    trees,
    trial,
)
from cvo.inference import folds_by_hash


def made_up(random, count=6_000, spread=1.0, chance=0.3):
    x = random.normal(size=(count, 4))
    treated = (random.random(count) < chance).astype(int)
    uplift = 0.5 + spread * x[:, 0]
    y = 1.0 + x[:, 1] + treated * uplift + random.normal(size=count)
    return trial(x, treated, y, chance=chance), uplift


def test_uplift_that_is_linear_is_recovered():
    known, truth = made_up(np.random.default_rng(0))
    model = learn_uplift(known, folds_by_hash(np.arange(len(known)), fold_count=5, seed="s"))
    predicted, errors = model.uplift(known.features), model.standard_errors(known.features)
    assert np.corrcoef(predicted, truth)[0, 1] > 0.98
    assert (np.abs(predicted - truth) < 3.5 * errors).mean() > 0.95


def test_a_wrong_outcome_model_costs_precision_and_no_truth():
    known, _ = made_up(np.random.default_rng(1), count=40_000)

    def absurd(_features, _arms, _outcomes):
        return lambda raw: np.column_stack([np.full(len(raw), 50.0), raw[:, 0] * -9.0])

    folds = folds_by_hash(np.arange(len(known)), fold_count=2, seed="s")
    good, bad = (mean_of(scores_of(known, folds, models), unit="EUR") for models in (None, absurd))
    assert bad.standard_error > 5 * good.standard_error
    assert abs(bad.value - 0.5) < 3 * bad.standard_error
    assert abs(good.value - 0.5) < 3 * good.standard_error


def test_where_uplift_differs_it_is_targeted():
    known, _ = made_up(np.random.default_rng(2))
    found = targeting(known, seed="s", unit="EUR")
    assert isinstance(found.model, UpliftModel)
    # The area of a normal uplift of sd 1 ranked perfectly is 1/(2√π).
    assert not found.qini.interval.excludes(1 / (2 * np.sqrt(np.pi)))
    assert found.over_response.interval.low > 0
    assert found.curve.gains[-1] == pytest.approx(found.average.value, abs=0.1)


def test_where_it_does_not_there_is_no_model():
    known, _ = made_up(np.random.default_rng(3), spread=0.0)
    found = targeting(known, seed="s", unit="EUR")
    assert isinstance(found.model, NotEstimable)
    assert found.model.reason == "no targetable heterogeneity"


def test_trees_stand_in_for_ridges():
    known, truth = made_up(np.random.default_rng(4))
    model = learn_uplift(known, folds_by_hash(np.arange(len(known)), fold_count=3, seed="s"), trees())
    assert np.corrcoef(model.uplift(known.features), truth)[0, 1] > 0.97


def test_the_coefficient_is_the_area_of_the_curve():
    random = np.random.default_rng(5)
    known, truth = made_up(random)
    gamma = effect_scores(known)
    curve = qini_curve(truth, gamma, points=len(gamma))
    area = np.trapezoid(curve.gains - curve.shares * curve.gains[-1], curve.shares)
    assert qini(truth, gamma, unit="EUR").value == pytest.approx(area, abs=1e-3)


def test_uplift_in_proportion_to_the_response_is_recognised():
    random = np.random.default_rng(8)
    x = random.normal(size=(8_000, 30))
    habit = x @ random.normal(size=30)
    got = (random.random(8_000) < 0.5).astype(int)
    known = trial(x, got, habit * (1 + 0.1 * got) + 3 * random.normal(size=8_000), chance=0.5)
    model = learn_uplift(known, folds_by_hash(np.arange(8_000), fold_count=3, seed="s"))
    assert model.along_response < 1
    assert np.corrcoef(model.uplift(x), habit)[0, 1] > 0.97


def test_ties_are_as_good_as_random_and_opposite_orders_cancel():
    known, truth = made_up(np.random.default_rng(6))
    gamma = effect_scores(known)
    assert qini(np.zeros(len(gamma)), gamma, unit="EUR").value == pytest.approx(0.0, abs=1e-12)
    assert qini_influence(truth, gamma).mean() == pytest.approx(
        -qini_influence(-truth, gamma).mean(), abs=1e-12
    )


def test_a_constant_feature_is_no_error():
    known, _ = made_up(np.random.default_rng(7), count=2_000)
    flat = trial(
        np.column_stack([known.features, np.ones(2_000)]), known.treated, known.outcomes, chance=known.chance
    )
    model = learn_uplift(flat, folds_by_hash(np.arange(2_000), fold_count=2, seed="s"))
    assert np.isfinite(model.uplift(flat.features)).all()
    assert np.isfinite(model.standard_errors(flat.features)).all()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"treated": [0, 2]}, "0 or 1"),
        ({"chance": 1.0}, "above 0 and below 1"),
        ({"features": [[np.nan], [1.0]]}, "encode gaps"),
        ({"outcomes": [1.0]}, "one row a customer"),
    ],
)
def test_trials_that_are_none_are_refused(change, said):
    known = {"features": [[1.0], [2.0]], "treated": [0, 1], "outcomes": [1.0, 2.0], "chance": 0.5, **change}
    with pytest.raises(InvalidInput, match=said):
        trial(known["features"], known["treated"], known["outcomes"], chance=known["chance"])


def test_a_trial_of_one_arm_has_no_effect_and_few_customers_no_uplift():
    with pytest.raises(InvalidInput, match="treated customers and others"):
        effect_scores(trial([[1.0], [2.0]], [1, 1], [1.0, 2.0], chance=0.5))
    with pytest.raises(InvalidInput, match="1,000"):
        targeting(trial([[1.0], [2.0]], [0, 1], [1.0, 2.0], chance=0.5), seed="s", unit="EUR")
