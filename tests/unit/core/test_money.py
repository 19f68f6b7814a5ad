import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvo.core.errors import InvalidInput
from cvo.core.money import Money, minor_exponent, minor_unit

CURRENCIES = st.sampled_from(["EUR", "JPY", "KWD", "CLF"])


@given(st.integers(-(2**53), 2**53), CURRENCIES)
def test_minor_units_survive_to_the_last_one(minor, currency):
    assert Money.from_minor(minor, currency).to_minor() == minor


@given(st.lists(st.integers(-(10**12), 10**12), min_size=1), CURRENCIES)
def test_sums_are_exact(minors, currency):
    total = Money.from_minor(0, currency)
    for minor in minors:
        total += Money.from_minor(minor, currency)
    assert total.to_minor() == sum(minors)
    assert (total - total).amount == 0
    assert (-total).to_minor() == -sum(minors)


def test_a_float_is_what_it_looks_like():
    assert Money.of(0.1, "EUR").amount == Decimal("0.1")
    assert Money.of("19.90", "EUR").to_minor() == 1990


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [("0.005", "EUR", 0), ("0.015", "EUR", 2), ("0.5", "JPY", 0), ("1.5", "JPY", 2), ("-0.015", "EUR", -2)],
)
def test_half_a_minor_unit_goes_to_the_even_one(amount, currency, minor):
    assert Money.of(amount, currency).to_minor() == minor


def test_minor_units_are_those_of_iso_4217():
    assert [minor_exponent(each) for each in ("EUR", "JPY", "KWD", "CLF")] == [2, 0, 3, 4]
    assert [minor_unit(each) for each in ("EUR", "JPY", "KWD")] == [0.01, 1.0, 0.001]


@pytest.mark.parametrize("amount", ["abc", "", "1,50", math.nan, math.inf, "NaN", "-Infinity"])
def test_what_is_no_amount_is_shown(amount):
    with pytest.raises(InvalidInput, match="is not an amount of money"):
        Money.of(amount, "EUR")


@pytest.mark.parametrize("currency", ["euro", "eur", "E", "", "ÄÖÜ"])
def test_a_currency_is_three_capital_letters(currency):
    with pytest.raises(InvalidInput, match="not an ISO 4217 currency code such as EUR"):
        Money.of(1, currency).to_minor()


def test_two_currencies_never_mix():
    for mix in (Money.__add__, Money.__sub__):
        with pytest.raises(InvalidInput, match="1 USD and 1 EUR are of two currencies; convert one first"):
            mix(Money.of(1, "USD"), Money.of(1, "EUR"))


def test_an_amount_beyond_exact_integers_is_refused():
    with pytest.raises(InvalidInput, match="out of range"):
        Money.of(10**15, "EUR").to_minor()
