"""Caused value of what was delivered: the difference to comparable customers who got nothing, by a coin.

For the deliveries of an action a, E[Y(a) − Y(∅) | got a] is the mean outcome of those who got a, less the
mean of those who got nothing weighted by P(a)/P(∅): the odds with which each of them could have got a instead
(Hirano, Imbens, Ridder 2003, eq. 27, with known propensities; weights normalised as Hájek 1971).
"""

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from cvo.core.evidence import Estimate, Grade, NotEstimable
from cvo.core.money import minor_unit
from cvo.inference import DEFAULT_GUARD_RAILS, GuardRails, buyers_refusal, clustered_mean

FloatArray = NDArray[np.float64]


class Caused(msgspec.Struct, frozen=True, kw_only=True):
    """What the deliveries of one action, or of one stage's actions, caused in total, against doing nothing.

    `revenue` and `margin` are totals over `deliveries`, in major units; `spend` is what these contacts cost;
    `value` is margin less spend. Customers who could not have got nothing have nobody to be compared with,
    and are not in `deliveries`.
    """

    by: str
    name: str
    deliveries: int
    compared: int
    spend: float
    revenue: Estimate | NotEstimable
    margin: Estimate | NotEstimable
    value: Estimate | NotEstimable


def caused_by_action(
    scored: pl.DataFrame, currency: str, rails: GuardRails = DEFAULT_GUARD_RAILS
) -> list[Caused]:
    """Estimate the caused totals of every action delivered in the scored triggers (from `causal.outcomes`).

    An action gets a typed reason instead of a number when fewer buyers than `rails` ask for (100) stand on
    either side of its comparison.
    """
    found = scored.filter(pl.col("delivered") != "")["delivered"].unique().sort().to_list()
    return [
        _total("action", name, _contrasts([name], scored), scored, currency, rails=rails) for name in found
    ]


def caused_by_stage(scored: pl.DataFrame, currency: str) -> list[Caused]:
    """Estimate the same totals by stage: sums over its actions, whose common comparison is accounted for."""
    delivered = scored.filter(pl.col("delivered") != "")
    stages = delivered.group_by("stage", maintain_order=True).agg(pl.col("delivered").unique().sort())
    return [
        _total("stage", stage, _contrasts(actions, scored), scored, currency)
        for stage, actions in sorted(stages.iter_rows(), key=lambda row: str(row[0]))
    ]


def _total(
    by: str,
    name: str,
    contrasts: list["_Contrast"],
    scored: pl.DataFrame,
    currency: str,
    *,
    rails: GuardRails = DEFAULT_GUARD_RAILS,
) -> Caused:
    got: FloatArray = np.sum([contrast.got for contrast in contrasts], axis=0)
    spend = float(got @ scored["contact_cost_minor"].to_numpy()) * minor_unit(currency)
    totals = {
        money: _estimate(contrasts, scored, f"{money}_minor", currency, rails)
        for money in ("revenue", "margin")
    }
    margin = totals["margin"]
    return Caused(
        by=by,
        name=name,
        deliveries=int(got.sum()),
        compared=int(np.count_nonzero(np.sum([contrast.odds for contrast in contrasts], axis=0))),
        spend=spend,
        revenue=totals["revenue"],
        margin=margin,
        value=margin if isinstance(margin, NotEstimable) else margin.shifted(-spend),
    )


class _Contrast(msgspec.Struct, frozen=True, eq=False):
    """Rows that got the action (0 or 1), and the odds weights of the rows that got nothing instead."""

    action: str
    got: FloatArray
    odds: FloatArray


def _contrasts(actions: list[str], scored: pl.DataFrame) -> list[_Contrast]:
    return [_contrast(action, scored) for action in actions]


def _contrast(action: str, scored: pl.DataFrame) -> _Contrast:
    this, nothing = _probability(action), _probability("")
    columns = scored.select(
        ((pl.col("delivered") == action) & (nothing > 0)).cast(pl.Float64).alias("got"),
        pl.when((pl.col("delivered") == "") & (nothing > 0))
        .then(this / nothing)
        .otherwise(0.0)
        .alias("odds"),
    )
    return _Contrast(action, columns["got"].to_numpy(), columns["odds"].to_numpy())


def _probability(option: str) -> pl.Expr:
    """Return the probability with which an option is delivered; 0 where it is not among the options."""
    is_it = pl.col("options").list.eval(pl.element() == pl.lit(option))
    found = pl.col("probabilities").list.get(is_it.list.arg_max(), null_on_oob=True)
    return pl.when(is_it.list.any()).then(found).otherwise(0.0)


def _estimate(
    contrasts: list[_Contrast], scored: pl.DataFrame, money: str, currency: str, rails: GuardRails
) -> Estimate | NotEstimable:
    y = scored[money].to_numpy() * minor_unit(currency)
    bought = scored["revenue_minor"].to_numpy() > 0
    total, influence = 0.0, np.zeros(len(y))
    for contrast in contrasts:
        refused = buyers_refusal(
            {
                f"got {contrast.action}": int(np.count_nonzero(bought & (contrast.got > 0))),
                f"could have got {contrast.action}, got nothing": int(
                    np.count_nonzero(bought & (contrast.odds > 0))
                ),
            },
            rails,
        )
        if refused is not None:
            return refused
        count = contrast.got.sum()
        weights = contrast.odds * (count / contrast.odds.sum())
        mean_got, mean_nothing = contrast.got @ y / count, weights @ y / count
        total += count * (mean_got - mean_nothing)
        influence += contrast.got * (y - mean_got) - weights * (y - mean_nothing)
    rows = len(y)
    # The mean over rows, times the rows, is the total: the clustered mean brings the standard error.
    mean = clustered_mean(
        influence + total / rows, clusters=scored["person_id"].to_numpy(), unit=currency, grade=Grade.MEASURED
    )
    return mean if isinstance(mean, NotEstimable) else mean.scaled(rows)
