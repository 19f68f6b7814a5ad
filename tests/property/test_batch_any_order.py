"""A batch decides for customers, not for rows: no order, company or number of threads changes anybody's decision."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cvo.decisions.batch.engine import Customers, Engine, Resources
from cvo.learning import Thompson

SIZES = st.tuples(st.integers(1, 300), st.integers(1, 6), st.integers(0, 3), st.integers(0, 2**32 - 1))


def score(design):
    return design[:, 0::2].astype(float), np.abs(design[:, 1::2]).astype(float)


def a_batch(size):
    n, k, r, seed = size
    rng = np.random.default_rng(seed)
    design = rng.normal(0.3, 1.0, size=(n, 2 * k)).astype(np.float32)
    customers = Customers(rng.permutation(5 * n)[:n], design, rng.random((n, k)) < 0.8)
    use = rng.choice([0.0, 1.0, 2.5], size=(k, r))
    return customers, Resources(use, np.floor(rng.random(r) * n)), rng


@settings(max_examples=60, deadline=None)
@given(SIZES, st.booleans())
def test_the_order_of_rows_changes_nothing_and_no_capacity_is_overrun(size, exact):
    customers, resources, rng = a_batch(size)
    order = rng.permutation(len(customers))
    one, other = (Engine(score, Thompson(floor=0.02), seed=3, threads=threads) for threads in (1, 2))
    prices = one.price(customers, resources)
    again = other.price(customers.some(order), resources)
    assert prices.price.tobytes() == again.price.tobytes()

    made = one.decide(customers, resources, prices.price, exact=exact)
    shuffled = other.decide(customers.some(order), resources, prices.price, exact=exact)
    for name in ("chosen", "propensity", "score"):
        values = getattr(made, name)
        assert (values[order] if values.size else values).tobytes() == getattr(shuffled, name).tobytes()
    assert made.refused.tolist() == shuffled.refused.tolist()

    got = made.chosen >= 0
    assert (resources.use[made.chosen[got]].sum(axis=0) <= resources.capacity).all()
    assert customers.qualified[np.flatnonzero(got), made.chosen[got]].all()


@settings(max_examples=40, deadline=None)
@given(SIZES)
def test_a_customer_is_decided_for_alone_as_in_the_batch(size):
    customers, resources, rng = a_batch(size)
    resources = Resources(resources.use, np.full_like(resources.capacity, np.inf))
    price = rng.random(resources.capacity.size)
    engine = Engine(score, Thompson(floor=0.02), seed=4)
    made = engine.decide(customers, resources, price)
    row = int(rng.integers(len(customers)))
    alone = engine.decide(customers.some(np.array([row])), resources, price)
    assert alone.chosen[0] == made.chosen[row]
    assert alone.propensity.tobytes() == made.propensity[row : row + 1].tobytes()
