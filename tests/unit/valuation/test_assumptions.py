import pytest

from cvo.core.errors import CatalogueError
from cvo.valuation.assumptions import DEFAULTS, assumptions_of
from tests.data.company import catalogue, policy

RATE = "margin_rate: {value: 0.4, because: tests}"


def with_assumptions(text):
    return catalogue(**{RATE: text})


def test_defaults_stand_in_and_the_catalogue_s_word_goes_before_them():
    given = with_assumptions("incrementality: {value: 0.2, standard_deviation: 0.1, because: seen elsewhere}")
    found = assumptions_of(given)
    assert found["incrementality"].value == 0.2
    assert found["response_probability"] == DEFAULTS["response_probability"]


def test_what_nobody_assumed_is_asked_for():
    found = assumptions_of(
        with_assumptions("response_probability: {value: 0.1, standard_deviation: 1, because: x}")
    )
    with pytest.raises(
        CatalogueError, match=r"what margin_rate is; add assumptions.margin_rate with value and because"
    ):
        found["margin_rate"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "margin_rat: {value: 0.4, because: x}",
            "assumptions.margin_rat is not used; known: clv_change, incrementality",
        ),
        (
            "margin_rate: {value: 40, because: x}",
            "margin_rate.value is 40; it has to be above 0 and at most 1",
        ),
        ("margin_rate: {value: 0, because: x}", "margin_rate.value is 0"),
        (
            "margin_per_response: {value: -1, because: x}",
            "margin_per_response.value is -1; it has to be above 0",
        ),
        ("incrementality: {value: .nan, standard_deviation: 1, because: x}", "incrementality.value is nan"),
        ("response_probability: {value: 1, standard_deviation: 1, because: x}", "above 0 and below 1"),
        ("response_probability: {value: 0.1, because: x}", "response_probability.standard_deviation is 0"),
        (
            "incrementality: {value: 0.1, standard_deviation: .inf, because: x}",
            "with 0 no data could ever move it",
        ),
    ],
)
def test_an_impossible_number_is_named(text, message):
    with pytest.raises(CatalogueError, match=message):
        assumptions_of(with_assumptions(text))


def test_what_is_possible_can_be_decided_with():
    for value in ("0.0001", "0.9999"):
        given = with_assumptions(
            f"response_probability: {{value: {value}, standard_deviation: 0.5, because: x}}"
        )
        assert policy(given).valuer.actions == given.action_ids
