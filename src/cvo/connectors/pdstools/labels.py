"""How a decision's surroundings are called there: issue, group, direction, times."""

from collections.abc import Collection

import msgspec

from cvo.actions.catalogue import Catalogue
from cvo.core.clock import Instant, to_datetime


class Labels(msgspec.Struct, frozen=True):
    """The issue (our stage) and group (our team) of every action, and the channels that customers come to."""

    issues: dict[str, str]
    groups: dict[str, str]
    inbound: frozenset[str]

    def direction(self, channel: str) -> str:
        """Return `Inbound` for a channel that customers come to, else `Outbound`."""
        return "Inbound" if channel in self.inbound else "Outbound"


def labels_of(catalogue: Catalogue, inbound: Collection[str] | None = None) -> Labels:
    """Return the labels of a catalogue.

    A catalogue does not say who begins a conversation. Without `inbound`, a channel that takes no consent is taken for
    one that customers come to themselves.
    """
    taken = (
        {key for key, channel in catalogue.channels.items() if channel.consent == "none"}
        if inbound is None
        else inbound
    )
    return Labels(
        issues={key: action.stage.value for key, action in catalogue.actions.items()},
        groups={key: action.team for key, action in catalogue.actions.items()},
        inbound=frozenset(taken),
    )


def pega_time(at: Instant) -> str:
    """Write a time as its exports do, to the millisecond.

    >>> from cvo.core.clock import parse_rfc3339
    >>> pega_time(parse_rfc3339("2026-01-01T12:00:00.25Z"))
    '20260101T120000.250 GMT'
    """
    moment = to_datetime(at)
    return f"{moment:%Y%m%dT%H%M%S}.{moment.microsecond // 1000:03d} GMT"
