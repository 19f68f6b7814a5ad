"""Caused value of what was delivered: the difference to comparable customers from whom chance alone kept it.

For those who got an action, E[Y(a) − Y(∅) | got a] is their mean outcome less the weighted mean of the others in
its `Contrast`, weights normalised (Hájek 1971).
"""

from collections.abc import Iterable, Sequence

import msgspec
import polars as pl

from cvo.core.evidence import Estimate, Interval, NotEstimable
from cvo.core.money import minor_unit
from cvo.inference import (
    DEFAULT_GUARD_RAILS,
    GuardRails,
    buyers_refusal,
    discoveries,
    effective_sample_size,
)
from cvo.ledger.anytime import anytime_interval
from cvo.ledger.contrast import Contrast
from cvo.ledger.influence import Total, add_up, influences
from cvo.ledger.rows import split

NO_SERVICE_COSTS = NotEstimable(
    "no service costs",
    "no activity of these customers says what it cost to serve them; send one with the property service_cost",
)
NOTHING_SPENT = NotEstimable("nothing spent", "the contacts cost nothing, so there is no return on them")
_UNKNOWN = NotEstimable("not asked", "this figure was not asked for")


class Caused(msgspec.Struct, frozen=True, kw_only=True):
    """What one action, stage or other cell caused in total in the windows that could be compared.

    `labels` are the cell's values of the columns in `by`. `units` are customers and windows that got it, `compared`
    those from whom chance kept it. `revenue`, `cost_lowered` (service costs saved) and `margin` are totals over
    units, in major units of the currency; `spend` is what the contacts cost, `value` margin and costs lowered less
    spend, `return_on_spend` value over spend. `anytime` is an interval of value that holds however often one looks.
    `stands_out` tells that value differs from 0 even among so many cells, with one false claim in ten.
    `left_out` are actions of the cell that can't be estimated, and are in none of its totals.
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
    cost_lowered: Estimate | NotEstimable = _UNKNOWN
    return_on_spend: Estimate | NotEstimable = _UNKNOWN
    anytime: Interval | NotEstimable = _UNKNOWN
    stands_out: bool = False
    labels: dict[str, str] = {}
    left_out: list[str] = []

    @property
    def brought_per_unit(self) -> Estimate | NotEstimable:
        """Return the margin less the cost of service caused a customer and window, before what contacts cost."""
        if isinstance(self.value, NotEstimable):
            return self.value
        return self.value.shifted(self.spend).scaled(1.0 / self.units)


class Cell(msgspec.Struct, frozen=True, eq=False):
    """What a cell caused, and the total of its value with the influence of every customer on it."""

    caused: Caused
    value: Total | NotEstimable


def caused_by_action(
    compared: Iterable[Contrast], currency: str, rails: GuardRails = DEFAULT_GUARD_RAILS
) -> list[Caused]:
    """Estimate the caused total of every action.

    An action gets a typed reason instead of a number when fewer buyers than `rails` ask for stand on either
    side, effectively so where weights are unequal, or when its coins did not fall as they should.
    """
    return [each.caused for each in cells(compared, ["action"], currency, rails)]


def caused_by_stage(
    compared: Iterable[Contrast], currency: str, rails: GuardRails = DEFAULT_GUARD_RAILS
) -> list[Caused]:
    """Estimate the same totals by stage: sums over its actions, whose common customers are accounted for."""
    return [each.caused for each in cells(compared, ["stage"], currency, rails)]


def cells(
    compared: Iterable[Contrast],
    by: Sequence[str],
    currency: str,
    rails: GuardRails = DEFAULT_GUARD_RAILS,
    *,
    time_zone: str = "UTC",
    level: float = 0.95,
) -> list[Cell]:
    """Estimate the totals of every cell of the columns in `by` (see `ledger.rows.DIMENSIONS`).

    Which cells stand out is decided over all that are returned (Benjamini, Hochberg 1995).
    """
    found = [
        _cell(by, labels, part, Terms(currency, level, rails))
        for labels, part in split(compared, by, time_zone).items()
    ]
    told = discoveries([each.caused.value for each in found])
    return [
        Cell(msgspec.structs.replace(each.caused, stands_out=bool(out)), each.value)
        for each, out in zip(found, told, strict=True)
    ]


class Terms(msgspec.Struct, frozen=True):
    """What estimates are made in: currency, level of intervals, guard rails."""

    currency: str
    level: float
    rails: GuardRails


def _cell(by: Sequence[str], labels: Sequence[str], compared: Sequence[Contrast], terms: Terms) -> Cell:
    currency, level, rails = terms.currency, terms.level, terms.rails
    refused = {each.action: reason for each in compared if (reason := _refusal(each, rails)) is not None}
    usable = [each for each in compared if each.action not in refused] or list(compared)
    got = [each.rows.filter(each.rows["got"] > 0) for each in usable]
    spend = float(sum(rows["spend_minor"].sum() for rows in got)) * minor_unit(currency)
    reason = next(iter(refused.values()), None) if len(refused) == len(compared) else None
    total = reason or _value(usable, currency, spend)
    value = total if isinstance(total, NotEstimable) else total.estimate(currency, level=level)
    margin, revenue = (
        reason or _total(usable, money, currency).estimate(currency, level=level)
        for money in ("margin_minor", "revenue_minor")
    )
    return Cell(
        Caused(
            by=",".join(by),
            name=" · ".join(labels),
            labels=dict(zip(by, labels, strict=True)),
            units=sum(rows.height for rows in got),
            compared=sum(int((each.rows["odds"] > 0).sum()) for each in usable),
            deliveries=int(sum(rows["deliveries"].sum() for rows in got)),
            spend=spend,
            revenue=revenue,
            cost_lowered=reason or _cost_lowered(usable, terms),
            margin=margin,
            value=value,
            return_on_spend=_return(value, spend),
            anytime=reason or anytime_interval(total, pl.concat([each.rows for each in usable]), rails),
            left_out=sorted(refused) if reason is None else [],
        ),
        total,
    )


def _return(value: Estimate | NotEstimable, spend: float) -> Estimate | NotEstimable:
    if isinstance(value, NotEstimable):
        return value
    return value.scaled(1.0 / spend, "of spend") if spend else NOTHING_SPENT


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


def _value(compared: Sequence[Contrast], currency: str, spend: float) -> Total:
    margin = _total(compared, "margin_minor", currency)
    value = margin.minus([_total(compared, "service_cost_minor", currency)]) if _served(compared) else margin
    return Total(value.value - spend, value.influences)


def _served(compared: Sequence[Contrast]) -> bool:
    return any((each.rows["service_cost_minor"] > 0).any() for each in compared)


def _cost_lowered(compared: Sequence[Contrast], terms: Terms) -> Estimate | NotEstimable:
    if not _served(compared):
        return NO_SERVICE_COSTS
    rows = pl.concat([each.rows.select("got", "odds", "service_cost_minor") for each in compared])
    served = rows.filter(pl.col("service_cost_minor") > 0)
    counts = {
        "got it": int((served["got"] > 0).sum()),
        "from whom it was kept": int(effective_sample_size(served["odds"].to_numpy())),
    }
    fewest = terms.rails.min_buyers
    if min(counts.values()) < fewest:
        found = ", ".join(f"{count:,} who {side}" for side, count in counts.items())
        return NotEstimable("too few service costs", f"{found}; every side needs {fewest:,}")
    lowered = add_up([]).minus([_total(compared, "service_cost_minor", terms.currency)])
    return lowered.estimate(terms.currency, level=terms.level)


def _total(compared: Sequence[Contrast], money: str, currency: str) -> Total:
    """Return the total caused of one column of money, over contrasts that may share customers."""
    return add_up([_of_contrast(each.rows, money, currency) for each in compared])


def _of_contrast(rows: pl.DataFrame, money: str, currency: str) -> Total:
    y = rows[money].to_numpy() * minor_unit(currency)
    got, odds = rows["got"].to_numpy(), rows["odds"].to_numpy()
    count = got.sum()
    weights = odds * (count / odds.sum())
    mean_got, mean_other = got @ y / count, weights @ y / count
    influence = got * (y - mean_got) - weights * (y - mean_other)
    return Total(float(count * (mean_got - mean_other)), influences(rows["person_id"], influence))
