import numpy as np
import pytest

from cvo.core.errors import InvalidInput
from cvo.inference import ips, logged_data


def unlogged(log, target):
    return ips(log, target).unlogged_rate


def test_an_option_never_drawn_is_unlogged():
    log = logged_data([0, 1, 0, 1], [0.0] * 4, [0.5] * 4, action_count=3)
    assert unlogged(log, [0.5, 0.25, 0.25]) == pytest.approx(0.25)
    assert unlogged(log, [0.5, 0.5, 0.0]) == 0


def test_an_option_counts_as_logged_only_in_the_slot_it_was_seen_in():
    log = logged_data([0, 1, 0, 0], [0.0] * 4, [0.5] * 4, action_count=2, positions=[0, 0, 2, 2])
    target = np.array([[0.4, 0.6], [0.4, 0.6], [0.7, 0.3], [0.5, 0.5]])
    assert unlogged(log, target) == pytest.approx((0.3 + 0.5) / 4)


def test_a_logged_probability_of_zero_is_unlogged_in_that_row():
    known = [[0.5, 0.5], [1.0, 0.0]]
    log = logged_data([1, 0], [0.0, 0.0], [0.5, 1.0], action_count=2, logging_probabilities=known)
    assert unlogged(log, [0.2, 0.8]) == pytest.approx(0.4)


def test_units_are_the_customers():
    log = logged_data([0, 0, 0], [1.0, 2.0, 3.0], [1.0] * 3, action_count=1, clusters=[b"x", b"y", b"x"])
    assert log.units == 2
    assert log.codes.tolist() == [0, 1, 0]
    assert len(log) == 3


GOOD = {"actions": [0, 1], "rewards": [0.0, 1.0], "propensities": [0.5, 0.5], "action_count": 2}


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"rewards": [0.0]}, "one of each a row"),
        ({"rewards": [0.0, np.inf]}, r"rewards\[1\]"),
        ({"actions": [0, 2]}, "number them 0 … 1"),
        ({"actions": [-1, 0]}, "run from -1"),
        ({"actions": [0.0, 1.0]}, "integers"),
        ({"propensities": [0.0, 0.5]}, "leave out rows that were not drawn"),
        ({"propensities": [0.5, 1.5]}, r"in \(0, 1\]"),
        ({"clusters": ["a"]}, "one id a row"),
        ({"positions": [0, -1]}, "positions"),
        ({"positions": [0, 10**9]}, "number them 0 … 9999"),
        ({"logging_probabilities": [[0.5, 0.4], [0.5, 0.5]]}, "sum to 1"),
    ],
)
def test_bad_input_is_named(bad, message):
    with pytest.raises(InvalidInput, match=message):
        logged_data(**{**GOOD, **bad})


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ([0.5, 0.5, 0.0], "shape"),
        ([0.5, 0.4], "does not sum to 1"),
        ([1.5, -0.5], "negative"),
        ([[0.5, 0.5], [np.nan, 0.5]], "does not sum to 1"),
    ],
)
def test_a_target_must_be_probabilities(target, message):
    with pytest.raises(InvalidInput, match=message):
        ips(logged_data(**GOOD), target)
