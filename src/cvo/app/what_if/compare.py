"""The comparison: what the candidate would have brought more than what runs, for whom, by whose actions."""

from collections.abc import Callable, Mapping
from functools import partial

import msgspec
import numpy as np
from numpy.typing import NDArray

from cvo.actions.catalogue import Catalogue
from cvo.actions.drafts import Difference
from cvo.app.company import Company
from cvo.app.off_policy import PER, net, per, predicted
from cvo.app.state import running_models
from cvo.app.what_if.afterwards import afterwards
from cvo.app.what_if.candidate import Candidate
from cvo.app.what_if.estimators import DOUBLY_ROBUST, ESTIMATORS, draws_of, estimators, grade_of
from cvo.app.what_if.learners import rechosen
from cvo.app.what_if.log import FloatArray, Log, read_log
from cvo.app.what_if.looks import Look, looks
from cvo.app.what_if.parts import Part, segment_parts, segments, team_parts, team_scores
from cvo.app.what_if.reach import Answers, Made, Reach, Rechosen, answers, contact_costs, snapshots
from cvo.app.what_if.scarce import Walk, touched
from cvo.app.what_if.unknowing import PERSON, knowing, usual
from cvo.core.clock import DAY, Instant, to_datetime
from cvo.core.errors import InvalidInput
from cvo.core.evidence import Estimate, NotEstimable
from cvo.decisions.decision import Slot
from cvo.decisions.policy import Policy
from cvo.inference import (
    DEFAULT_GUARD_RAILS,
    GuardRails,
    PolicyScores,
    logging_policy,
    policy_difference,
    policy_value,
)

_ALIKE = 1e-12

Progress = Callable[[str, int, int], None]


class WhatIf(msgspec.Struct, frozen=True, kw_only=True):
    """What a candidate would have brought on the log, against what runs; money is per 1,000 decisions.

    `difference` is by `estimator` and what to decide by; `others` are the same by other estimators, to see whether
    they agree. `value` and `reach` are by policy: `candidate`, `current`, and `value` has `logged`, too, which
    is what was really done. `prices` are by policy and resource: what a unit cost, on average. `teams` add up to the
    doubly robust difference, and are told with no other; segments add up to none. `later_slots` says what is not in
    the figures where placements have several slots. `afterwards` is the ΔCLV and patience of what would be delivered
    more or less: scores count it, and the other figures, of what happened inside the window, don't.
    """

    decisions: int
    customers: int
    since: Instant
    until: Instant
    window_days: int
    currency: str
    changes: list[Difference]
    difference: Estimate | NotEstimable
    afterwards: Estimate | NotEstimable
    others: dict[str, Estimate | NotEstimable]
    value: dict[str, Estimate | NotEstimable]
    reach: dict[str, list[Reach]]
    segments: list[Part]
    teams: list[Part]
    looks: list[Look] | NotEstimable
    prices: dict[str, dict[str, float]]
    estimator: str = DOUBLY_ROBUST
    later_slots: NotEstimable | None = None


def what_if(
    company: Company,
    candidate: Candidate,
    *,
    estimator: str = DOUBLY_ROBUST,
    rails: GuardRails = DEFAULT_GUARD_RAILS,
    progress: Progress = lambda _step, _done, _total: None,
) -> WhatIf | NotEstimable:
    """Evaluate a candidate on every decision of the log whose window has closed; nothing is written.

    Both policies are asked again in the situation as it was, with the models that were known then; what would
    have followed is estimated from draws of known probability, by one of `ESTIMATORS`. `NotEstimable` where the log
    is empty; raises `InvalidInput` for an estimator that there is not.
    """
    if estimator not in ESTIMATORS:
        raise InvalidInput(f"there is no estimator {estimator!r}; known: {', '.join(ESTIMATORS)}")
    log = read_log(company, candidate.catalogue.actions)
    if not log.cases:
        return NotEstimable("no decisions", "the log holds no decision whose outcome window has closed")
    models, total = snapshots(company, log), len(log.cases)
    anew = touched(candidate.running.resources, candidate.catalogue.resources)
    asked = {
        "candidate": (all_along(candidate, candidate.catalogue, log), candidate.settings, candidate.prices),
        "current": (all_along(candidate, candidate.running, log), company.settings, None),
    }
    found: dict[str, Answers] = {}
    costs: dict[str, FloatArray] = {}
    for name, (catalogue, settings, prices) in asked.items():
        tell = _bar(progress, f"Asking the {name} policy", total)
        costs[name] = contact_costs(catalogue, log)
        learner = candidate.learner if name == "candidate" else None
        rechoose: Rechosen = _as_chosen
        made: Made = Policy
        if name == "candidate":
            made = knowing(candidate.unknown)
            rechoose = partial(usual, log) if PERSON in candidate.unknown else rechoose
        if learner is not None:
            told = _bar(progress, f"Teaching {learner}", total)
            rechoose = partial(rechosen, learner, log, cost=costs[name], settings=settings, progress=told)
        walk = Walk(log, catalogue, anew=anew, prices=prices)
        found[name] = answers(
            log, catalogue, settings, models, progress=tell, rechosen=rechoose, made=made, walk=walk
        )
    return _Comparison(company, log, candidate, found=found, costs=costs, rails=rails).told(estimator)


