import numpy as np
import pytest

from cvo.core.errors import InvalidInput
from cvo.inference import cross_fitted_predictions, folds_by_hash, ridge_per_action


def test_a_customer_keeps_one_fold_whoever_else_is_there():
    few = folds_by_hash(["ann", "bob", "ann"], fold_count=5, seed="s")
    many = folds_by_hash(["zoe", "bob", "cid", "ann"], fold_count=5, seed="s")
    assert few[0] == few[2] == many[3]
    assert few[1] == many[1]


def test_folds_are_even_and_depend_on_the_seed():
    ids = np.arange(20_000)
    folds = folds_by_hash(ids, fold_count=4, seed="s")
    assert np.bincount(folds) == pytest.approx([5_000] * 4, abs=250)
    assert (folds != folds_by_hash(ids, fold_count=4, seed="t")).mean() == pytest.approx(0.75, abs=0.02)


def test_ids_may_be_bytes():
    assert folds_by_hash([b"\x00a", b"\x01b"], fold_count=2, seed="s").shape == (2,)


def test_no_row_is_predicted_from_its_own_fold():
    random = np.random.default_rng(0)
    x, actions = random.normal(size=(400, 2)), random.integers(0, 2, 400)
    rewards = x @ [1.0, 2.0] + actions
    folds = np.arange(400) % 4
    changed = rewards + 100.0 * (folds == 1)
    fit = ridge_per_action(2)
    before = cross_fitted_predictions(fit, x, actions, rewards, folds=folds)
    after = cross_fitted_predictions(fit, x, actions, changed, folds=folds)
    assert np.array_equal(before[folds == 1], after[folds == 1])
    assert (np.abs(before[folds != 1] - after[folds != 1]) > 1).all()


GOOD = {"features": np.ones((4, 1)), "actions": [0, 1, 0, 1], "rewards": [0.0] * 4, "folds": [0, 0, 1, 1]}


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"folds": [0, 0, 0, 0]}, "at least 2 folds"),
        ({"rewards": [0.0] * 3}, "3 rewards"),
        ({"features": np.ones(4)}, r"\(n, p\)"),
        ({"features": np.full((4, 1), np.nan)}, "finite"),
        ({"actions": [0, 1]}, "give 4 integers"),
    ],
)
def test_bad_input_is_named(bad, message):
    with pytest.raises(InvalidInput, match=message):
        cross_fitted_predictions(ridge_per_action(2), **{**GOOD, **bad})


@pytest.mark.parametrize(("ids", "count"), [(["a"], 1), ([0.5], 2), ([["a"]], 2)])
def test_impossible_folds_are_refused(ids, count):
    with pytest.raises(InvalidInput):
        folds_by_hash(ids, fold_count=count, seed="s")
