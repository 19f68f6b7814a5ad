"""Caused value of what was delivered: the difference to comparable customers from whom chance alone kept it.

For those who got an action, E[Y(a) − Y(∅) | got a] is their mean outcome less the weighted mean of the others in
its `Contrast`, weights normalised (Hájek 1971).
"""

from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from cvo.core.evidence import Estimate, Grade, NotEstimable
from cvo.core.money import minor_unit
from cvo.inference import (
    DEFAULT_GUARD_RAILS,
    GuardRails,
    buyers_refusal,
    clustered_mean,
    effective_sample_size,
)
from cvo.ledger.contrast import Contrast

FloatArray = NDArray[np.float64]


class Caused(msgspec.Struct, frozen=True, kw_only=True):
    """What one action, or one stage's actions, caused in total in the windows that could be compared.

    `units` are customers and windows that got it, `compared` those from whom chance kept it. `revenue` and
    `margin` are totals over units, in major units of the currency; `spend` is what the contacts cost, `value`
    margin less spend. `left_out` are actions of a stage that can't be estimated, and are in none of its totals.
    """

    by: str
    name: str
    units: int
    compared: int
    deliveries: int
    spend: float
    revenue: Estimate | NotEstimable
    margin: Estimate | NotEstimable
    value: Estimate | NotEstimable
    left_out: list[str] = []

    @property
    def margin_per_unit(self) -> Estimate | NotEstimable:
        """Return the margin caused a customer and window."""
        return self.margin if isinstance(self.margin, NotEstimable) else self.margin.scaled(1.0 / self.units)


def caused_by_action(
    compared: Iterable[Contrast], currency: str, rails: GuardRails = DEFAULT_GUARD_RAILS
) -> list[Caused]:
    """Estimate the caused total of every action.

    An action gets a typed reason instead of a number when fewer buyers than `rails` ask for stand on either
    side, effectively so where weights are unequal, or when its coins did not fall as they should.
    """
    return [_total("action", each.action, [each], currency, rails) for each in compared]


def caused_by_stage(
    compared: Iterable[Contrast], currency: str, rails: GuardRails = DEFAULT_GUARD_RAILS
) -> list[Caused]:
    """Estimate the same totals by stage: sums over its actions, whose common customers are accounted for."""
    stages: dict[str, list[Contrast]] = {}
    for each in compared:
        stages.setdefault(each.stage, []).append(each)
    return [_total("stage", name, stages[name], currency, rails) for name in sorted(stages)]


def _total(by: str, name: str, compared: Sequence[Contrast], currency: str, rails: GuardRails) -> Caused:
    refused = {each.action: reason for each in compared if (reason := _refusal(each, rails)) is not None}
    usable = [each for each in compared if each.action not in refused] or list(compared)
    got = [each.rows.filter(each.rows["got"] > 0) for each in usable]
    spend = float(sum(rows["spend_minor"].sum() for rows in got)) * minor_unit(currency)
    reason = next(iter(refused.values()), None) if len(refused) == len(compared) else None
    margin = reason or _estimate(usable, "margin_minor", currency)
    return Caused(
        by=by,
        name=name,
        units=sum(rows.height for rows in got),
        compared=sum(int((each.rows["odds"] > 0).sum()) for each in usable),
        deliveries=int(sum(rows["deliveries"].sum() for rows in got)),
        spend=spend,
        revenue=reason or _estimate(usable, "revenue_minor", currency),
        margin=margin,
        value=margin if isinstance(margin, NotEstimable) else margin.shifted(-spend),
        left_out=sorted(refused) if reason is None else [],
    )


def _refusal(contrast: Contrast, rails: GuardRails) -> NotEstimable | None:
    if contrast.refusal is not None:
        return contrast.refusal
    if contrast.rows.is_empty():
        return NotEstimable(
            "nothing to compare", f"no window of {contrast.action} that could be compared has closed yet"
        )
    bought = (contrast.rows["revenue_minor"] > 0).to_numpy()
    odds = contrast.rows["odds"].to_numpy()
    other = "withheld from them" if contrast.by == "coin" else "got nothing instead"
    return buyers_refusal(
        {
            f"got {contrast.action}": int((bought & (contrast.rows["got"].to_numpy() > 0)).sum()),
            # A few heavy weights are worth as many buyers as their effective number.
            other: int(effective_sample_size(odds[bought])),
        },
        rails,
    )


def _estimate(compared: Sequence[Contrast], money: str, currency: str) -> Estimate | NotEstimable:
    total, influences, people = 0.0, [], []
    for each in compared:
        y = each.rows[money].to_numpy() * minor_unit(currency)
        got, odds = each.rows["got"].to_numpy(), each.rows["odds"].to_numpy()
        count = got.sum()
        weights = odds * (count / odds.sum())
        mean_got, mean_other = got @ y / count, weights @ y / count
        total += count * (mean_got - mean_other)
        influences.append(got * (y - mean_got) - weights * (y - mean_other))
        people.append(each.rows["person_id"].to_numpy())
    influence = np.concatenate(influences)
    rows = len(influence)
    # The mean over rows, times the rows, is the total: the clustered mean brings the standard error.
    mean = clustered_mean(
        influence + total / rows, clusters=np.concatenate(people), unit=currency, grade=Grade.MEASURED
    )
    return mean if isinstance(mean, NotEstimable) else mean.scaled(rows)
