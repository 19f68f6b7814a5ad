"""The company as a Python object: the product's verbs as methods that return frozen, typed values."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from cvo.actions.drafts import Verdict
from cvo.app import company as opened
from cvo.app.apply import Applied, apply, settle
from cvo.app.audit import Step, steps
from cvo.app.decide import decide, rehearse
from cvo.app.drift import Drift, drift
from cvo.app.drift.report import WEEKS
from cvo.app.experiments.enrolment import Enrolled, enrol
from cvo.app.experiments.registry import Registered, end, register
from cvo.app.experiments.status import Status, status
from cvo.app.export import Exported, export_pdstools
from cvo.app.ingest import Ingested, ingest
from cvo.app.learn import Learned, learn
from cvo.app.replay import logged, replay
from cvo.app.rollout.judge import Standing, judge, standing
from cvo.app.rollout.record import latest
from cvo.app.rollout.start import draft_candidate, start, stop
from cvo.app.run import Ran, run
from cvo.app.tune import EXPLORATIONS, Tuning, tune
from cvo.app.value import Bank, Growth, Value, facts_of, growth_of, read_question, value, value_bank
from cvo.app.what_if import DOUBLY_ROBUST, WhatIf, displacement, read_candidate, what_if
from cvo.app.why import Why, why
from cvo.core.errors import InvalidInput, NotFound
from cvo.core.evidence import NotEstimable
from cvo.decisions.decision import Decision, Purpose
from cvo.decisions.replay import Replay
from cvo.decisions.rollout import STEPS
from cvo.events.event import Scalar
from cvo.events.message import user
from cvo.experiments import Metric, Registration
from cvo.profiles.profile import Profile


class Company(opened.Company):
    """A company to work with; made by `cvo.open` or `cvo.init`, closed by `close()` or a `with` block.

    `author` in the verbs that change something defaults to the sole owner of the company.
    """

    def apply(
        self,
        *,
        author: str | None = None,
        approve: bool = False,
        evaluate: bool = True,
        progress: Callable[[str, int, int], None] = lambda _step, _done, _total: None,
    ) -> Applied:
        """Make the catalogue in the company's folder a draft with its evaluated effect, and approve it if asked."""
        return apply(self, self._author(author), approve=approve, evaluate=evaluate, progress=progress)

    def drafts(self) -> list[Step]:
        """Return every proposal, approval and rejection, the earliest first, with its evaluated effect."""
        return steps(self)

    def approve(self, draft_id: str, *, author: str | None = None, because: str = "") -> Applied:
        """Approve a draft: its catalogue runs from now on."""
        return settle(self, draft_id, self._author(author), Verdict.APPROVED, because)

    def reject(self, draft_id: str, *, author: str | None = None, because: str = "") -> Applied:
        """Reject a draft."""
        return settle(self, draft_id, self._author(author), Verdict.REJECTED, because)

    def ingest(self, messages: Iterable[Mapping[str, Any]]) -> Ingested:
        """Take in Segment-shaped messages, durably; bad ones are refused one by one with a reason."""
        return ingest(self, messages)

    def export_pdstools(
        self,
        folder: Path,
        *,
        since: str | None = None,
        until: str | None = None,
        inbound: Iterable[str] | None = None,
    ) -> Exported:
        """Write the log as the Parquet files that pdstools opens; `inbound` are channels that customers come to."""
        period = read_question(since, until, ())
        return export_pdstools(self, folder, period, inbound=None if inbound is None else set(inbound))

    def learn(self, *, author: str | None = None) -> Learned:
        """Learn from all windows closed by now, decide with the result from now on, and judge a rollout."""
        learned = learn(self, self._author(author))
        judge(self, self._author(author))
        return learned

    def decide(
        self,
        customer: str,
        placement: str,
        *,
        context: Mapping[str, Scalar] | None = None,
        rehearse: bool = False,
    ) -> Decision:
        """Decide what is next for a customer at a placement; a rehearsal is logged and has no effect."""
        purpose = Purpose.REHEARSAL if rehearse else Purpose.LIVE
        return decide(self, customer, placement, context=context, purpose=purpose)

    def rehearse(self, customers: Iterable[str], placement: str) -> list[Decision]:
        """Decide for many customers without any effect; the decisions are logged and can be explained."""
        return rehearse(self, list(customers), placement)

    def run(
        self,
        placement: str,
        *,
        segment: str | None = None,
        name: str | None = None,
        rehearse: bool = False,
        out: Path | None = None,
        progress: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> Ran:
        """Decide for everybody, or for whom the rule `segment` holds; a run of the same name is gone on with."""
        purpose = Purpose.REHEARSAL if rehearse else Purpose.LIVE
        return run(self, placement, segment=segment, purpose=purpose, name=name, out=out, progress=progress)

    def decision(self, decision_id: str) -> Decision:
        """Return a decision as it was logged."""
        return logged(self, decision_id)

    def why(
        self, action: str, *, customer: str | None = None, since: str | None = None, until: str | None = None
    ) -> Why:
        """Tell what became of an action in live decisions, for a customer or for all; see `value` for times."""
        return why(self, action, read_question(since, until, ()), customer=customer)

    def replay(self, decision_id: str) -> Replay:
        """Make a logged decision again from the log, and tell whether it is identical."""
        return replay(self, decision_id)

    def profile(self, customer: str) -> Profile | None:
        """Return what is known of a customer, or `None` for one never met."""
        person = self.store.person(user(customer))
        return None if person is None else person.profile

    def value(
        self,
        *,
        since: str | None = None,
        until: str | None = None,
        by: Iterable[str] = (),
        displaced: bool = False,
        progress: Callable[[str, int, int], None] = lambda _step, _done, _total: None,
    ) -> Value:
        """Report what was caused, measured against customers left alone, and what was realised.

        `since` and `until` are RFC 3339 dates or times, `by` columns to split by: stage, action, team, week, month.
        `displaced` adds what each action and lever displaced, which takes a while: `progress` is told how far it is.
        """
        question = read_question(since, until, by)
        found = value(self, question)
        if not displaced:
            return found
        told = displacement(self, since=question.since, until=question.until, progress=progress)
        return msgspec.structs.replace(found, displacement=told)

    def growth(
        self,
        *,
        since: str | None = None,
        until: str | None = None,
        by: Iterable[str] = (),
        against: str | None = None,
    ) -> Growth:
        """Split the change of margin, against as long a stretch before, by its sources; see `value` for times.

        `by` are traits, category features or `segment`: the same for each group; with `against` a group, how the
        others differ from it in the period.
        """
        question = read_question(since, until, ())
        return growth_of(self, facts_of(self, question), question, tuple(by), against)

    def bank(self, *, until: str | None = None) -> Bank:
        """Return what customers have brought, what is expected of them, and how expectations came out.

        `until` is a date or time up to which it is told; see `value`.
        """
        return value_bank(self, read_question(None, until, ()))

    def evaluate(
        self,
        *,
        catalogue: Path | None = None,
        policy: Path | None = None,
        learner: str | None = None,
        without: Iterable[str] = (),
        estimator: str = DOUBLY_ROBUST,
    ) -> WhatIf | NotEstimable:
        """Tell what a change would have brought so far: of the catalogue, or all that a policy file says is different.

        `without` takes something away: `action:ID`, `lever:ID`, `rule:ID`, `limit:ID`, `rest:ID`, `resource:ID`,
        `intent:ID`, `levers`, `context`, `history`, `person`.
        """
        candidate = read_candidate(
            self, catalogue=catalogue, policy=policy, learner=learner, without=tuple(without)
        )
        return what_if(self, candidate, estimator=estimator)

    def tune(
        self,
        *,
        explorations: Iterable[float] = EXPLORATIONS,
        floors: Iterable[float] = (),
        progress: Callable[[str, int, int], None] = lambda _step, _done, _total: None,
    ) -> Tuning | NotEstimable:
        """Compare how much to explore on the log, and propose a setting; nothing is changed."""
        return tune(self, explorations=explorations, floors=floors, progress=progress)

    def drift(self, *, weeks: int = WEEKS) -> Drift | NotEstimable:
        """Tell whether the last full weeks are still like those before, and if not, what moved since when."""
        return drift(self, weeks=weeks)

    def register_experiment(self, registration: Registration, *, author: str | None = None) -> Registered:
        """Put what an experiment will be judged by on the record, before anybody is given an arm."""
        return register(self, registration, self._author(author))

    def enrol(self, experiment: str) -> Enrolled:
        """Give an arm of an experiment to every customer of its traffic who has none."""
        return enrol(self, experiment)

    def experiment(self, name: str, *, also: Iterable[str] = ()) -> Status:
        """Tell how an experiment stands by its registration; `also` names columns to look at, as exploratory."""
        return status(self, name, tuple(Metric(column=column) for column in also))

    def end_experiment(self, name: str, *, author: str | None = None, because: str = "") -> Registered:
        """End an experiment: nobody else is given an arm, and its traffic is free again."""
        return end(self, name, self._author(author), because)

    def start_rollout(
        self,
        *,
        catalogue: Path | None = None,
        policy: Path | None = None,
        draft: str | None = None,
        author: str | None = None,
        delta: float | None = None,
        outcome_sd: float | None = None,
        steps: tuple[float, ...] = STEPS,
    ) -> Standing:
        """Begin to decide with a change for a first share of customers; see `rollout` for how it goes.

        `delta` is the loss a customer and window that must not go unnoticed, in the company's currency; a tenth
        of `outcome_sd`, by which customers' outcomes differ, if not given.
        """
        candidate = (
            draft_candidate(self, draft)
            if draft
            else read_candidate(self, catalogue=catalogue, policy=policy)
        )
        run = start(
            self,
            candidate,
            self._author(author),
            draft_id=draft or "",
            delta=delta,
            outcome_sd=outcome_sd,
            steps=steps,
        )
        return standing(self, run)

    def rollout(self) -> Standing:
        """Tell how the last rollout stands; raises `NotFound` before the first."""
        run = latest(self.store)
        if run is None:
            raise NotFound("there was no rollout yet; `cvo rollout start` begins one")
        return standing(self, run)

    def judge_rollout(self, *, author: str | None = None) -> Standing | None:
        """Score the customers whose windows have closed; `None` where there are none, or no rollout goes on."""
        run = judge(self, self._author(author))
        return None if run is None else standing(self, run)

    def stop_rollout(self, *, because: str = "", author: str | None = None) -> Standing:
        """End the rollout that goes on: everybody gets what ran before."""
        return standing(self, stop(self, self._author(author), because))

    def _author(self, author: str | None) -> str:
        if author:
            return author
        owners = self.config.owners
        if len(owners) != 1:
            raise InvalidInput("say who does this with author=…: the company has no sole owner")
        return owners[0]
