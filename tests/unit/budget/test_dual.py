import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import linprog

from cvo.budget import problem, solve_prices


def random_problem(n, k, r, seed):
    rng = np.random.default_rng(seed)
    values = rng.gamma(1.5, 4.0, size=(n, k)) - 2.0
    values[rng.random((n, k)) < 0.3] = -np.inf
    use = rng.gamma(2.0, 1.0, size=(k, r)) * (rng.random((k, r)) < 0.5)
    capacity = n * use.mean(axis=0) * rng.uniform(0.05, 0.6, size=r)
    return problem(values, use, capacity, rng.permutation(n))


def optimum(made):
    """The linear program itself, solved by HiGHS: its value is the lowest dual bound."""
    rows, actions = np.nonzero(made.values > 0)
    cells = np.arange(rows.size)
    each_once = sparse.csr_array((np.ones(rows.size), (rows, cells)), shape=(len(made.values), rows.size))
    within = sparse.csr_array(made.use[actions].T)
    found = linprog(
        -made.values[rows, actions].astype(np.float64),
        A_ub=sparse.vstack([each_once, within]),
        b_ub=np.concatenate([np.ones(len(made.values)), made.capacity]),
        method="highs",
    )
    return -found.fun


@pytest.mark.parametrize(("n", "k", "r", "seed"), [(300, 8, 1, 0), (500, 10, 3, 1), (400, 12, 6, 2)])
def test_the_bound_is_the_optimum_of_the_linear_program(n, k, r, seed):
    made = random_problem(n, k, r, seed)
    prices = solve_prices(made, within=1e-6)
    assert prices.bound == pytest.approx(optimum(made), rel=2e-6)
    assert prices.gap <= 1e-6


@pytest.mark.slow
def test_the_bound_is_the_optimum_at_5000_customers_and_50_actions():
    made = random_problem(5_000, 50, 5, 3)
    prices = solve_prices(made)
    best = optimum(made)
    assert best * (1 - 1e-6) <= prices.bound <= best * (1 + 2e-4)


def test_what_is_not_scarce_costs_nothing():
    prices = solve_prices(problem([[3.0, 2.0], [1.0, 4.0]], [[1.0], [1.0]], [10.0], [1, 2]))
    assert prices.price.tolist() == [0.0]
    assert prices.bound == 7.0
    assert prices.use.tolist() == [2.0]


def test_the_price_is_what_one_unit_more_would_bring():
    made = problem(np.arange(1.0, 101.0)[:, None], [[1.0]], [10.0], np.arange(100))
    price = solve_prices(made, within=1e-9).price[0]
    assert 90.0 - 1e-9 <= price <= 91.0 + 1e-9  # the eleventh best customer is worth 90, the tenth 91


def test_units_of_a_resource_and_of_money_cancel():
    made = random_problem(300, 6, 2, 4)
    prices = solve_prices(made)
    seconds = solve_prices(problem(made.values, made.use * 60.0, made.capacity * 60.0, made.keys))
    cents = solve_prices(problem(made.values * 128.0, made.use, made.capacity, made.keys))
    np.testing.assert_allclose(seconds.price * 60.0, prices.price, rtol=1e-6)
    np.testing.assert_allclose(cents.price / 128.0, prices.price, rtol=1e-6)


@pytest.mark.parametrize("values", [[[-1.0]], [[-np.inf]], [[0.0]]])
def test_where_nothing_is_worth_doing_nothing_has_a_price(values):
    prices = solve_prices(problem(values, [[1.0]], [1.0], [1]))
    assert (prices.price.tolist(), prices.bound, prices.gap) == ([0.0], 0.0, 0.0)


def test_without_resources_everybody_gets_the_best():
    prices = solve_prices(problem([[1.0, 3.0]], np.empty((2, 0)), [], [1]))
    assert (prices.price.size, prices.bound) == (0, 3.0)


@pytest.mark.parametrize("threads", [1, 3, 8])
def test_threads_change_nothing(threads):
    made = random_problem(500, 6, 3, 5)
    assert solve_prices(made, threads=threads).price.tobytes() == solve_prices(made).price.tobytes()
