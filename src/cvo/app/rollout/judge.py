"""Judging a rollout: whose window has closed is scored, and the rollout stops, stays, or goes on."""

import msgspec
import numpy as np
import polars as pl

from cvo.actions.drafts import Difference, differences
from cvo.actions.drafts import Verdict as DraftVerdict
from cvo.app.apply import open_draft, settle_in
from cvo.app.company import Company
from cvo.app.records import records
from cvo.app.rollout.outcomes import Outcomes
from cvo.app.rollout.record import Run, changed_since, latest, record
from cvo.app.state import kept_catalogue
from cvo.app.what_if.candidate import setting_differences
from cvo.core.clock import Instant
from cvo.core.digest import digest
from cvo.core.evidence import Interval, NotEstimable
from cvo.core.ids import DecisionId
from cvo.decisions.decision import Arm, Purpose
from cvo.decisions.rollout import Rollout, Verdict, difference, observe, share


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a rollout stands: who gets the candidate now, and what it brings more than what runs.

    `difference` is money a customer and window, valid however often one looks.
    """

    run: Run
    share: float
    difference: Interval | NotEstimable
    unit: str
    changes: list[Difference]


def standing(company: Company, run: Run) -> Standing:
    """Return how a rollout stands as it was last judged."""
    versions = run.before_catalogue, run.catalogue
    catalogues = [kept_catalogue(company.store, version) for version in versions]
    return Standing(
        run=run,
        share=share(run.plan, run.rollout),
        difference=difference(run.plan, run.rollout),
        unit=f"{company.config.currency} a customer and window",
        changes=[*differences(*catalogues), *setting_differences(run.before_settings, run.settings)],
    )


def judge(company: Company, author: str) -> Run | None:
    """Score what has closed by now and record what follows; `None` where nothing did, or no rollout goes on."""
    run = judged(company, company.clock.now())
    if run is not None:
        advance(company, run, author)
    return run


def judged(company: Company, as_of: Instant) -> Run | None:
    """Return the rollout after scoring the windows closed by a time, or `None` for none; nothing is written.

    A customer counts once a step, from their first decision in it; outcomes are theirs from there to the window's
    end by the causal join, and what is expected of them was learned from windows closed before the rollout began.
    """
    run = latest(company.store)
    if run is None or not run.running:
        return None
    changed = changed_since(run, company.store, company.settings)
    if changed:
        said = f"{changed} that it was compared with was changed on the way"
        return _moved(run, msgspec.structs.replace(run.rollout, verdict=Verdict.STOPPED, reason=said), as_of)
    outcomes = Outcomes(company, run.before_catalogue, run.window_days)
    starts = outcomes.closed(_first_decisions(company, run, outcomes.tables.decisions), run.judged_at, as_of)
    if starts.is_empty():
        return None
    expectation = outcomes.expectation(run.started_at)
    expected = 0.0 if isinstance(expectation, NotEstimable) else expectation.of(outcomes.situations(starts))
    got = starts["candidate"].to_numpy()
    return _moved(run, observe(run.plan, run.rollout, got, outcomes.net(starts), expected), as_of)


def advance(company: Company, run: Run, author: str) -> None:
    """Record a rollout as judged; a promotion approves its catalogue, a stop rejects it."""
    with company.store.unit_of_work() as work:
        record(work, company.store, run, run.judged_at, author)
        if run.draft_id and not run.running:
            verdict = DraftVerdict.APPROVED
            if run.rollout.verdict is Verdict.STOPPED:
                verdict = DraftVerdict.REJECTED
            _, step = open_draft(company, run.draft_id)
            because = run.rollout.reason or f"promoted by {run.name}"
            settled = msgspec.structs.replace(step, verdict=verdict, because=because)
            settle_in(work, company, settled, run.author)


def _moved(run: Run, rollout: Rollout, as_of: Instant) -> Run:
    # The next step begins with the first decision after this moment.
    since = run.since if rollout.step == run.rollout.step else Instant(as_of + 1)
    return msgspec.structs.replace(run, rollout=rollout, since=since, judged_at=as_of)


def _first_decisions(company: Company, run: Run, decisions: pl.DataFrame) -> pl.DataFrame:
    """Return each customer's first decision of our own in the step, and whether the candidate made it.

    Which of the two decided is read off the record, not off the coin: were they ever to differ, the check of
    the shares would tell.
    """
    settings, candidates = digest(run.settings), dict[DecisionId, bool]()
    read = records(company.store)
    for logged in company.store.decisions(Purpose.LIVE):
        if logged.at >= run.since:
            made = read(logged.body)
            if made.arm is Arm.TREATED:
                pins = made.pins.catalogue, made.pins.settings
                candidates[made.decision_id] = pins == (run.catalogue, settings)
    who = pl.DataFrame(
        {"decision_id": list(candidates), "candidate": np.array(list(candidates.values()), dtype=np.bool_)},
        schema={"decision_id": pl.String, "candidate": pl.Boolean},
    )
    return (
        decisions.join(who, on="decision_id", how="inner", maintain_order="left")
        .sort("person_id", "at", maintain_order=True)
        .unique("person_id", keep="first", maintain_order=True)
    )
