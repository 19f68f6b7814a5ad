import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvo.api.situation import situation
from cvo.core.errors import InvalidInput

TEXT = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(TEXT, JSON, max_size=4))
def test_whatever_json_says_becomes_scalars(given):
    for value in situation(msgspec.json.decode(msgspec.json.encode(given))).values():
        assert isinstance(value, str | int | float | bool)
        assert not isinstance(value, float) or math.isfinite(value)


def test_nested_attributes_have_dotted_paths_and_lists_are_text():
    given = {"a": {"b": {"c": 1}}, "tags": ["x", "y"], "ids": [1, {"n": None}], "gone": None}
    assert situation(given) == {"a.b.c": 1, "tags": '["x","y"]', "ids": '[1,{"n":null}]'}


def test_whole_numbers_that_are_too_large_are_rounded():
    assert situation({"n": 2**53 + 1, "m": -(2**60), "k": 2**53}) == {
        "n": 2.0**53,
        "m": -(2.0**60),
        "k": 2**53,
    }
    assert situation({"ids": [2**60]}) == {"ids": "[1.152921504606847e18]"}


@pytest.mark.parametrize("given", [{"a": "\0"}, {"\0": 1}, {"a": ["\0"]}, {"n": 10**400}, {"n": math.nan}])
def test_what_can_not_be_kept_is_refused(given):
    with pytest.raises(InvalidInput):
        situation(given)


@pytest.mark.parametrize("depth", [20, 900])
def test_too_deep_is_refused(depth):
    given = {}
    for _ in range(depth):
        given = {"a": given}
    with pytest.raises(InvalidInput, match="deep"):
        situation(given)
