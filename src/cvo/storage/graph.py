"""The identity log in storage: the cluster around a node, and who is who in it.

A *cluster* is everything that links reach, applied or in conflict; who belongs to whom inside it depends on
nothing outside it.
"""

from collections.abc import Iterable

from sqlalchemy import Connection

from cvo.core.ids import PersonId
from cvo.events.identity import Link, resolve
from cvo.storage import dialect
from cvo.storage.rows import link_of, link_version


class Graph:
    """The part of the identity log that one unit of work, or one look at the past, has read so far.

    With `version`, links that were applied later are not seen.
    """

    def __init__(self, connection: Connection, version: int | None = None) -> None:
        self._connection = connection
        self._version = version
        self._links: dict[PersonId, list[Link]] = {}
        self._near: dict[PersonId, list[Link]] = {}

    def load(self, nodes: Iterable[PersonId]) -> None:
        """Read the clusters around `nodes`, level by level."""
        frontier = {node for node in nodes if node not in self._links}
        while frontier:
            for node in frontier:
                self._links[node] = []
            reached = set()
            for row in dialect.links(self._connection, frontier):
                if self._version is None or link_version(row) <= self._version:
                    link = link_of(row)
                    self._links[link.first].append(link)
                    reached.add(link.second)
            frontier = reached - self._links.keys()

    def look(self, nodes: Iterable[PersonId]) -> None:
        """Read the links that end at `nodes`, and nothing beyond."""
        unknown = {node for node in nodes if node not in self._links and node not in self._near}
        self._near.update({node: [] for node in unknown})
        for row in dialect.links(self._connection, unknown):
            link = link_of(row)
            self._near[link.first].append(link)

    def add(self, link: Link) -> None:
        """Take in a link that is not stored yet; both its ends have to be loaded."""
        self._links[link.first].append(link)
        self._links[link.second].append(link)

    def links_at(self, node: PersonId) -> list[Link]:
        """Return the links that end at a node that was loaded or looked at."""
        found = self._links.get(node)
        return self._near[node] if found is None else found

    def cluster(self, node: PersonId) -> set[PersonId]:
        """Return the nodes of the cluster around a loaded node."""
        seen = {node}
        waiting = [node]
        while waiting:
            here = waiting.pop()
            for link in self._links[here]:
                for end in (link.first, link.second):
                    if end not in seen:
                        seen.add(end)
                        waiting.append(end)
        return seen

    def canonical(self, node: PersonId) -> dict[PersonId, PersonId]:
        """Return the canonical node of every node in the cluster around a loaded node."""
        nodes = self.cluster(node)
        links = {link.link_id + link.kind.encode(): link for member in nodes for link in self._links[member]}
        return {node: node} | resolve(links.values())

    def person(self, node: PersonId) -> list[PersonId]:
        """Return the nodes of the person that a loaded node belongs to, sorted."""
        canonical = self.canonical(node)
        return sorted(member for member, root in canonical.items() if root == canonical[node])
