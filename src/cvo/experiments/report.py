"""The report of an experiment: what was promised, what was found, what is decided; the rest is exploratory."""

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from cvo.core.errors import InvalidInput
from cvo.core.evidence import Estimate, Grade, NotEstimable
from cvo.experiments.effects import adjusted_effect, effect, relative_effect, stratified_effect
from cvo.experiments.power import Looks
from cvo.experiments.quantiles import quantile_effect
from cvo.experiments.registration import CONTROL, Guardrail, Kind, Metric, Registration
from cvo.experiments.sequential import MixtureTest
from cvo.inference import ClusterMoments, buyers_refusal, cluster_moments, look_level, sample_ratio_refusal

if TYPE_CHECKING:
    import polars as pl

ARM = "arm"
"""The column of a customer's arm."""


class Conclusion(StrEnum):
    """What the registered rule says of an arm."""

    ADOPT = "adopt"
    """Its effect is above zero and no guardrail may be broken."""
    REJECT = "reject"
    """Its effect is below zero, or a guardrail is broken."""
    UNDECIDED = "undecided"
    """The data doesn't tell."""
    TOO_EARLY = "too early"
    """It is to be judged at its end, which has not come."""
    REFUSED = "refused"
    """The split is broken, or there is no estimate: nothing can be decided with this data."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What an arm did to one metric, against control."""

    arm: str
    metric: str
    effect: Estimate | NotEstimable
    relative: Estimate | NotEstimable
    adjusted_by: str = ""
    exploratory: bool = False
    holds: bool | None = None
    """Of guardrails: it holds (True), is broken (False), or can't be told yet (None)."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """An experiment beside its registration, which `version` names."""

    name: str
    version: str
    look: int
    ended: bool
    customers: dict[str, int]
    level: float
    refused: NotEstimable | None
    goal: list[Finding]
    guardrails: list[Finding]
    exploratory: list[Finding]
    conclusions: dict[str, Conclusion]


def report(
    registration: Registration,
    customers: "pl.DataFrame",
    *,
    look: int = 1,
    ended: bool = True,
    exploratory: Sequence[Metric] = (),
) -> Report:
    """Judge an experiment by its registration, from one row a customer with the column `arm`.

    `look` counts the times of a weekly timetable; `ended` tells whether the planned end has come, before which
    a timetable of `once` decides nothing and shows no effect, only how far it has come. Intervals are for the
    registered timetable. Raises `InvalidInput` for columns that are missing and arms that were not registered. A goal
    that is not 0 for fewer than 100 customers of an arm is refused, as *too few buyers*.
    """
    counts = _counts(registration, customers)
    refused = sample_ratio_refusal(counts, registration.shares)
    level = 1 - registration.alpha / len(registration.treated_arms)
    if registration.timetable is Looks.WEEKLY:
        level = look_level(look, alpha=1 - level)
    test = MixtureTest(scale=registration.minimum_effect, alpha=1 - level)
    always = test if registration.timetable is Looks.ALWAYS else None
    arms = {arm: customers.filter(customers[ARM] == arm) for arm in registration.shares}
    waits = registration.timetable is Looks.ONCE and not ended

    def found(metric: Metric, arm: str, mixture: MixtureTest | None) -> Finding:
        if waits:
            # An interval for one look, shown at every look, is wrong far too often; who sees it decides by it.
            early = _not_yet(registration, customers.height)
            return Finding(arm=arm, metric=metric.name, effect=early, relative=early)
        return finding(metric, arms[arm], arms[CONTROL], level=level, mixture=mixture)

    goal = [
        _thick_enough(found(registration.goal, arm, always), registration.goal, arms[arm], arms[CONTROL])
        for arm in registration.treated_arms
    ]
    rails = [
        _guarded(rail, found(rail.metric, arm, _rail_test(rail, always)))
        for rail in registration.guardrails
        for arm in registration.treated_arms
    ]
    others = [
        msgspec.structs.replace(found(metric, arm, None), exploratory=True)
        for metric in exploratory
        for arm in registration.treated_arms
    ]
    conclusions = {
        each.arm: concluded(registration, each, [rail for rail in rails if rail.arm == each.arm], waits=waits)
        if refused is None
        else Conclusion.REFUSED
        for each in goal
    }
    return Report(
        name=registration.name,
        version=registration.version,
        look=look,
        ended=ended,
        customers=counts,
        level=level,
        refused=refused,
        goal=goal,
        guardrails=rails,
        exploratory=others,
        conclusions=conclusions,
    )


def _not_yet(registration: Registration, closed: int) -> NotEstimable:
    planned = f" of {registration.customers:,}" if registration.customers else ""
    return NotEstimable(
        "too early",
        f"it is judged once, at its end; the horizons of {closed:,}{planned} customers have closed by now",
    )


def concluded(
    registration: Registration, goal: Finding, rails: Sequence[Finding], *, waits: bool
) -> Conclusion:
    """Apply the registered rule to what was found of one arm."""
    if waits:
        return Conclusion.TOO_EARLY
    if isinstance(goal.effect, NotEstimable):
        return Conclusion.TOO_EARLY if goal.effect.reason == "too early" else Conclusion.REFUSED
    interval = goal.effect.interval
    better, worse = interval.low > 0, interval.high < 0
    if not registration.higher_is_better:
        better, worse = worse, better
    if worse or any(rail.holds is False for rail in rails):
        return Conclusion.REJECT
    return Conclusion.ADOPT if better and all(rail.holds for rail in rails) else Conclusion.UNDECIDED


def finding(
    metric: Metric,
    treated: "pl.DataFrame",
    control: "pl.DataFrame",
    *,
    level: float = 0.95,
    mixture: MixtureTest | None = None,
    grade: Grade = Grade.MEASURED,
) -> Finding:
    """Estimate what treatment did to a metric; with `mixture`, by an interval that is always valid.

    Give a weaker `grade` where the arms weren't drawn by lot, or nobody says so.
    """
    name = str(treated[ARM][0]) if treated.height else "treated"
    estimate = _graded(_effect(metric, treated, control, level), grade)
    if mixture is not None and isinstance(estimate, Estimate):
        estimate = mixture.looked_at(estimate)
    relative: Estimate | NotEstimable = NotEstimable(
        "absolute only", "a quantile has no interval relative to control's"
    )
    if metric.kind is not Kind.QUANTILE and not (metric.before or metric.strata):
        relative = relative_effect(_moments(metric, treated), _moments(metric, control), level=level)
    elif metric.kind is not Kind.QUANTILE:
        relative = NotEstimable("absolute only", "an adjusted effect is shown in its unit")
    if mixture is not None:
        relative = NotEstimable(
            "absolute only", "intervals that are always valid are shown in the metric's unit"
        )
    return Finding(
        arm=name,
        metric=metric.name,
        effect=estimate,
        relative=_graded(relative, grade),
        adjusted_by=metric.before or metric.strata,
    )


def _graded(estimate: Estimate | NotEstimable, grade: Grade) -> Estimate | NotEstimable:
    if isinstance(estimate, NotEstimable):
        return estimate
    return msgspec.structs.replace(estimate, grade=grade)


def _effect(
    metric: Metric, treated: "pl.DataFrame", control: "pl.DataFrame", level: float
) -> Estimate | NotEstimable:
    unit = metric.unit or metric.name
    if metric.kind is Kind.QUANTILE:
        columns = [_values(metric, rows) for rows in (treated, control)]
        return quantile_effect(columns[0], columns[1], metric.quantile, level=level, unit=unit)
    if metric.strata:
        treated_strata, control_strata = (_strata(metric, rows) for rows in (treated, control))
        return stratified_effect(treated_strata, control_strata, level=level, unit=unit)
    arms = [_moments(metric, rows) for rows in (treated, control)]
    estimate = adjusted_effect if metric.before else effect
    return estimate(arms[0], arms[1], level=level, unit=unit)


def _moments(metric: Metric, rows: "pl.DataFrame") -> ClusterMoments:
    beside = metric.per or metric.before
    return cluster_moments(_values(metric, rows), _column(rows, beside) if beside else None)


def _strata(metric: Metric, rows: "pl.DataFrame") -> dict[str, ClusterMoments]:
    if metric.strata not in rows.columns:
        raise InvalidInput(f"there is no column {metric.strata}, only {', '.join(rows.columns)}")
    parts = rows.partition_by(metric.strata, as_dict=True)
    return {str(key[0]): cluster_moments(_values(metric, part)) for key, part in sorted(parts.items())}


def _values(metric: Metric, rows: "pl.DataFrame") -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    values = _column(rows, metric.column)
    return values if metric.cap is None else np.minimum(values, metric.cap)


def _column(rows: "pl.DataFrame", name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    if name not in rows.columns:
        raise InvalidInput(f"there is no column {name}, only {', '.join(rows.columns)}")
    if not rows[name].dtype.is_numeric() and not rows[name].dtype.is_(bool):
        raise InvalidInput(f"column {name} holds {rows[name].dtype}, no numbers")
    return rows[name].to_numpy().astype(np.float64)


def _counts(registration: Registration, customers: "pl.DataFrame") -> dict[str, int]:
    if ARM not in customers.columns:
        raise InvalidInput(f"there is no column {ARM}, only {', '.join(customers.columns)}")
    counts = {str(arm): count for arm, count in customers[ARM].value_counts().iter_rows()}
    if unknown := set(counts) - set(registration.shares):
        raise InvalidInput(
            f"arm {min(unknown)!r} was not registered; {registration.name} has {', '.join(registration.shares)}"
        )
    return {arm: counts.get(arm, 0) for arm in registration.shares}


def _thick_enough(
    found: Finding, metric: Metric, treated: "pl.DataFrame", control: "pl.DataFrame"
) -> Finding:
    """Refuse a goal that almost nobody reached: its normal interval would be wrong."""
    if isinstance(found.effect, NotEstimable) or metric.kind is Kind.QUANTILE:
        return found
    counts = {
        arm: int(np.count_nonzero(_values(metric, rows)))
        for arm, rows in ((found.arm, treated), (CONTROL, control))
    }
    refused = buyers_refusal(counts)
    return found if refused is None else msgspec.structs.replace(found, effect=refused, relative=refused)


def _rail_test(rail: Guardrail, always: MixtureTest | None) -> MixtureTest | None:
    """Look at a guardrail as often as at the goal; its tolerance is the effect that matters."""
    if always is None:
        return None
    return msgspec.structs.replace(always, scale=rail.tolerance) if rail.tolerance > 0 else always


def _guarded(rail: Guardrail, found: Finding) -> Finding:
    if isinstance(found.effect, NotEstimable):
        return found
    interval = found.effect.interval
    low, high = (interval.low, interval.high) if rail.higher_is_better else (-interval.high, -interval.low)
    holds = True if low >= -rail.tolerance else False if high < -rail.tolerance else None
    return msgspec.structs.replace(found, holds=holds)
