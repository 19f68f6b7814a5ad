"""Walking the log: every decision with the customer as they stood just before it."""

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

import msgspec

from cvo.actions.situation import Situation
from cvo.core.ids import PersonId
from cvo.events.event import Decided, Event
from cvo.profiles.fold import fold
from cvo.profiles.profile import EMPTY


class Moment(msgspec.Struct, frozen=True):
    """A decision that was made, and the situation it was made in."""

    person_id: PersonId
    decided: Decided
    situation: Situation


def moments(events: Iterable[Event]) -> Iterator[Moment]:
    """Yield the decisions of a log that comes by person and time, each with the profile as it was before.

    What happened afterwards can't leak into the situation: the fold has not reached it.
    """
    for person_id, facts in groupby(events, key=_person):
        profile, waiting, decision_id = EMPTY, list[Event](), ""
        for event in facts:
            if isinstance(event.body, Decided):
                body = event.body
                # The slots of one decision were filled at once: none of them saw the others delivered.
                if body.decision_id != decision_id:
                    profile, waiting, decision_id = fold(profile, waiting), [], body.decision_id
                yield Moment(person_id, body, Situation(profile, event.at, body.placement, body.channel))
            waiting.append(event)


def _person(event: Event) -> PersonId:
    return event.person_id


Customers = Callable[[PersonId], bool]
"""Picks customers, by their internal id."""


def everybody(_person_id: PersonId) -> bool:
    """Pick every customer."""
    return True
