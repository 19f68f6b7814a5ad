from itertools import pairwise

import numpy as np
import pytest

from cvo.core.errors import InvalidInput
from cvo.lifetime import deciles, gini, score


def test_errors():
    found = score([0, 2, 4], [1.0, 2.0, 1.0])
    assert found.mae == pytest.approx(4 / 3)
    assert found.rmse == pytest.approx(np.sqrt(10 / 3))
    assert found.aggregate_error == pytest.approx(4 / 6 - 1)
    assert found.customers == 3


def test_gini_of_a_perfect_a_reversed_and_no_order():
    actual = np.array([0, 0, 1, 3, 9])
    assert gini(actual, actual) == pytest.approx(1.0)
    assert gini(actual, -actual) == pytest.approx(-1.0)
    assert gini(actual, np.ones(5)) == pytest.approx(0.0)


def test_gini_is_twice_the_area_over_the_lorenz_curve():
    actual, predicted = np.array([1.0, 0.0, 5.0, 2.0]), np.array([0.2, 0.1, 0.4, 0.9])

    def area(order):
        share = np.concatenate([[0], np.cumsum(actual[order])]) / actual.sum()
        return 1 - 2 * np.trapezoid(share, dx=1 / 4)

    assert gini(actual, predicted) == pytest.approx(area(np.argsort(predicted)) / area(np.argsort(actual)))


def test_ties_do_not_depend_on_the_order_of_rows():
    actual, predicted = np.array([0, 5, 1, 2, 7, 0]), np.array([1, 1, 1, 2, 2, 2])
    shuffled = np.random.default_rng(0).permutation(6)
    assert gini(actual, predicted) == pytest.approx(gini(actual[shuffled], predicted[shuffled]))


def test_deciles_hold_equal_numbers_in_order():
    rng = np.random.default_rng(0)
    predicted = rng.gamma(1.0, size=1003)
    tenths = deciles(rng.poisson(predicted), predicted)
    assert sum(tenth.customers for tenth in tenths) == 1003
    assert {tenth.customers for tenth in tenths} == {100, 101}
    assert all(low.predicted < high.predicted for low, high in pairwise(tenths))


def test_decile_error_sees_what_the_total_hides():
    actual = np.repeat([0.0, 2.0], 50)
    found = score(actual, np.ones(100) + np.linspace(0, 1e-6, 100))
    assert found.aggregate_error == pytest.approx(0.0, abs=1e-6)
    assert found.decile_error == pytest.approx(1.0, rel=1e-5)


@pytest.mark.parametrize(
    ("actual", "predicted", "message"),
    [
        ([1, 2], [1], "equally long"),
        ([], [], "at least one"),
        ([0, 0], [1, 2], "nothing happened"),
        ([1, np.nan], [1, 2], "finite"),
    ],
)
def test_what_can_not_be_scored(actual, predicted, message):
    with pytest.raises(InvalidInput, match=message):
        score(actual, predicted)
