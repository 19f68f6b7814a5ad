import pickle

from cvo.core import errors
from cvo.core.digest import digest


def test_every_error_is_in_the_tree_and_in_its_picture():
    raised = [each for each in vars(errors).values() if isinstance(each, type)]
    assert all(issubclass(each, errors.CvoError) for each in raised)
    assert all(each.__name__ in str(errors.__doc__) for each in raised)


def test_the_builtin_that_callers_expect_catches_ours():
    assert issubclass(errors.InvalidInput, ValueError)
    assert issubclass(errors.NotFound, LookupError)


def test_a_rule_error_points_at_the_character_and_crosses_processes():
    error = errors.RuleError("unexpected '='", "customer.age\n  = 3", 15)
    assert str(error).splitlines() == ["unexpected '='", "    = 3", "    ^"]
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.position, again.text) == (str(error), 15, error.text)


def test_a_digest_names_content_and_not_the_order_of_keys():
    assert digest({"b": 1, "a": [1, 2]}) == digest({"a": [1, 2], "b": 1})
    assert digest({"a": [1, 2]}) != digest({"a": [2, 1]})
    assert len(digest(None)) == 32
