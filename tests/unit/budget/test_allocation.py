import numpy as np
import pytest

from cvo.budget import allocate, problem, solve_prices


def test_everybody_is_the_same_and_there_is_not_enough_for_all():
    made = problem(np.full((100, 2), [5.0, 3.0]), [[1.0, 0.0], [0.0, 1.0]], [10.0, 20.0], np.arange(100))
    found = allocate(made, solve_prices(made))
    assert (found.chosen == 0).sum() == 10
    assert (found.chosen == 1).sum() == 20
    assert found.value == 110.0
    assert found.use.tolist() == [10.0, 20.0]


def test_ties_go_by_key():
    made = problem(np.ones((3, 1)), [[1.0]], [1.0], [30, 10, 20])
    assert allocate(made, solve_prices(made)).chosen.tolist() == [-1, 0, -1]


def test_what_is_left_over_goes_to_whom_the_price_left_without():
    # Two units are left by whom takes three at once: somebody who pays less than the price gets them.
    values = [[9.0, -np.inf], [9.0, -np.inf], [-np.inf, 1.0], [-np.inf, 1.0]]
    made = problem(values, [[3.0], [1.0]], [5.0], [1, 2, 3, 4])
    found = allocate(made, solve_prices(made))
    assert sorted(found.chosen.tolist()) == [-1, 0, 1, 1]
    assert found.use.tolist() == [5.0]


def test_nobody_gets_what_is_worth_nothing():
    made = problem([[0.0, -1.0]], [[0.0], [0.0]], [1.0], [1])
    assert allocate(made, solve_prices(made)).chosen.tolist() == [-1]


@pytest.mark.parametrize("resources", [1, 5, 12])
def test_within_one_per_cent_of_the_bound(resources):
    rng = np.random.default_rng(resources)
    values = rng.gamma(1.5, 4.0, size=(20_000, 30)) - 2.0
    use = rng.gamma(2.0, 1.0, size=(30, resources)) * (rng.random((30, resources)) < 0.5)
    capacity = len(values) * use.mean(axis=0) * 0.2
    made = problem(values, use, capacity, np.arange(len(values)))
    prices = solve_prices(made)
    found = allocate(made, prices)
    assert (found.use <= capacity * (1 + 1e-12)).all()
    assert 0.99 * prices.bound <= found.value <= prices.bound
