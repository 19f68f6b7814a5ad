"""Walking the log: every decision with the customer as they stood just before it."""

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

import msgspec

from cvo.actions.situation import Situation
from cvo.core.clock import Instant
from cvo.core.ids import PersonId
from cvo.decisions.effects import is_own
from cvo.events.event import Decided, Event
from cvo.profiles.fold import fold
from cvo.profiles.profile import EMPTY, Profile

NEVER = Instant(-(2**62))
"""Before everything."""


class Moment(msgspec.Struct, frozen=True):
    """A decision that was made, and the situation it was made in."""

    person_id: PersonId
    decided: Decided
    situation: Situation


class Walk:
    """The way along one customer's facts, in their order: it can be left and gone on from later.

    What happened after a decision can't leak into its situation: the fold has not reached it. Nor can what had
    happened and came in later: one of our own decisions is shown the profile without it.
    """

    def __init__(self, profile: Profile = EMPTY, decision_id: str = "", received: Instant = NEVER) -> None:
        self._begun = self._profile = self._seen = profile
        self.decision_id, self.received = decision_id, received
        self._facts: list[Event] = []
        self._waiting: list[Event] = []

    def goes_on(self, facts: Iterable[Event]) -> bool:
        """Tell whether what was walked before these facts had come in when decisions among them were made."""
        return not any(is_own(fact) and fact.at < self.received for fact in facts)

    def moments(self, facts: Iterable[Event]) -> Iterator[Moment]:
        """Yield the decisions among facts that go on where the last ones ended, each with the profile before it."""
        for event in facts:
            body = event.body
            if isinstance(body, Decided):
                # The slots of one decision were filled at once: none of them saw the others delivered.
                if body.decision_id != self.decision_id:
                    self._profile, self._waiting = self.profile, []
                    self.decision_id, self._seen = body.decision_id, self._seen_by(event)
                yield Moment(
                    event.person_id, body, Situation(self._seen, event.at, body.placement, body.channel)
                )
            self._waiting.append(event)
            self._facts.append(event)
            self.received = max(self.received, event.received_at)

    @property
    def profile(self) -> Profile:
        """Return the profile after all facts so far."""
        return fold(self._profile, self._waiting)

    def _seen_by(self, event: Event) -> Profile:
        if self.received <= event.at or not is_own(event):
            return self._profile
        return fold(self._begun, (fact for fact in self._facts if fact.received_at <= event.at))


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
