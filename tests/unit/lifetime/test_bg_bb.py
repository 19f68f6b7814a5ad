from itertools import product

import numpy as np
import pytest
from scipy.special import beta as beta_function

from cvo.core.errors import InvalidInput
from cvo.lifetime import BgBb

MODEL = BgBb(1.2, 0.75, 0.66, 2.8)


def history_probability(bought):
    """Sum over when the customer left: E[p^x (1-p)^(m-x)] · P(leaves after m), for every m that fits."""
    alpha, beta, gamma, delta = MODEL.values
    n, x = len(bought), sum(bought)
    last = max((k + 1 for k, b in enumerate(bought) if b), default=0)
    total = 0.0
    for lived in range(last, n + 1):
        buying = beta_function(alpha + x, beta + lived - x) / beta_function(alpha, beta)
        leaves = 1 if lived < n else 0
        total += buying * beta_function(gamma + leaves, delta + lived) / beta_function(gamma, delta)
    return total


def test_all_histories_have_probability_one_together():
    total = 0.0
    for bought in product([0, 1], repeat=6):
        x, last = sum(bought), max((k + 1 for k, b in enumerate(bought) if b), default=0)
        probability = float(np.exp(MODEL.log_likelihood(x, last, 6)))
        assert probability == pytest.approx(history_probability(bought), rel=1e-10)
        total += probability
    assert total == pytest.approx(1.0, rel=1e-12)


def test_expected_purchases_follow_from_the_histories_one_period_longer():
    bought = (1, 0, 1, 0)
    now = history_probability(bought)
    next_one = history_probability((*bought, 1)) / now
    assert float(MODEL.expected_purchases(1, 2, 3, 4)) == pytest.approx(next_one, rel=1e-10)


def test_fractions_of_periods_are_refused():
    with pytest.raises(InvalidInput, match="rfm_periods"):
        MODEL.probability_alive(1, 1.5, 3)
    with pytest.raises(InvalidInput, match="at most one purchase"):
        MODEL.probability_alive(3, 2, 4)
    with pytest.raises(InvalidInput, match="counts opportunities"):
        MODEL.expected_purchases(1.5, 1, 1, 3)
