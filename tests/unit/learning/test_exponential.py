import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cvo.learning.exponential import exponential, exponential_table


@settings(deadline=None)
@given(st.floats(-700, 700))
def test_it_is_the_exponential_to_the_last_places(x):
    assert math.isclose(exponential(x, exponential_table()), math.exp(x), rel_tol=1e-15)


def test_the_table_has_powers_of_two_rounded_once():
    table = exponential_table()
    assert table[0] == 1.0
    assert table[32] == math.sqrt(2.0)
    np.testing.assert_allclose(table, np.exp2(np.arange(64) / 64), rtol=3e-16)
    assert exponential(0.0, table) == 1.0
