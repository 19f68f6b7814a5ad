"""Every change of the catalogue on the record: who proposed and approved what, and what the log says it brings."""

from collections.abc import Callable

import msgspec

from cvo.actions.catalogue import Catalogue
from cvo.actions.drafts import Change, Difference, Effect, Verdict
from cvo.app.company import Company
from cvo.app.state import CATALOGUE_CHANGE, recorded, running_catalogue, running_version
from cvo.core.clock import Instant
from cvo.core.errors import CvoError
from cvo.core.evidence import NotEstimable

Progress = Callable[[str, int, int], None]

NOT_ASKED = Effect(reason=NotEstimable("not evaluated", "whoever made the draft asked not to"))


class Step(msgspec.Struct, frozen=True):
    """A step in the life of a draft: proposed, approved or rejected, by whom, when and why."""

    at: Instant
    author: str
    draft_id: str
    verdict: Verdict
    because: str
    differences: list[Difference]
    effect: Effect | None


def steps(company: Company) -> list[Step]:
    """Return every step of every draft, the earliest first."""
    found = []
    for logged in recorded(company.store, CATALOGUE_CHANGE):
        change = msgspec.msgpack.decode(logged.body, type=Change)
        about = (change.draft_id, change.verdict, change.because, change.differences, change.effect)
        found.append(Step(logged.at, logged.author, *about))
    return found


def effect_of(
    company: Company,
    proposed: Catalogue,
    changed: list[Difference],
    progress: Progress = lambda _step, _done, _total: None,
) -> Effect | None:
    """Return what the log says a catalogue would have brought instead of the running one, or why it can't tell.

    The first has nothing that it could be compared with.
    """
    if running_version(company.store) is None:
        return None
    # They take a while to import, and most drafts are of companies without a log.
    from cvo.app.what_if import Candidate, what_if

    running = running_catalogue(company.store)
    candidate = Candidate(catalogue=proposed, settings=company.settings, running=running, changes=changed)
    try:
        found = what_if(company, candidate, progress=progress)
    except CvoError as error:
        return Effect(reason=NotEstimable("not evaluable", str(error)))
    if isinstance(found, NotEstimable):
        return Effect(reason=found)
    told = found.difference
    return Effect(
        estimate=None if isinstance(told, NotEstimable) else told,
        reason=told if isinstance(told, NotEstimable) else None,
        decisions=found.decisions,
        since=found.since,
        until=found.until,
        window_days=found.window_days,
    )