def all_along(candidate: Candidate, catalogue: Catalogue, log: Log) -> Catalogue:
    """Return a catalogue in which the levers that are proposed stand at all times of the log.

    What is proposed for next month is asked of last month.
    """
    before, after = candidate.running.levers, candidate.catalogue.levers
    begins, ends = to_datetime(log.at[0]), to_datetime(Instant(log.at[-1] + DAY))
    moved = {
        key: msgspec.structs.replace(
            lever, starts_at=min(lever.starts_at, begins), ends_at=max(lever.ends_at, ends)
        )
        for key, lever in catalogue.levers.items()
        if key in after and before.get(key) != after[key]
    }
    return msgspec.structs.replace(catalogue, levers={**catalogue.levers, **moved}) if moved else catalogue


def _bar(progress: Progress, step: str, total: int) -> Callable[[int], None]:
    return lambda done: progress(step, done, total)


def _as_chosen(slots: list[Slot | None]) -> list[Slot | None]:
    return slots


class _Comparison:
    """Everything that one comparison shares: the log as arrays, predictions, scores of both policies."""

    def __init__(
        self,
        company: Company,
        log: Log,
        candidate: Candidate,
        *,
        found: Mapping[str, Answers],
        costs: Mapping[str, FloatArray],
        rails: GuardRails,
    ) -> None:
        self._log, self._candidate, self._found, self._costs, self._rails = (
            log,
            candidate,
            found,
            costs,
            rails,
        )
        self._currency = company.config.currency
        self._models = running_models(company.store, candidate.running)
        self._unit = f"{self._currency} per {PER:,} decisions"
        self._data = draws_of(log)
        self._predicted = predicted(
            log.design,
            log.got,
            log.margin,
            customers=log.customers,
            options=len(log.options),
            seed=company.config.seed,
        )
        self._targets = {name: each.probabilities for name, each in found.items()}

    def told(self, estimator: str) -> WhatIf:
        data, log, unit = self._data, self._log, self._unit
        catalogues = self._candidate.catalogue, self._candidate.running
        scores = {
            name: self._scores(each)
            for name, each in estimators(data, log, self._predicted, catalogues).items()
        }
        found = {name: self._difference(both, name) for name, both in scores.items()}
        headline, robust = found.pop(estimator), scores[estimator]
        paid = self._costs["current"][np.arange(len(log.got)), log.got]
        logged = net(logging_policy(data), paid)
        changed = PER * (robust["candidate"].by_row - robust["current"].by_row)
        # Where both answer alike, what is left is rounding, and would stand out against no spread at all.
        changed[self._alike()] = 0.0
        # Where the log supports no difference as a whole, it supports none in part.
        refused, customers = isinstance(headline, NotEstimable), np.array(log.customers)
        in_segments = (
            []
            if isinstance(headline, NotEstimable)
            else segment_parts(segments(log), changed, customers, unit, headline.grade)
        )
        return WhatIf(
            decisions=len(log.cases),
            customers=data.units,
            since=log.at[0],
            until=log.at[-1],
            window_days=log.window_days,
            currency=self._currency,
            changes=self._candidate.changes,
            difference=headline,
            afterwards=self._afterwards(),
            others=found,
            value={
                **{name: self._value(each, estimator) for name, each in robust.items()},
                "logged": self._value(logged, DOUBLY_ROBUST),
            },
            reach={name: each.reach for name, each in self._found.items()},
            segments=in_segments,
            teams=[] if refused or estimator != DOUBLY_ROBUST else team_parts(self._teams(), customers, unit),
            looks=headline
            if isinstance(headline, NotEstimable)
            else looks(log, self._targets, self._costs, self._alike()),
            prices={name: each.prices for name, each in self._found.items()},
            estimator=estimator,
            later_slots=later_slots(log),
        )

    def _scores(self, estimator: Callable[[FloatArray], PolicyScores]) -> dict[str, PolicyScores]:
        return {
            name: net(estimator(target), (target * self._costs[name]).sum(axis=1))
            for name, target in self._targets.items()
        }

    def _difference(self, both: Mapping[str, PolicyScores], estimator: str) -> Estimate | NotEstimable:
        candidate, current = both["candidate"], both["current"]
        return per(
            policy_difference(
                candidate, current, unit=self._unit, rails=self._rails, grade=grade_of(estimator)
            )
        )

    def _value(self, scores: PolicyScores, estimator: str) -> Estimate | NotEstimable:
        return per(policy_value(scores, unit=self._unit, rails=self._rails, grade=grade_of(estimator)))

    def _afterwards(self) -> Estimate | NotEstimable:
        catalogues = {"candidate": self._candidate.catalogue, "current": self._candidate.running}
        return afterwards(self._log, self._targets, catalogues, self._models, self._currency, per=PER)

    def _alike(self) -> NDArray[np.bool_]:
        pairs = (self._targets, {name: self._targets[name] * self._costs[name] for name in self._targets})
        gaps = [np.abs(each["candidate"] - each["current"]).max(axis=1) for each in pairs]
        alike: NDArray[np.bool_] = np.maximum(*gaps) < _ALIKE
        return alike

    def _teams(self) -> dict[str, FloatArray]:
        actions = {**self._candidate.running.actions, **self._candidate.catalogue.actions}
        teams = team_scores(self._log, self._predicted, self._targets, self._costs, actions)
        return {team: PER * scores for team, scores in teams.items()}


def later_slots(log: Log) -> NotEstimable | None:
    """Return what a comparison of first slots leaves out, if there are others."""
    if not log.later_slots:
        return None
    return NotEstimable(
        "several slots",
        f"{log.later_slots:,} of {len(log.cases):,} decisions filled further slots; the difference is that of first "
        "slots, with later ones as they were",
    )
