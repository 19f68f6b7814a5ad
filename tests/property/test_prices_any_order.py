"""Prices and allocations belong to customers, not to the order they stand in; and no capacity is ever overrun."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cvo.budget import allocate, problem, solve_prices

SIZES = st.tuples(st.integers(1, 60), st.integers(1, 6), st.integers(0, 4), st.integers(0, 2**32 - 1))


@settings(max_examples=150, deadline=None)
@given(SIZES, st.booleans())
def test_a_permutation_of_customers_permutes_the_allocation_and_nothing_else(size, many_ties):
    n, k, r, seed = size
    rng = np.random.default_rng(seed)
    values = (
        rng.integers(-2, 4, size=(n, k)).astype(float) if many_ties else rng.normal(1.0, 2.0, size=(n, k))
    )
    values[rng.random((n, k)) < 0.2] = -np.inf
    use = rng.choice([0.0, 1.0, 1.0, 2.5], size=(k, r))
    capacity = np.floor(rng.random(r) * n)
    keys, order = rng.permutation(n), rng.permutation(n)

    made = problem(values, use, capacity, keys)
    again = problem(values[order], use, capacity, keys[order])
    prices, prices_again = solve_prices(made), solve_prices(again)
    assert prices.price.tobytes() == prices_again.price.tobytes()
    assert prices.bound == prices_again.bound

    found, found_again = allocate(made, prices), allocate(again, prices_again)
    assert found.chosen[order].tolist() == found_again.chosen.tolist()
    assert found.value == found_again.value

    got = found.chosen >= 0
    assert (use[found.chosen[got]].sum(axis=0) <= capacity).all()
    assert (made.values[got, found.chosen[got]] > 0).all()
    assert found.value <= prices.bound * (1 + 1e-6) + 1e-6
