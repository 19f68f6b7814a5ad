"""Growth accounting leaves no residual, whatever is zero, and is the same read backwards."""

from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvo.core.evidence import NotEstimable
from cvo.ledger.growth import Split, Volume, growth


@st.composite
def volumes(draw):
    customers = draw(st.integers(0, 10**6))
    orders = draw(st.integers(0, 10**7)) if customers else 0
    margin = draw(st.floats(0, 1e9, allow_subnormal=False)) if orders else 0.0
    return Volume(float(customers), float(orders), margin)


@given(volumes(), volumes())
def test_parts_sum_to_the_change_exactly(before, after):
    found = growth(before, after)
    assert isinstance(found, Split)
    scale = max(before.margin, after.margin)
    assert isclose(found.total, after.margin - before.margin, abs_tol=1e-9 * scale)


@given(volumes(), volumes())
def test_backwards_every_part_has_the_other_sign(before, after):
    there, back = growth(before, after), growth(after, before)
    scale = max(before.margin, after.margin)
    for name in Split.__struct_fields__:
        # Near no change at all the shares are large and cancel: what is left of rounding is relative to them.
        size = max(scale, abs(getattr(there, name)))
        assert isclose(getattr(there, name), -getattr(back, name), abs_tol=1e-6 * size)


@given(volumes(), st.floats(0.1, 10))
def test_what_only_one_factor_changed_is_all_of_that_factor(before, times):
    if not before.margin:
        return
    more = growth(before, Volume(before.customers * times, before.orders * times, before.margin * times))
    assert more.customers == pytest.approx(before.margin * (times - 1), abs=1e-9 * before.margin)
    oftener = growth(before, Volume(before.customers, before.orders * times, before.margin * times))
    assert oftener.orders_per_customer == pytest.approx(before.margin * (times - 1), abs=1e-9 * before.margin)
    dearer = growth(before, Volume(before.customers, before.orders, before.margin * times))
    assert dearer.value_per_order == pytest.approx(before.margin * (times - 1), abs=1e-9 * before.margin)


def test_from_nothing_all_growth_is_new_customers_and_given_away_orders_are_value():
    assert growth(Volume(0, 0, 0), Volume(10, 20, 300.0)) == Split(300.0, 0.0, 0.0)
    assert growth(Volume(10, 0, 0), Volume(10, 20, 300.0)) == Split(0.0, 300.0, 0.0)
    assert growth(Volume(10, 20, 0), Volume(10, 20, 300.0)) == Split(0.0, 0.0, 300.0)
    assert growth(Volume(0, 0, 0), Volume(0, 0, 0)) == Split(0.0, 0.0, 0.0)


def test_margins_so_far_apart_that_their_ratio_is_no_number():
    some, hardly = Volume(1, 1, 4.0), Volume(3, 1, 2.3e-308)
    there, back = growth(some, hardly), growth(hardly, some)
    assert there.total == pytest.approx(-4.0)
    assert there.customers == pytest.approx(-back.customers)
    assert there.orders_per_customer == pytest.approx(-there.customers)


def test_losing_money_has_no_factors():
    assert isinstance(growth(Volume(1, 1, -1.0), Volume(1, 1, 1.0)), NotEstimable)
