import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvo.valuation.encoder import NO_FEATURES, Encoder, fit_encoder

KINDS = {"age": "number", "city": "category"}
SEEN = {"age": [20, 40, 60, None], "city": ["Bonn", "Rome", None, "Bonn"]}


def encode(encoder, **values):
    rows = len(next(iter(values.values())))
    return encoder.transform(values, rows)


def test_numbers_are_standardised_and_levels_get_a_column_each():
    encoder = fit_encoder(KINDS, SEEN)
    assert encoder.names == ["intercept", "age", "city=Bonn", "city=Rome"]
    design = encode(encoder, age=[20, 40, 60], city=["Bonn", "Rome", "Rome"])
    assert design[:, 0].tolist() == [1, 1, 1]
    assert design[:, 1].mean() == pytest.approx(0)
    assert design[:, 1].std() == pytest.approx(1)
    assert design[:, 2:].tolist() == [[1, 0], [0, 1], [0, 1]]


def test_missing_and_unseen_say_nothing():
    design = encode(fit_encoder(KINDS, SEEN), age=[None, "forty", float("nan")], city=[None, "Oslo", "bonn"])
    assert design.tolist() == [[1, 0, 0, 0]] * 3


def test_bools_are_levels_and_numbers_can_be_categories():
    encoder = fit_encoder({"x": "category"}, {"x": [True, False, 3]})
    assert encoder.names == ["intercept", "x=3", "x=false", "x=true"]
    assert encode(encoder, x=[True, 3, "true"])[:, 1:].tolist() == [[0, 0, 1], [1, 0, 0], [0, 0, 1]]


def test_a_number_without_spread_or_without_any_value_says_nothing():
    encoder = fit_encoder({"same": "number", "none": "number"}, {"same": [7, 7], "none": [None, None]})
    assert encode(encoder, same=[7, 9], none=[0.0, 2.0])[:, 1:].tolist() == [[0, 0], [0, 0]]


def test_only_the_most_frequent_levels_get_a_column_and_ties_go_by_name():
    values = [f"c{n:02}" for n in range(40)] + ["c39"]
    encoder = fit_encoder({"c": "category"}, {"c": values})
    kept = [name.removeprefix("c=") for name in encoder.names[1:]]
    assert kept == sorted([f"c{n:02}" for n in range(31)] + ["c39"])


def test_a_value_from_another_planet_counts_as_far_and_stays_finite():
    design = encode(fit_encoder(KINDS, SEEN), age=[1e308, -1e308, 1e9], city=[None] * 3)
    assert design[:, 1].tolist() == [3, -3, 3]


@given(
    st.lists(st.none() | st.floats(-1e12, 1e12) | st.integers(-(2**53), 2**53) | st.booleans(), max_size=20),
    st.lists(st.none() | st.sampled_from(["a", "b", True, 1]), max_size=20),
)
def test_a_row_is_encoded_alike_alone_and_among_others_and_after_being_kept(numbers, levels):
    rows = min(len(numbers), len(levels))
    values = {"n": numbers[:rows], "c": levels[:rows]}
    encoder = fit_encoder({"n": "number", "c": "category"}, values)
    design = encoder.transform(values, rows)
    assert np.isfinite(design).all()
    kept = msgspec.msgpack.decode(msgspec.msgpack.encode(encoder), type=Encoder)
    assert kept == encoder
    for row in range(rows):
        alone = kept.transform({"n": [values["n"][row]], "c": [values["c"][row]]}, 1)
        assert alone.tobytes() == design[row : row + 1].tobytes()


def test_no_features_leave_the_intercept():
    assert NO_FEATURES.transform({}, 3).tolist() == [[1], [1], [1]]


def test_a_feature_that_is_there_no_more_is_missing_for_everybody():
    kinds = {"age": "number", "city": "category", "visits": "number"}
    encoder = fit_encoder(kinds, {"age": [20, 40], "city": ["Rome", "Oslo"], "visits": [1, 3]})
    gone = encoder.transform({"visits": [3, None]}, 2)
    assert (
        gone.tolist()
        == encoder.transform({"age": [None] * 2, "city": [None] * 2, "visits": [3, None]}, 2).tolist()
    )


def test_a_feature_that_changed_its_kind_is_missing_where_it_fits_no_more():
    encoder = fit_encoder(KINDS, SEEN)
    assert encode(encoder, age=["old", "young"], city=[3.0, 4.0]).tolist() == [[1, 0, 0, 0]] * 2
