"""Identity: which ids belong to one person, as a pure function of the log of links.

A *node* is an external id; a *person* is a set of nodes. Facts stay under the node they were sent for, so a
person can be put together and taken apart at any time without losing or mixing anything. Because the answer
depends on the set of links alone, it is the same in whatever order and however often they arrive.

Links are taken in the order in which they happened. A link joins two persons unless both already have a
known customer among their nodes: two known customers are never merged by a client, only by an audited
override. Such a link stays in the log, in conflict. A reversal, also audited, says that two ids are not the
same: from then on no client can link that pair, only a later override.
"""

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from cvo.core.clock import Instant
from cvo.core.ids import EventId, PersonId


class LinkKind(StrEnum):
    """Who says so: a client's message, or a person on the record."""

    CLIENT = "client"
    OVERRIDE = "override"
    REVERSAL = "reversal"


class Link(msgspec.Struct, frozen=True, array_like=True):
    """Two nodes have one owner, or for a reversal have not; `…_known` tells whether a node is a user id."""

    at: Instant
    link_id: EventId
    kind: LinkKind
    first: PersonId
    second: PersonId
    first_known: bool
    second_known: bool

    @property
    def order(self) -> tuple[Instant, EventId]:
        """Return the key that puts links in the order in which they happened."""
        return self.at, self.link_id

    @property
    def pair(self) -> frozenset[PersonId]:
        """Return the two nodes, in no order."""
        return frozenset((self.first, self.second))


def resolve(links: Iterable[Link]) -> dict[PersonId, PersonId]:
    """Return the canonical node of every node that occurs in `links`.

    The canonical node of a person is its known node, else its smallest id; where an override joined
    several known nodes, the smallest of those.

    >>> a, b, link_id = PersonId(b"a"), PersonId(b"b"), EventId(b"1")
    >>> resolve([Link(Instant(1), link_id, LinkKind.CLIENT, a, b, False, True)])
    {b'a': b'b', b'b': b'b'}
    """
    links = list(links)
    root: dict[PersonId, PersonId] = {}
    known: dict[PersonId, bool] = {}
    for link in links:
        for node, is_known in ((link.first, link.first_known), (link.second, link.second_known)):
            root[node] = node
            known[node] = is_known
    joined_known = dict(known)
    for link in _effective(links):
        a, b = _find(root, link.first), _find(root, link.second)
        if a == b or (joined_known[a] and joined_known[b] and link.kind is LinkKind.CLIENT):
            continue
        # A known root beats an unknown one, then the smaller id does, so the root is the canonical node.
        keep, give = sorted((a, b), key=lambda node: (not known[node], node))
        root[give] = keep
        joined_known[keep] |= joined_known[give]
    return {node: _find(root, node) for node in root}


def joins_nothing(link: Link, links: Iterable[Link]) -> bool:
    """Tell whether a client's link says nothing that `links` do not say already."""
    if link.kind is not LinkKind.CLIENT:
        return False
    return any(
        other.kind is LinkKind.CLIENT and other.pair == link.pair and other.order <= link.order
        for other in links
    )


def comes_too_late(link: Link, links: Iterable[Link]) -> bool:
    """Tell whether a client's link between a known customer and a device can't join, now or by links to come.

    `links` are all those that end at the device, the link's second end. Once an earlier one of them brought a
    known customer to it, whoever claims it later stands against another known customer, whatever else is
    linked to either; only where the earlier one is reversed has the question to be asked again.
    """
    if link.kind is not LinkKind.CLIENT or not link.first_known or link.second_known:
        return False
    return any(
        other.order < link.order and other.pair != link.pair and _far_end_known(other, link.second)
        for other in _effective(list(links))
    )


def _far_end_known(link: Link, node: PersonId) -> bool:
    return link.second_known if link.first == node else link.first_known


def _effective(links: list[Link]) -> list[Link]:
    reversed_at: dict[frozenset[PersonId], tuple[Instant, EventId]] = {}
    for link in links:
        if link.kind is LinkKind.REVERSAL:
            reversed_at[link.pair] = max(link.order, reversed_at.get(link.pair, link.order))
    joining = [
        link
        for link in links
        if (link.kind is LinkKind.CLIENT and link.pair not in reversed_at)
        or (link.kind is LinkKind.OVERRIDE and link.order > reversed_at.get(link.pair, (Instant(-1), b"")))
    ]
    return sorted(joining, key=lambda link: (link.order, link.kind, link.first, link.second))


def _find(root: dict[PersonId, PersonId], node: PersonId) -> PersonId:
    while root[node] != node:
        root[node] = root[root[node]]
        node = root[node]
    return node
