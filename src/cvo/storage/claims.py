"""Claims: links to a device that came after another customer had it, kept until that is taken back."""

from sqlalchemy import Connection, delete

from cvo.core.clock import Instant
from cvo.core.ids import EventId, PersonId
from cvo.events.identity import Link, LinkKind
from cvo.storage import dialect
from cvo.storage.schema import CLAIM


class Claims:
    """The claims that one unit of work makes, and those that it looks at again."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._made: list[dialect.Row] = []

    def add(self, link: Link) -> None:
        """Keep a client's link from a known customer to a device, which is its second end."""
        self._made.append((link.second, link.first, link.at, link.link_id))

    def at(self, node: PersonId) -> list[Link]:
        """Return the claims to a device, in the order in which they were made."""
        self.write()
        found = [_link(row) for row in dialect.claims(self._connection, [node])]
        return sorted(found, key=lambda link: link.order)

    def remove(self, link: Link) -> None:
        """Forget a claim that has become a link."""
        same = CLAIM.c.person_id == link.second, CLAIM.c.other_id == link.first
        self._connection.execute(delete(CLAIM).where(*same))

    def write(self) -> None:
        """Write what was added."""
        made, self._made = self._made, []
        dialect.put_claims(self._connection, made)


def _link(row: dialect.Row) -> Link:
    device, customer, at, link_id = row
    return Link(
        Instant(at), EventId(link_id), LinkKind.CLIENT, PersonId(customer), PersonId(device), True, False
    )
