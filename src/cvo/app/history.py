"""Walking the log: every decision with the customer as they stood just before it."""

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

import msgspec

from cvo.actions.situation import Situation
from cvo.core.ids import PersonId
from cvo.events.event import Decided, Event
from cvo.profiles.fold import fold
from cvo.profiles.profile import EMPTY, Profile


class Moment(msgspec.Struct, frozen=True):
    """A decision that was made, and the situation it was made in."""

    person_id: PersonId
    decided: Decided
    situation: Situation


class Walk:
    """The way along one customer's facts, in their order: it can be left and gone on from later.

    What happened after a decision can't leak into its situation: the fold has not reached it.
    """

    def __init__(self, profile: Profile = EMPTY, decision_id: str = "") -> None:
        self._profile, self.decision_id = profile, decision_id
        self._waiting: list[Event] = []

    def moments(self, facts: Iterable[Event]) -> Iterator[Moment]:
        """Yield the decisions among facts that go on where the last ones ended, each with the profile before it."""
        for event in facts:
            body = event.body
            if isinstance(body, Decided):
                # The slots of one decision were filled at once: none of them saw the others delivered.
                if body.decision_id != self.decision_id:
                    self._profile, self._waiting = self.profile, []
                    self.decision_id = body.decision_id
                yield Moment(
                    event.person_id, body, Situation(self._profile, event.at, body.placement, body.channel)
                )
            self._waiting.append(event)

    @property
    def profile(self) -> Profile:
        """Return the profile after all facts so far."""
        return fold(self._profile, self._waiting)


def moments(events: Iterable[Event]) -> Iterator[Moment]:
    """Yield the decisions of a log that comes by person and time, each with the profile as it was before."""
    for _, facts in groupby(events, key=_person):
        yield from Walk().moments(facts)


def _person(event: Event) -> PersonId:
    return event.person_id


Customers = Callable[[PersonId], bool]
"""Picks customers, by their internal id."""


def everybody(_person_id: PersonId) -> bool:
    """Pick every customer."""
    return True
