"""Starting a rollout, and stopping one by hand."""

import msgspec

from cvo.actions.drafts import check_steps
from cvo.app.apply import may_approve, open_draft, propose
from cvo.app.company import Company
from cvo.app.learn import longest_window
from cvo.app.rollout.judge import advance
from cvo.app.rollout.outcomes import Outcomes
from cvo.app.rollout.record import Run, latest, record, runs
from cvo.app.state import kept_catalogue
from cvo.app.what_if.candidate import Candidate
from cvo.core.clock import Instant
from cvo.core.errors import Conflict, InvalidInput, NotFound
from cvo.core.evidence import NotEstimable
from cvo.decisions.rollout import STEPS, RolloutPlan, Verdict

USUAL_DELTA = 0.1
"""The loss that must not go unnoticed where nobody says which, in standard deviations of an outcome."""


def start(
    company: Company,
    candidate: Candidate,
    author: str,
    *,
    draft_id: str = "",
    delta: float | None = None,
    outcome_sd: float | None = None,
    steps: tuple[float, ...] = STEPS,
) -> Run:
    """Begin to decide with a candidate for a first share of customers; return how the rollout stands.

    `delta` and `outcome_sd` are money a customer and window (see `RolloutPlan`): a tenth of the other, and what
    windows closed so far vary by. A changed catalogue becomes a draft, unless it is one: `draft_id`. Raises
    `Conflict` while another rollout goes on or where the author may not approve, `InvalidInput` for a candidate
    that is no change, or that answers nothing at a placement which runs.
    """
    _check(company, candidate)
    if candidate.catalogue != candidate.running:
        proposer = open_draft(company, draft_id)[0].author if draft_id else author
        may_approve(company, author, proposer)
    now, running = company.clock.now(), company.policy()
    days = max(longest_window(candidate.running), longest_window(candidate.catalogue))
    sd = outcome_sd or _usual_sd(company, running.catalogue.version, days, now)
    plan = RolloutPlan(delta=USUAL_DELTA * sd if delta is None else delta, outcome_sd=sd, steps=steps)
    with company.store.unit_of_work() as work:
        if candidate.catalogue != candidate.running and not draft_id:
            draft_id = propose(work, company, candidate.catalogue, author).draft_id
        run = Run(
            name=f"rollout-{len({run.name for run in runs(company.store)}) + 1}",
            plan=plan,
            catalogue=candidate.catalogue.version,
            settings=candidate.settings,
            before_catalogue=running.catalogue.version,
            before_settings=running.settings,
            window_days=days,
            draft_id=draft_id,
            author=author,
            started_at=now,
            since=Instant(now + 1),
            judged_at=now,
        )
        record(work, company.store, run, now, author)
    return run


def stop(company: Company, author: str, because: str) -> Run:
    """End the rollout that goes on: everybody gets what ran before. Raises `NotFound` where none does."""
    run = latest(company.store)
    if run is None or not run.running:
        raise NotFound("no rollout goes on; `cvo rollout start` begins one")
    said = f"stopped by {author}" + (f": {because}" if because else "")
    ended = msgspec.structs.replace(run.rollout, verdict=Verdict.STOPPED, reason=said)
    run = msgspec.structs.replace(run, rollout=ended, judged_at=company.clock.now())
    advance(company, run, author)
    return run


def _check(company: Company, candidate: Candidate) -> None:
    going_on = latest(company.store)
    if going_on is not None and going_on.running:
        raise Conflict(f"{going_on.name} goes on; wait for its end, or end it with `cvo rollout stop`")
    if candidate.only_on_the_log:
        raise InvalidInput(
            f"{candidate.only_on_the_log} can be evaluated, not rolled out: it does not decide for customers"
        )
    if not candidate.changes:
        raise InvalidInput("the candidate is what runs already: there is nothing to roll out")
    check_steps(candidate.running, candidate.catalogue)
    missing = candidate.running.placements.keys() - candidate.catalogue.placements.keys()
    if missing:
        raise InvalidInput(
            f"the candidate has no placement {min(missing)}, where decisions are asked for; keep it until nobody does"
        )


def _usual_sd(company: Company, catalogue: str, days: int, now: Instant) -> float:
    usual = Outcomes(company, catalogue, days).expectation(now)
    if isinstance(usual, NotEstimable):
        raise InvalidInput(f"{usual.detail}; say by how much customers differ with --outcome-sd")
    if usual.sd == 0:
        raise InvalidInput(
            "every customer brought the same so far; say by how much they differ with --outcome-sd"
        )
    return usual.sd


def draft_candidate(company: Company, draft_id: str) -> Candidate:
    """Return a draft that is open as a candidate, with the settings that decide."""
    _, step = open_draft(company, draft_id)
    running = company.policy()
    if step.before != running.catalogue.version:
        raise Conflict(f"{draft_id} was made before the catalogue changed; apply it anew")
    return Candidate(
        kept_catalogue(company.store, step.after), running.settings, running.catalogue, step.differences
    )
