import numpy as np
import pytest

from cvo.budget import problem
from cvo.core.errors import InvalidInput

GOOD = {"values": [[1.0, 2.0]], "use": [[1.0], [0.0]], "capacity": [3.0], "keys": [7]}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"values": [1.0, 2.0]}, "shapes"),
        ({"use": [[1.0]]}, "shapes"),
        ({"values": [[1.0, np.nan]]}, "finite"),
        ({"values": [[1.0, np.inf]]}, "finite"),
        ({"values": np.empty((0, 2)), "keys": []}, "there must be some"),
        ({"use": [[-1.0], [0.0]]}, "use must be"),
        ({"capacity": [np.inf]}, "capacity must be"),
        ({"keys": [1, 2]}, "keys"),
        ({"values": [[1.0, 2.0]] * 2, "keys": [1, 1]}, "all different"),
    ],
)
def test_what_is_no_problem_is_refused(wrong, message):
    with pytest.raises(InvalidInput, match=message):
        problem(**{**GOOD, **wrong})


def test_an_action_without_its_resource_is_refused_to_everybody():
    made = problem([[5.0, 2.0], [3.0, 1.0]], [[1.0], [0.0]], [0.0], [1, 2])
    assert made.values.tolist() == [[-np.inf, 2.0], [-np.inf, 1.0]]
    assert made.charged.tolist() == [[0.0], [0.0]]


def test_values_handed_in_are_left_as_they_are():
    values = np.ones((2, 1), dtype=np.float32)
    problem(values, [[1.0]], [0.0], [1, 2])
    assert values.tolist() == [[1.0], [1.0]]
