"""Tune: how much to explore, from what other settings would have brought on the company's own log.

Every candidate is asked again in every situation of the log with the models known then, and scored doubly robust
on the draws that were made. What more exploration would have *taught* is not in these figures. So the proposal is
not the setting with the highest figure, which is biased towards being greedy, but the one that explores most among
those whose figure is within one standard error of it: exploration that costs nothing one could measure.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import product

import msgspec
import numpy as np
from numpy.typing import NDArray

from cvo.actions.settings import Settings
from cvo.app.company import Company
from cvo.app.off_policy import FOLDS, PER, FloatArray, net, per, predicted
from cvo.app.state import running_catalogue
from cvo.app.what_if.compare import Progress
from cvo.app.what_if.estimators import draws_of
from cvo.app.what_if.log import Log, read_log
from cvo.app.what_if.reach import answers, contact_costs, snapshots
from cvo.core.errors import InvalidInput
from cvo.core.evidence import Estimate, Grade, NotEstimable
from cvo.inference import (
    DEFAULT_GUARD_RAILS,
    GuardRails,
    PolicyScores,
    clustered_mean,
    doubly_robust,
    folds_by_hash,
    policy_difference,
)

EXPLORATIONS = (0.1, 0.25, 0.5, 1.0, 2.0)


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """One combination of settings: what it would have brought more than what runs, and how much it explores.

    `difference` is per 1,000 decisions; `entropy` is the mean of −Σ p·ln p over decisions, 0 where every choice is
    certain.
    """

    exploration: float
    optimistic: bool
    floor: float
    runs: bool
    difference: Estimate | NotEstimable
    entropy: float


class Tuning(msgspec.Struct, frozen=True, kw_only=True):
    """All combinations, which one is proposed, and what choosing like that would have brought.

    `worth` is the difference of settings chosen on other customers than those they are scored on, so that being chosen
    can't flatter them; it belongs to the way of choosing. `proposed` is missing where the log supports no comparison.
    """

    settings: list[Setting]
    proposed: Setting | None
    worth: Estimate | NotEstimable
    decisions: int
    customers: int
    window_days: int
    currency: str


def tune(
    company: Company,
    *,
    explorations: Iterable[float] = EXPLORATIONS,
    floors: Iterable[float] = (),
    rails: GuardRails = DEFAULT_GUARD_RAILS,
    progress: Progress = lambda _step, _done, _total: None,
) -> Tuning | NotEstimable:
    """Compare combinations of exploration, plain or optimistic, and floors with what runs; nothing is changed.

    What runs is always among them, and its floor where `floors` names none. Raises `InvalidInput` for impossible
    settings; `NotEstimable` where the log has no closed window.
    """
    log = read_log(company, [])
    if not log.cases:
        return NotEstimable("no decisions", "the log holds no decision whose outcome window has closed")
    running = company.settings
    candidates = _candidates(running, explorations, tuple(floors) or (running.floor,))
    trial = _Trial(company, log, rails)
    total = len(candidates) * len(log.cases)

    def tell(done: int) -> None:
        progress("Trying settings", done, total)

    return trial.tuning(candidates, [trial.scored(each, tell) for each in candidates])


def _candidates(running: Settings, explorations: Iterable[float], floors: Iterable[float]) -> list[Settings]:
    """Return what runs, first, and every combination that differs from it."""
    wanted = [
        msgspec.structs.replace(running, exploration=exploration, optimistic=optimistic, floor=floor)
        for floor, optimistic, exploration in product(
            dict.fromkeys(floors), (False, True), dict.fromkeys(explorations)
        )
    ]
    for each in wanted:
        msgspec.convert(msgspec.to_builtins(each), Settings)
    if not wanted:
        raise InvalidInput("no exploration to try; name one at least")
    return list(dict.fromkeys([running, *wanted]))


class _Scored(msgspec.Struct, frozen=True, eq=False):
    scores: PolicyScores
    entropy: float


class _Trial:
    """The log as arrays, with predictions that every combination is scored with."""

    def __init__(self, company: Company, log: Log, rails: GuardRails) -> None:
        self._log, self._rails, self._company = log, rails, company
        self._catalogue = running_catalogue(company.store)
        self._models = snapshots(company, log)
        self._data = draws_of(log)
        self._customers = np.array(log.customers)
        self._expected = predicted(
            log.design,
            log.got,
            log.margin,
            customers=log.customers,
            options=len(log.options),
            seed=company.config.seed,
        )

    def scored(self, settings: Settings, progress: Callable[[int], None]) -> _Scored:
        log = self._log
        given = answers(log, self._catalogue, settings, self._models, progress=progress).probabilities
        cost = (given * contact_costs(self._catalogue, log)).sum(axis=1)
        entropy = -(given * np.log(np.where(given > 0, given, 1.0))).sum(axis=1).mean()
        return _Scored(net(doubly_robust(self._data, given, self._expected), cost), float(entropy))

    def tuning(self, candidates: Sequence[Settings], scored: Sequence[_Scored]) -> Tuning:
        running, unit = scored[0].scores, f"{self._company.config.currency} per {PER:,} decisions"
        found = [
            Setting(
                exploration=settings.exploration,
                optimistic=settings.optimistic,
                floor=settings.floor,
                runs=number == 0,
                difference=per(policy_difference(each.scores, running, unit=unit, rails=self._rails)),
                entropy=each.entropy,
            )
            for number, (settings, each) in enumerate(zip(candidates, scored, strict=True))
        ]
        usable = [n for n, each in enumerate(found) if isinstance(each.difference, Estimate)]
        proposed: Setting | None = None
        worth: Estimate | NotEstimable = NotEstimable("refused", "the log supports none of these settings")
        if usable:
            more = np.array([PER * (scored[n].scores.by_row - running.by_row) for n in usable])
            entropy = np.array([found[n].entropy for n in usable])
            proposed = found[usable[chosen(more, entropy, self._customers)]]
            worth = worth_of_choosing(
                more, entropy, self._customers, unit=unit, seed=self._company.config.seed
            )
        return Tuning(
            settings=found,
            proposed=proposed,
            worth=worth,
            decisions=len(self._log.cases),
            customers=self._data.units,
            window_days=self._log.window_days,
            currency=self._company.config.currency,
        )


def chosen(more: FloatArray, entropy: FloatArray, customers: NDArray[np.str_]) -> int:
    """Return which of m settings explores most among those within one standard error of the best.

    `more` (m, n) are scores over n decisions, `entropy` (m,) how much each explores, `customers` (n,) the units.
    """
    best = int(more.mean(axis=1).argmax())
    within = [best]
    for number in range(len(more)):
        short = clustered_mean(more[best] - more[number], clusters=customers, unit="", grade=Grade.MEASURED)
        if isinstance(short, Estimate) and short.value <= short.standard_error:
            within.append(number)
    return max(within, key=lambda number: float(entropy[number]))


def worth_of_choosing(
    more: FloatArray, entropy: FloatArray, customers: NDArray[np.str_], *, unit: str, seed: str
) -> Estimate | NotEstimable:
    """Estimate what such a choice brings: made on four fifths of the customers, scored on the fifth left over."""
    folds = folds_by_hash(customers, fold_count=FOLDS, seed=f"{seed} tune")
    scores = np.empty(len(folds))
    for fold in np.unique(folds):
        mine = folds == fold
        scores[mine] = more[chosen(more[:, ~mine], entropy, customers[~mine])][mine]
    return clustered_mean(scores, clusters=customers, unit=unit, grade=Grade.MEASURED)
