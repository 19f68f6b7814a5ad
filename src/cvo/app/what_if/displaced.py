"""Displacement: what runs against itself without one thing, on the log: an action, a lever, something it knows."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import msgspec
import numpy as np

from cvo.actions.catalogue import Catalogue
from cvo.app.company import Company
from cvo.app.off_policy import PER, net, per, predicted
from cvo.app.state import running_catalogue
from cvo.app.what_if.candidate import UNKNOWN, without_action, without_entry
from cvo.app.what_if.compare import later_slots
from cvo.app.what_if.estimators import draws_of
from cvo.app.what_if.log import FloatArray, Log, read_log
from cvo.app.what_if.parts import FALSE_DISCOVERIES
from cvo.app.what_if.reach import Made, Rechosen, answers, contact_costs, snapshots
from cvo.app.what_if.unknowing import PERSON, knowing, usual
from cvo.core.clock import Instant
from cvo.core.evidence import Estimate, NotEstimable
from cvo.decisions.decision import Slot
from cvo.decisions.policy import Policy
from cvo.inference import (
    DEFAULT_GUARD_RAILS,
    GuardRails,
    PolicyScores,
    discoveries,
    doubly_robust,
    policy_difference,
)
from cvo.valuation.models import Models

_NOTHING_ELSE = 1e-9
"""Less than this share of decisions is rounding."""

Progress = Callable[[str, int, int], None]


class Displaced(msgspec.Struct, frozen=True):
    """What it brought that something was there: the value of what runs, less that of the same without it.

    `value` is money per 1,000 decisions, below 0 what it cost. `share` is of the decisions: as many at least would have
    come to customers otherwise without it. `took` are deliveries per 1,000 decisions that others lost to it, by action,
    doing nothing under the empty name. `stands_out` tells whether the value differs from 0 where a tenth of all such
    claims may be false.
    """

    name: str
    share: float
    took: dict[str, float]
    value: Estimate | NotEstimable
    stands_out: bool


class Displacement(msgspec.Struct, frozen=True, kw_only=True):
    """What every action displaced, what every lever cost, and what it is worth to know context, history and person.

    `later_slots` says what is not in the figures where placements have several slots.
    """

    decisions: int
    customers: int
    since: Instant
    until: Instant
    window_days: int
    currency: str
    actions: list[Displaced]
    levers: list[Displaced]
    knowing: list[Displaced]
    later_slots: NotEstimable | None = None


def displacement(
    company: Company,
    *,
    since: Instant | None = None,
    until: Instant | None = None,
    rails: GuardRails = DEFAULT_GUARD_RAILS,
    progress: Progress = lambda _step, _done, _total: None,
) -> Displacement | NotEstimable:
    """Ask what runs about every decision of the log, as it is and without one thing after the other.

    Decisions count from `since` on, if their window closed by `until`. The log is asked once for each action that is
    ever picked, each lever, and each of context, history and person: this takes as many times as long as `what_if`
    takes. `NotEstimable` where the log is empty.
    """
    catalogue = running_catalogue(company.store)
    log = read_log(company, (), since=since, until=until)
    if not log.cases:
        return NotEstimable("no decisions", "the log holds no decision whose outcome window has closed")
    asked = _Asked(company, log, catalogue, rails, progress)
    actions = [key for key in catalogue.action_ids if asked.delivers(key)]
    found = {
        "actions": [asked.without(key, without_action(catalogue, key)) for key in actions],
        "levers": [
            asked.without(key, without_entry(catalogue, "levers", "lever", key))
            for key in sorted(catalogue.levers)
        ],
        "knowing": [asked.unknowing(name) for name in UNKNOWN],
    }
    return Displacement(
        decisions=len(log.cases),
        customers=len(set(log.customers)),
        since=log.at[0],
        until=log.at[-1],
        window_days=log.window_days,
        currency=company.config.currency,
        later_slots=later_slots(log),
        **_standing_out(found),
    )


class _Asked:
    """What runs, asked once, beside which everything else is held."""

    def __init__(
        self, company: Company, log: Log, catalogue: Catalogue, rails: GuardRails, progress: Progress
    ) -> None:
        self._company, self._log, self._catalogue = company, log, catalogue
        self._rails, self._progress = rails, progress
        self._models: Sequence[Models] = snapshots(company, log)
        self._data = draws_of(log)
        self._predicted = predicted(
            log.design,
            log.got,
            log.margin,
            customers=log.customers,
            options=len(log.options),
            seed=company.config.seed,
        )
        self._costs = contact_costs(catalogue, log)
        self._current = self._answers("what runs", catalogue)
        self._scores = self._scored(self._current)

    def delivers(self, action: str) -> bool:
        """Tell whether what runs ever does an action."""
        return bool(self._current[:, self._log.options.index(action)].sum() > 0)

    def without(self, name: str, catalogue: Catalogue) -> Displaced:
        """Return what an entry of the catalogue displaced, given the catalogue without it."""
        return self._displaced(name, self._answers(f"without {name}", catalogue))

    def unknowing(self, name: str) -> Displaced:
        """Return what knowing something changed."""
        rechosen: Rechosen = partial(usual, self._log) if name == PERSON else _as_chosen
        step = f"without the {name}"
        return self._displaced(name, self._answers(step, self._catalogue, knowing([name]), rechosen))

    def _answers(
        self,
        step: str,
        catalogue: Catalogue,
        made: Made = Policy,
        rechosen: Rechosen = lambda slots: slots,
    ) -> FloatArray:
        settings, total = self._company.settings, len(self._log.cases)

        def tell(done: int) -> None:
            self._progress(f"Asking {step}", done, total)

        found = answers(
            self._log, catalogue, settings, self._models, progress=tell, rechosen=rechosen, made=made
        )
        return found.probabilities

    def _scored(self, target: FloatArray) -> PolicyScores:
        cost = (target * self._costs).sum(axis=1)
        return net(doubly_robust(self._data, target, self._predicted), cost)

    def _displaced(self, name: str, without: FloatArray) -> Displaced:
        change = without - self._current
        share = float(np.abs(change).sum(axis=1).mean()) / 2
        gained = (PER * change.mean(axis=0)).tolist()
        took = {
            option: amount
            for option, amount in zip(self._log.options, gained, strict=True)
            if amount > PER * _NOTHING_ELSE
        }
        return Displaced(name, share, took, self._value(share, without), stands_out=False)

    def _value(self, share: float, without: FloatArray) -> Estimate | NotEstimable:
        if share < _NOTHING_ELSE:
            return NotEstimable("nothing displaced", "every decision of the log would have been the same")
        unit = f"{self._company.config.currency} per {PER:,} decisions"
        return per(policy_difference(self._scores, self._scored(without), unit=unit, rails=self._rails))


def _as_chosen(slots: list[Slot | None]) -> list[Slot | None]:
    return slots


def _standing_out(found: Mapping[str, list[Displaced]]) -> dict[str, list[Displaced]]:
    """Mark those that stand out among all claims that are made together."""
    claims = [each.value for some in found.values() for each in some]
    marks = iter(discoveries(claims, rate=FALSE_DISCOVERIES).tolist())
    return {
        name: [msgspec.structs.replace(each, stands_out=next(marks)) for each in some]
        for name, some in found.items()
    }
