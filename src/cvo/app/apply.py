"""Apply: the catalogue on disk becomes a draft, and, once approved, the running catalogue."""

import msgspec

from cvo.actions.catalogue import Catalogue
from cvo.actions.drafts import Change, Difference, Effect, Verdict, check_steps, differences
from cvo.actions.qualify import Qualifier
from cvo.actions.read import read_catalogue
from cvo.app.audit import NOT_ASKED, Progress, effect_of
from cvo.app.company import Company
from cvo.app.state import (
    CATALOGUE_CHANGE,
    catalogue_bytes,
    kept_catalogue,
    recorded,
    running_catalogue,
    running_models,
    running_version,
)
from cvo.core.errors import Conflict, InvalidInput, NotFound
from cvo.storage.unit_of_work import Change as Logged
from cvo.storage.unit_of_work import UnitOfWork
from cvo.valuation.assumptions import assumptions_of
from cvo.valuation.features import FeatureReader
from cvo.valuation.models import Models
from cvo.valuation.score import Valuer


class Applied(msgspec.Struct, frozen=True):
    """What applying did: the draft it made (none if nothing differs), and whether it runs by now."""

    draft_id: str | None
    running: bool
    version: str
    differences: list[Difference]
    effect: Effect | None = None


def apply(
    company: Company,
    author: str,
    *,
    approve: bool = False,
    evaluate: bool = True,
    progress: Progress = lambda _step, _done, _total: None,
) -> Applied:
    """Propose the catalogue in the company's folder as a draft, and approve it right away if asked.

    What the log says it would have brought goes on the record with it, or that nobody asked to `evaluate` it.
    Raises `CatalogueError` for a catalogue that can't run, `Conflict` where the author may not approve.
    """
    proposed = read_catalogue(company.folder / "catalogue")
    currency = company.config.currency
    check_runs(proposed, currency)
    _check_scores(proposed, running_models(company.store, proposed), currency)
    running = running_catalogue(company.store)
    changed = differences(running, proposed)
    if not changed and running_version(company.store) is not None:
        return Applied(None, True, proposed.version, [])
    if approve:
        may_approve(company, author, author)
    check_steps(running, proposed)
    effect = effect_of(company, proposed, changed, progress) if evaluate else NOT_ASKED
    with company.store.unit_of_work() as work:
        step = propose(work, company, proposed, author, effect)
        if approve:
            number = len(company.store.changes(CATALOGUE_CHANGE)) + 2
            _record(work, company, number, author, msgspec.structs.replace(step, verdict=Verdict.APPROVED))
    return Applied(step.draft_id, approve, proposed.version, changed, effect)


def propose(
    work: UnitOfWork, company: Company, proposed: Catalogue, author: str, effect: Effect | None = None
) -> Change:
    """Record a catalogue as a draft; raises `CatalogueError` for a step that an action can't take."""
    running = running_catalogue(company.store)
    check_steps(running, proposed)
    number = len(company.store.changes(CATALOGUE_CHANGE)) + 1
    before = running_version(company.store)
    changed = differences(running, proposed)
    step = Change(f"draft-{number:06}", Verdict.PROPOSED, before, proposed.version, changed, effect=effect)
    work.keep(proposed.version, catalogue_bytes(proposed))
    _record(work, company, number, author, step)
    return step


def settle(company: Company, draft_id: str, author: str, verdict: Verdict, because: str = "") -> Applied:
    """Approve or reject a draft; raises `Conflict` if it is settled, out of date, or the author's own."""
    if verdict is Verdict.PROPOSED:
        raise InvalidInput("a draft is settled by approving or rejecting it")
    proposal, step = open_draft(company, draft_id)
    if verdict is Verdict.APPROVED:
        may_approve(company, author, proposal.author)
        if step.before != running_version(company.store):
            raise Conflict(f"{draft_id} was made before the catalogue changed; apply it anew")
        check_steps(running_catalogue(company.store), kept_catalogue(company.store, step.after))
    with company.store.unit_of_work() as work:
        settle_in(work, company, msgspec.structs.replace(step, verdict=verdict, because=because), author)
    return Applied(draft_id, verdict is Verdict.APPROVED, step.after, step.differences, step.effect)


def open_draft(company: Company, draft_id: str) -> tuple[Logged, Change]:
    """Return the proposal of a draft; raises `NotFound` for none of that id, `Conflict` if it is settled."""
    steps = [
        (change, step)
        for change in recorded(company.store, CATALOGUE_CHANGE)
        if (step := msgspec.msgpack.decode(change.body, type=Change)).draft_id == draft_id
    ]
    if not steps:
        raise NotFound(f"there is no draft {draft_id!r}")
    if len(steps) > 1:
        raise Conflict(f"{draft_id} was {steps[-1][1].verdict} by {steps[-1][0].author} already")
    return steps[0]


def settle_in(work: UnitOfWork, company: Company, settled: Change, author: str) -> None:
    """Record the verdict on a draft that was open until now."""
    _record(work, company, len(company.store.changes(CATALOGUE_CHANGE)) + 1, author, settled)


def check_runs(catalogue: Catalogue, currency: str) -> None:
    """Raise `CatalogueError` now for what would else fail at the first decision."""
    assumptions_of(catalogue)
    FeatureReader(catalogue, currency)
    for placement in catalogue.placements:
        Qualifier(catalogue, placement, currency)


def _check_scores(catalogue: Catalogue, models: Models, currency: str) -> None:
    """Raise now what models that were learned with another catalogue would raise at the first decision."""
    Valuer(catalogue, models, currency).design([])


def may_approve(company: Company, author: str, proposer: str) -> None:
    """Raise `Conflict` where somebody may not approve what somebody proposed."""
    owners = company.config.owners
    if author not in owners:
        raise Conflict(f"{author!r} is not an owner; only {', '.join(owners) or 'nobody yet'} can approve")
    if len(owners) > 1 and author == proposer:
        raise Conflict(f"{author!r} made the draft; another owner has to approve it")


def _record(work: UnitOfWork, company: Company, number: int, author: str, step: Change) -> None:
    body = msgspec.msgpack.encode(step)
    work.record_change(
        Logged(f"{CATALOGUE_CHANGE}-{number:06}", company.clock.now(), author, CATALOGUE_CHANGE, body)
    )
