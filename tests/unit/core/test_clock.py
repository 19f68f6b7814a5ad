from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvo.core.clock import (
    LATEST,
    SECOND,
    FixedClock,
    Instant,
    SystemClock,
    format_rfc3339,
    instant,
    parse_rfc3339,
    to_datetime,
)
from cvo.core.errors import InvalidInput

INSTANTS = st.integers(0, LATEST).map(Instant)


@given(INSTANTS)
def test_an_instant_survives_text_and_datetime_to_the_microsecond(at):
    assert parse_rfc3339(format_rfc3339(at)) == at
    assert instant(to_datetime(at)) == at


def test_zones_are_taken_out():
    assert parse_rfc3339("2026-01-31T09:00:00+01:00") == parse_rfc3339("2026-01-31T08:00:00Z")


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-02-30T00:00:00Z", "2026-01-31T25:00:00Z", "1767225600"]
)
def test_what_is_no_time_is_shown_with_an_example(text):
    with pytest.raises(InvalidInput, match=r"not an RFC 3339 time such as 2026-01-31T08:00:00Z"):
        parse_rfc3339(text)


@pytest.mark.parametrize("text", ["2026-01-31T08:00:00", "2026-01-31"])
def test_a_time_without_zone_is_refused_with_the_remedy(text):
    with pytest.raises(InvalidInput, match=r"has no time zone; add one, e.g. \+00:00"):
        parse_rfc3339(text)


def test_a_fixed_clock_stands_until_it_is_moved():
    clock = FixedClock(Instant(5))
    assert (clock.now(), clock.now()) == (5, 5)
    clock.at = Instant(6)
    assert clock.now() == 6


def test_the_system_clock_tells_utc_in_microseconds():
    before = instant(datetime.now(UTC))
    now = SystemClock().now()
    assert before - SECOND <= now <= instant(datetime.now(UTC)) + SECOND
