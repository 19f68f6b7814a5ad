import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cvo.inference import NO_CLUSTERS, cluster_moments

money = st.floats(-1e6, 1e6, allow_nan=False)
row = st.tuples(st.integers(0, 12), money, st.floats(0.0, 5.0), st.integers(0, 3))


@given(st.lists(row, min_size=2, max_size=60))
def test_any_split_of_customers_into_parts_adds_up_to_the_whole(rows):
    customer, numerator, denominator, shard = (np.array(column) for column in zip(*rows, strict=True))
    # A customer's rows all live in the part of its first row.
    part = np.array([shard[np.flatnonzero(customer == c)[0]] for c in customer])
    whole = cluster_moments(numerator, denominator, clusters=customer)
    added = NO_CLUSTERS
    for number in np.unique(part):
        mine = part == number
        added += cluster_moments(numerator[mine], denominator[mine], clusters=customer[mine])
    assert added.clusters == whole.clusters
    for name, scale in (
        ("mean_y", 1e6),
        ("mean_d", 1.0),
        ("squares_yy", 1e12),
        ("products_yd", 1e6),
        ("squares_dd", 1.0),
    ):
        assert np.isclose(getattr(added, name), getattr(whole, name), rtol=1e-9, atol=1e-9 * scale)


@given(st.lists(row, min_size=2, max_size=60), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(rows, random):
    shuffled = random.sample(rows, len(rows))

    def moments(some):
        customer, numerator, denominator, _ = zip(*some, strict=True)
        return cluster_moments(numerator, denominator, clusters=customer)

    assert np.isclose(moments(rows).mean_y, moments(shuffled).mean_y, rtol=1e-9, atol=1e-6)
    assert np.isclose(moments(rows).squares_yy, moments(shuffled).squares_yy, rtol=1e-9, atol=1e-3)
