import numpy as np
import pytest

from cvo.core.digest import digest
from cvo.core.errors import InvalidInput
from cvo.core.evidence import Grade
from cvo.learning import fold_margins, mean_margin, new_margins


def test_without_responses_the_mean_is_what_was_assumed():
    margin = mean_margin(new_margins(3, 25.0))
    np.testing.assert_allclose(margin.mean, 25.0)
    np.testing.assert_allclose(np.sqrt(margin.variance), 25.0)
    assert set(margin.grade) == {Grade.ASSUMED}


def test_many_skewed_margins_give_their_mean_and_its_error():
    rng = np.random.default_rng(1)
    values = rng.gamma(0.8, 50.0, size=(400, 500))
    covered = 0
    for sample in values:
        margin = mean_margin(fold_margins(new_margins(1, 30.0), np.zeros(500, dtype=int), sample))
        covered += abs(margin.mean[0] - 40.0) < 1.96 * np.sqrt(margin.variance[0])
    assert 362 <= covered <= 394  # 95 % of 400, five standard deviations below to three above


def test_a_new_action_takes_after_the_others():
    rng = np.random.default_rng(2)
    actions = np.repeat(np.arange(6), 300)
    model = fold_margins(new_margins(7, 10.0), actions, rng.gamma(2.0, 20.0, size=1800))
    margin = mean_margin(model)
    assert margin.mean[6] == pytest.approx(40.0, rel=0.1)
    assert margin.grade == (Grade.OBSERVATIONAL,) * 6 + (Grade.POOLED,)
    assert margin.variance[6] > margin.variance[:6].max()


def test_one_huge_order_does_not_make_a_best_seller():
    rng = np.random.default_rng(3)
    actions = np.append(np.repeat(np.arange(5), 200), 5)
    margins = np.append(rng.gamma(1.0, 40.0, size=1000), 4000.0)
    assert mean_margin(fold_margins(new_margins(6, 40.0), actions, margins)).mean[5] < 1000


def test_splits_of_the_responses_give_the_same_bytes():
    rng = np.random.default_rng(4)
    actions, margins = rng.integers(3, size=100), rng.gamma(1.0, 10.0, size=100)
    whole = fold_margins(new_margins(3, 10.0), actions, margins)
    parts = fold_margins(
        fold_margins(new_margins(3, 10.0), actions[:37], margins[:37]), actions[37:], margins[37:]
    )
    assert digest(parts) == digest(whole)


def test_losses_are_costs():
    with pytest.raises(InvalidInput, match=r"margins\[1\] is -2.0"):
        fold_margins(new_margins(1, 10.0), [0, 0], [1.0, -2.0])
    with pytest.raises(InvalidInput, match="must be positive"):
        new_margins(1, 0.0)
