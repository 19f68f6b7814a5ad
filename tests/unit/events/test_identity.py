from hypothesis import given
from hypothesis import strategies as st

from cvo.core.clock import Instant
from cvo.core.ids import EventId, PersonId
from cvo.events.identity import Link, LinkKind, joins_nothing, resolve

KNOWN = {b"u1", b"u2", b"u3"}
NODES = [*sorted(KNOWN), b"a1", b"a2", b"a3"]


def link(at: int, a: bytes, b: bytes, kind=LinkKind.CLIENT) -> Link:
    return Link(
        Instant(at), EventId(b"%d" % at + a + b), kind, PersonId(a), PersonId(b), a in KNOWN, b in KNOWN
    )


def test_an_anonymous_id_goes_to_the_first_known_customer_who_claims_it():
    links = [link(2, b"a1", b"u2"), link(1, b"a1", b"u1")]
    assert resolve(links) == {b"a1": b"u1", b"u1": b"u1", b"u2": b"u2"}


def test_two_known_customers_are_never_joined_through_a_shared_device():
    links = [link(1, b"a1", b"u1"), link(2, b"a2", b"u2"), link(3, b"a1", b"a2")]
    assert resolve(links)[b"a2"] == b"u2"
    assert resolve(links)[b"a1"] == b"u1"


def test_an_override_joins_them_and_a_reversal_takes_it_back():
    override = link(1, b"u1", b"u2", LinkKind.OVERRIDE)
    assert resolve([override]) == {b"u1": b"u1", b"u2": b"u1"}
    reversal = link(2, b"u2", b"u1", LinkKind.REVERSAL)
    assert resolve([override, reversal]) == {b"u1": b"u1", b"u2": b"u2"}


def test_after_a_reversal_only_an_override_links_the_pair_again():
    links = [link(1, b"a1", b"u1"), link(2, b"a1", b"u1", LinkKind.REVERSAL), link(3, b"a1", b"u1")]
    assert resolve(links)[b"a1"] == b"a1"
    assert resolve([*links, link(4, b"a1", b"u1", LinkKind.OVERRIDE)])[b"a1"] == b"u1"


def test_anonymous_ids_alone_are_one_person_under_the_smallest():
    assert set(resolve([link(1, b"a3", b"a2"), link(2, b"a2", b"a1")]).values()) == {b"a1"}


def test_a_link_said_before_says_nothing():
    first = link(1, b"a1", b"u1")
    assert joins_nothing(link(2, b"u1", b"a1"), [first])
    assert not joins_nothing(first, [link(2, b"u1", b"a1")])
    assert not joins_nothing(link(2, b"u1", b"a1", LinkKind.REVERSAL), [first])


LINKS = st.lists(
    st.builds(
        link,
        st.integers(0, 20),
        st.sampled_from(NODES),
        st.sampled_from(NODES),
        st.sampled_from([LinkKind.CLIENT] * 4 + [LinkKind.OVERRIDE, LinkKind.REVERSAL]),
    ).filter(lambda made: made.first != made.second),
    max_size=12,
    unique_by=lambda made: made.link_id,
)


@given(LINKS, st.randoms(use_true_random=False))
def test_order_and_repetition_change_nothing(links, random):
    shuffled = [*links, *links[:3]]
    random.shuffle(shuffled)
    assert resolve(shuffled) == resolve(links)


@given(LINKS)
def test_leaving_out_what_says_nothing_changes_nothing(links):
    kept: list[Link] = []
    for one in links:
        if not joins_nothing(one, kept):
            kept.append(one)
    assert resolve(kept) == resolve(links)


@given(LINKS)
def test_clients_never_join_known_customers(links):
    resolved = resolve([one for one in links if one.kind is not LinkKind.OVERRIDE])
    assert all(resolved[node] == node for node in KNOWN & resolved.keys())
