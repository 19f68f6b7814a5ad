import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvo.core.clock import DAY, HOUR, Instant
from cvo.core.errors import Damaged
from cvo.profiles.profile import EMPTY, LAYOUT, Profile, Tally, decode, encode


def test_the_stored_form_comes_back():
    profile = Profile(
        events=1,
        traits={"a": 1.0, "b": 2, "c": True, "d": ["x"]},
        tallies={"x": Tally().adding(Instant(5), 3)},
    )
    assert decode(encode(profile)) == profile
    assert encode(EMPTY)[1] == LAYOUT


def test_another_layout_is_folded_anew_and_damage_is_said():
    assert decode(encode(Profile(layout=LAYOUT + 1))) is None
    with pytest.raises(Damaged, match="doctor"):
        decode(encode(EMPTY)[:-1])
    with pytest.raises(Damaged):
        decode(b"")


@given(
    st.lists(st.tuples(st.integers(0, 1_000 * 24 * 60), st.integers(0, 100)), min_size=1, max_size=60),
    st.sampled_from([0.5, 1, 7, 30, 90, 365, 366]),
)
def test_a_window_never_misses_anything_and_takes_in_at_most_a_day_too_much(facts, days):
    facts.sort()
    tally = Tally()
    for minute, amount in facts:
        tally = tally.adding(Instant(minute * 60_000_000), amount)
    now = Instant(facts[-1][0] * 60_000_000)
    count, amount = tally.within(now, days)
    slack = HOUR if days <= 30 else DAY

    def true(span):
        return [a for minute, a in facts if now - minute * 60_000_000 <= span]

    exact, loose = true(days * DAY), true(days * DAY + slack)
    assert len(exact) <= count <= len(loose)
    assert sum(exact) <= amount <= sum(loose)
    assert tally.within(now) == (len(facts), sum(a for _, a in facts))


def test_what_comes_after_now_is_not_counted():
    tally = Tally().adding(Instant(0)).adding(Instant(10 * DAY))
    assert tally.within(Instant(5 * DAY), 30) == (1, 0)


def test_a_tally_is_bounded():
    tally = Tally()
    for hour in range(1_000 * 24):
        tally = tally.adding(Instant(hour * HOUR))
    assert len(tally.hours) < 1_150
    assert tally.count == 24_000
    assert tally.within(tally.last_at, 365)[0] in range(365 * 24, 366 * 24 + 2)
