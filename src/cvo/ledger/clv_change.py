"""ΔCLV of an action, measured: what customers who got it brought after its window, against those chance kept it from.

In the window an action may bring an order forward or give a discount away; what it changes afterwards is ΔCLV, and
only a randomised comparison over a horizon that has closed can tell. Both stretches are split by growth accounting:
who bought at all (survival), orders of those (rate), margin of an order. An order merely brought forward is a gain in
the window and a loss afterwards. A lifetime model is no substitute: it takes whom an action hurried for better
customers. Where a horizon is still open, a surrogate may stand in, if cohorts of the same stage validated it.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from cvo.core.clock import DAY, Instant
from cvo.core.evidence import Estimate, NotEstimable
from cvo.core.money import minor_unit
from cvo.inference import DEFAULT_GUARD_RAILS, GuardRails, buyers_refusal, effective_sample_size
from cvo.ledger.contrast import Contrast
from cvo.ledger.growth import Causes, causes_at
from cvo.ledger.surrogate import (
    NO_COHORT,
    SHORT_DAYS,
    Index,
    Surrogate,
    brought,
    learn_index,
    off_by,
    read,
    validated,
)

FloatArray = NDArray[np.float64]
_MEASURED = NotEstimable("measured", "no longer horizon has closed for another action of the stage")


class ClvChange(msgspec.Struct, frozen=True, kw_only=True):
    """What an action changed for a customer who got it, by source, in the window and in `horizon_days` after it.

    Sources are survival (`customers`: bought at all), rate (`orders_per_customer`) and margin (`value_per_order`).
    Where `afterwards` has a reason instead, no horizon has closed for enough customers. `surrogate` is ΔCLV over the
    longest horizon that closed for others of the stage. Without either it is assumed, and 0. Margin is discounted
    to the decision.
    """

    action: str
    window_days: int
    horizon_days: int
    window: Causes | NotEstimable
    afterwards: Causes | NotEstimable
    surrogate: Surrogate | NotEstimable = _MEASURED

    @property
    def change(self) -> Estimate | NotEstimable:
        """Return ΔCLV a customer who got the action, over `change_days`: of the longest horizon there is."""
        if isinstance(self.surrogate, Surrogate):
            return self.surrogate.change
        return self.afterwards if isinstance(self.afterwards, NotEstimable) else self.afterwards.total

    @property
    def change_days(self) -> int:
        """Return the days after the window that `change` covers."""
        return self.surrogate.horizon_days if isinstance(self.surrogate, Surrogate) else self.horizon_days


def clv_changes(
    compared: Sequence[Contrast],
    margin: pl.DataFrame,
    *,
    decisions: pl.DataFrame,
    window_days: Mapping[str, int],
    horizons_days: Sequence[int],
    as_of: Instant,
    currency: str,
    rails: GuardRails = DEFAULT_GUARD_RAILS,
) -> list[ClvChange]:
    """Measure every action over the longest of the horizons that has closed for enough customers.

    `decisions` tell on whom a surrogate may be learned: it gives ΔCLV over the longest horizon that has closed for any
    action of a stage to those for which it has not.
    """
    horizons = sorted(horizons_days)
    measures = [_Measure(each, margin, window_days[each.action], as_of, currency, rails) for each in compared]
    found = [each.over(horizons) for each in measures]
    indices: dict[int, Index | NotEstimable] = {}

    def index(days: int) -> Index | NotEstimable:
        if days not in indices:
            indices[days] = learn_index(decisions, margin, days - SHORT_DAYS, as_of, currency)
        return indices[days]

    for numbers in _stages(compared):
        part = _with_surrogates([measures[n] for n in numbers], [found[n] for n in numbers], index)
        for number, each in zip(numbers, part, strict=True):
            found[number] = each
    return found


def _stages(compared: Sequence[Contrast]) -> list[list[int]]:
    """Return the numbers of the contrasts of each stage: for what an index was validated on it may be used."""
    stages: dict[str, list[int]] = {}
    for number, each in enumerate(compared):
        stages.setdefault(each.stage, []).append(number)
    return list(stages.values())


def _with_surrogates(
    measures: Sequence["_Measure"], found: Sequence[ClvChange], index: Callable[[int], Index | NotEstimable]
) -> list[ClvChange]:
    """Give the actions of one stage a surrogate over the longest horizon that has closed for any of them."""
    longest = max((each.horizon_days for each in found if isinstance(each.afterwards, Causes)), default=0)
    closed = [isinstance(each.afterwards, Causes) and each.horizon_days == longest for each in found]
    if all(closed) or (longest <= SHORT_DAYS and any(closed)):
        return list(found)
    if longest <= SHORT_DAYS:
        return [msgspec.structs.replace(each, surrogate=NO_COHORT) for each in found]
    learned = index(longest)
    if isinstance(learned, NotEstimable):
        return _open(found, closed, [learned] * len(found))
    cohorts = {
        each.contrast.action: off_by(learned, each.contrast, each.days, each.as_of)
        for each, done in zip(measures, closed, strict=True)
        if done
    }
    told = {action: each for action, each in cohorts.items() if isinstance(each, Estimate)}
    refused = validated(told)
    return _open(found, closed, [refused or each.read(learned, told) for each in measures])


def _open(
    found: Sequence[ClvChange], closed: Sequence[bool], read: Sequence[Surrogate | NotEstimable]
) -> list[ClvChange]:
    return [
        each if done else msgspec.structs.replace(each, surrogate=mine)
        for each, done, mine in zip(found, closed, read, strict=True)
    ]


class _Measure(msgspec.Struct, frozen=True, eq=False):
    """One contrast and all it takes to measure stretches after its decisions."""

    contrast: Contrast
    margin: pl.DataFrame
    days: int
    as_of: Instant
    currency: str
    rails: GuardRails

    def over(self, horizons: Sequence[int]) -> ClvChange:
        found = self.at(horizons[0])
        for horizon in horizons[1:]:
            longer = self.at(horizon)
            if isinstance(longer.window, NotEstimable) or isinstance(longer.afterwards, NotEstimable):
                break
            found = longer
        return found

    def at(self, horizon: int) -> ClvChange:
        afterwards = self.causes(self.days, self.days + horizon)
        # The same customers in both stretches, so that they can be added.
        closed = 0 if isinstance(afterwards, NotEstimable) else self.days + horizon
        return ClvChange(
            action=self.contrast.action,
            window_days=self.days,
            horizon_days=horizon,
            window=self.causes(0, self.days, closed_days=closed),
            afterwards=afterwards,
        )

    @property
    def unit(self) -> str:
        return f"{self.currency} a customer"

    def read(self, index: Index, cohorts: Mapping[str, Estimate]) -> Surrogate | NotEstimable:
        """Read ΔCLV from the index once the short while after the window has closed for enough customers."""
        short = self.causes(self.days, self.days + SHORT_DAYS)
        if isinstance(short, NotEstimable):
            return short
        return read(index, self.contrast, self.days, self.as_of, cohorts)

    def causes(self, begin: int, end: int, *, closed_days: int = 0) -> Causes | NotEstimable:
        """Return what was caused between two days after the decision, of rows for which it has passed."""
        if self.contrast.refusal is not None:
            return self.contrast.refusal
        rows = self.contrast.rows.filter(pl.col("at") + max(end, closed_days) * DAY <= self.as_of)
        got, odds = rows["got"].to_numpy(), rows["odds"].to_numpy()
        y = brought(rows, self.margin, begin, end).to_numpy()
        y[:, 2] *= minor_unit(self.currency)
        bought = y[:, 0] > 0
        buyers = {
            f"got {self.contrast.action}": int((bought & (got > 0)).sum()),
            "kept from it by chance": int(effective_sample_size(odds[bought])),
        }
        refused = buyers_refusal(buyers, self.rails)
        if refused is not None:
            return NotEstimable("open horizon", f"{end} days after the decision: {refused.detail}")
        return _split(rows, y, got / got.sum(), odds / odds.sum(), self.unit)


def _split(
    rows: pl.DataFrame, y: FloatArray, got: FloatArray, other: FloatArray, unit: str
) -> Causes | NotEstimable:
    """Split the difference of two weighted means of the columns of `y`, customers independent."""
    means = np.stack([got @ y, other @ y])
    influence = np.hstack([got[:, None] * (y - means[0]), other[:, None] * (y - means[1])])
    codes = (rows["person_id"].rank("dense") - 1).to_numpy()
    people = int(codes.max()) + 1
    added = np.column_stack([np.bincount(codes, column, people) for column in influence.T])
    covariance = (added.T @ added * (people / (people - 1))).astype(np.float64, copy=False)
    return causes_at(means.ravel(), covariance, 1, unit, level=0.95, sample_size=people)
