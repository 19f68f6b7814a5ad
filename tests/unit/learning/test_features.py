import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvo.core.digest import digest
from cvo.core.errors import InvalidInput
from cvo.learning import Vocabulary, hashed, new_scaler, observed, one_hot, standardised, with_words


def test_standardising_uses_what_has_been_seen_so_far():
    rng = np.random.default_rng(1)
    rows = rng.normal([5.0, -1e6, 1e-6], [2.0, 1.0, 1e-7], size=(4000, 3))
    seen = observed(new_scaler(3), rows)
    expected = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    np.testing.assert_allclose(standardised(seen, rows, limit=9.0), expected, rtol=1e-6, atol=1e-6)
    assert np.abs(standardised(seen, rows)).max() == 3.0


def test_missing_values_and_constants_stand_at_the_mean():
    rows = np.array([[1.0, 7.0, np.nan], [np.nan, 7.0, np.nan], [3.0, 7.0, np.nan]])
    scaled = standardised(observed(new_scaler(3), rows), rows)
    np.testing.assert_allclose(scaled, [[-1, 0, 0], [0, 0, 0], [1, 0, 0]])
    assert not standardised(new_scaler(2), [[5.0, 6.0]]).any()


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 30), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_any_split_of_the_rows_gives_the_same_bytes(n, width, seed):
    rng = np.random.default_rng(seed)
    rows = np.where(rng.random((n, width)) < 0.2, np.nan, rng.normal(size=(n, width)) * 1e3)
    cut = int(rng.integers(n + 1))
    parts = observed(observed(new_scaler(width), rows[:cut]), rows[cut:])
    assert digest(parts) == digest(observed(new_scaler(width), rows))


def test_categories_take_columns_in_order_of_appearance_until_full():
    vocabulary = with_words(Vocabulary(2), ["b", None, "a", "b", "c"])
    assert vocabulary.words == ("b", "a")
    assert with_words(vocabulary, ["z"]) == vocabulary
    np.testing.assert_array_equal(
        one_hot(vocabulary, ["a", "c", None, "b"]), [[0, 1], [0, 0], [0, 0], [1, 0]]
    )


def test_hashed_categories_are_stable_and_differ_by_feature():
    values = [f"v{i}" for i in range(200)]
    columns = hashed(values, 16, name="city").argmax(axis=1)
    np.testing.assert_array_equal(columns, hashed(values, 16, name="city").argmax(axis=1))
    assert (columns != hashed(values, 16, name="shop").argmax(axis=1)).mean() > 0.8
    assert len(set(columns.tolist())) == 16
    assert hashed([None], 4, name="city").sum() == 0


def test_infinite_and_misshapen_rows_are_refused():
    with pytest.raises(InvalidInput, match="infinite"):
        observed(new_scaler(1), [[np.inf]])
    with pytest.raises(InvalidInput, match=r"made for \(n, 2\)"):
        standardised(new_scaler(2), [[1.0]])
