import numpy as np

from cvo.lifetime import histories
from cvo.lifetime.histories import condensed


def test_equal_rows_become_one_with_their_number():
    rows = condensed(histories([0, 2, 0, 2, 2], [0, 3, 0, 3, 4], [9, 9, 9, 9, 9]))
    assert rows.columns[0].tolist() == [0, 2, 2]
    assert rows.weight.tolist() == [2, 2, 1]
    assert rows.customers == 5


def test_rows_that_hardly_repeat_are_only_put_in_order():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, 10_000)
    t_x = np.where(x > 0, rng.uniform(0, 5, 10_000), 0)
    rows = condensed(histories(x, t_x, rng.uniform(5, 9, 10_000)))
    assert len(rows) == 10_000
    assert (np.diff(rows.frequency) >= 0).all()
    assert rows.weight.sum() == 10_000


def test_a_rounding_error_is_no_contradiction():
    third = 1 / 3
    rows = histories([1], [0.1 + 0.2], [0.3])
    assert rows.recency[0] <= rows.T[0]
    assert histories([1], [third * 3], [1.0]).recency[0] == 1.0
