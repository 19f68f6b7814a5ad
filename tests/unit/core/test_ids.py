from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from cvo.core.clock import LATEST, Instant
from cvo.core.ids import decision_id, event_id

KEYS = st.lists(st.text(max_size=5) | st.binary(max_size=5) | st.integers(), max_size=4)


@given(st.integers(0, LATEST), st.text(min_size=1, max_size=80), KEYS)
def test_a_decision_id_is_a_uuid_of_version_7_that_carries_its_time(at, seed, key):
    made = decision_id(Instant(at), seed, *key)
    parsed = UUID(made)
    assert str(parsed) == made
    assert parsed.version == 7
    assert parsed.variant == "specified in RFC 4122"
    assert parsed.int >> 80 == at // 1_000
    assert made == decision_id(Instant(at), seed, *key)


def test_decision_ids_sort_by_time_and_differ_by_key_and_seed():
    made = [decision_id(Instant(ms * 1_000), "s", "x") for ms in range(1_000)]
    assert made == sorted(made)
    many = {decision_id(Instant(0), seed, n) for seed in ("a", "b") for n in range(5_000)}
    assert len(many) == 10_000


def test_an_event_id_depends_on_sender_and_message_alone():
    assert event_id(b"k" * 16, "m") == event_id(b"k" * 16, "m")
    assert len({event_id(b"k" * 16, "m"), event_id(b"l" * 16, "m"), event_id(b"k" * 16, "n")}) == 3
    assert len(event_id(b"k" * 16, "m")) == 16
