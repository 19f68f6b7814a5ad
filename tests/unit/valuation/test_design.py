import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvo.actions.read import parse_catalogue
from cvo.actions.situation import Situation
from cvo.core.clock import Instant
from cvo.core.errors import InvalidInput
from cvo.profiles.profile import Profile
from cvo.valuation.design import Design
from cvo.valuation.encoder import NO_FEATURES, fit_encoder
from cvo.valuation.features import FeatureReader

CATALOGUE = parse_catalogue(
    """
traits: {age: {type: number}, size: {type: number}, city: {type: string}, member: {type: bool}}
features:
  age: {value: customer.age, kind: number}
  size: {value: customer.size, kind: number}
  orders: {value: orders(90), kind: number}
  city: {value: customer.city, kind: category}
  device: {value: context.device, kind: category}
  member: {value: customer.member, kind: category}
"""
)
KINDS = {"age": "number", "orders": "number", "city": "category", "member": "category", "gone": "number"}
SEEN = {
    "age": [20, 40.0, None],
    "orders": [0.0, 2.0, 1.0],
    "city": ["Rome", "", None],
    "member": [True, False, None],
    "gone": [1, 2, 3],
}
VALUE = (
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e300, 1e300) | st.text(max_size=2)
)


def situation(traits, context=None):
    return Situation(Profile(traits=traits), Instant(10**15), "home", "web", context or {})


@settings(deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {},
            optional={"age": VALUE, "city": st.sampled_from(["Rome", "", "Oslo"]) | VALUE, "member": VALUE},
        ),
        max_size=5,
    )
)
def test_rows_are_those_that_reader_and_encoder_make_one_after_the_other(people):
    reader, encoder = FeatureReader(CATALOGUE, "EUR"), fit_encoder(KINDS, SEEN)
    here = [situation(traits) for traits in people]
    rows = Design(reader, encoder).rows(here)
    assert rows.tobytes() == encoder.transform(reader.values(here), len(here)).tobytes()
    for row, alone in zip(rows, here, strict=True):
        assert row.tobytes() == Design(reader, encoder).rows([alone]).tobytes()


def test_without_features_there_is_an_intercept():
    rows = Design(FeatureReader(CATALOGUE, "EUR"), NO_FEATURES).rows([situation({})] * 2)
    np.testing.assert_array_equal(rows, [[1.0], [1.0]])


def test_infinity_is_refused():
    design = Design(FeatureReader(CATALOGUE, "EUR"), fit_encoder(KINDS, SEEN))
    with pytest.raises(InvalidInput, match="infinite"):
        design.rows([situation({"age": float("inf")})])
