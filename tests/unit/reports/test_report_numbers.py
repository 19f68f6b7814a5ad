import math

import pytest

from cvo.core.errors import InvalidInput
from cvo.core.evidence import Estimate, Grade, Interval, NotEstimable
from cvo.reports.numbers import (
    COUNT,
    PERCENT,
    Format,
    level_text,
    money_format,
    require_drawable,
    require_finite,
)


@pytest.mark.parametrize(
    ("value", "written"),
    [(0, "$0"), (12.4, "+$12"), (-12.6, "−$13"), (0.4, "$0"), (-0.4, "$0"), (1_234_567, "+$1,234,567")],
)
def test_a_signed_amount_has_its_sign_before_the_currency_and_zero_has_none(value, written):
    assert money_format("USD", signed=True).text(value) == written


def test_an_unknown_currency_is_written_by_its_code():
    assert money_format("SEK").text(7) == "SEK\N{NO-BREAK SPACE}7"


def test_a_rate_is_scaled_before_it_is_rounded_and_before_its_sign_is_chosen():
    assert PERCENT.text(0.0004) == "0.0\N{NO-BREAK SPACE}%"
    assert PERCENT.text(-0.0006) == "−0.1\N{NO-BREAK SPACE}%"


def test_an_estimate_is_written_with_its_interval_and_a_missing_one_with_its_reason():
    estimate = Estimate(
        value=0.5,
        standard_error=0.1,
        interval=Interval(-0.3, 0.7),
        grade=Grade.POOLED,
        unit="share",
        sample_size=9,
    )
    assert Format(decimals=1).estimate(estimate) == "0.5 (−0.3 to 0.7)"
    assert COUNT.estimate(NotEstimable("none", "no control")) == "not estimable: no control"


def test_a_level_is_written_without_needless_decimals():
    assert level_text(0.9).startswith("90\N{NO-BREAK SPACE}%")
    assert level_text(0.9975).startswith("99.75\N{NO-BREAK SPACE}%")
    # After a year of weekly looks it is near certainty, and not certainty.
    assert level_text(1 - 0.05 / (52 * 53)).startswith("99.998\N{NO-BREAK SPACE}%")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_refused_with_the_place_and_the_remedy(value):
    with pytest.raises(InvalidInput, match=r"here holds .*NotEstimable"):
        require_finite("here", 1.0, None, value)


def test_an_interval_the_wrong_way_round_is_refused():
    estimate = Estimate(
        value=1, standard_error=1, interval=Interval(2, 0), grade=Grade.MEASURED, unit="", sample_size=9
    )
    with pytest.raises(InvalidInput, match="wrong way round"):
        require_drawable("row", estimate)
