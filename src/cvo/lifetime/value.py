"""Customer lifetime value: expected purchases times what a purchase leaves, discounted, over stated
horizons."""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from cvo.core.errors import InvalidInput
from cvo.lifetime.blocks import FloatArray
from cvo.lifetime.gamma_gamma import GammaGamma
from cvo.lifetime.histories import Histories
from cvo.lifetime.likelihood import Fit
from cvo.lifetime.purchase_model import PurchaseModel
from cvo.lifetime.summary import Unit

HORIZONS_DAYS = (90, 365, 1095)
_YEAR_DAYS = 365.25
_SAMPLED_ROWS = 20_000


class Economics(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What a purchase leaves; each a single value or one per customer.

    Of a purchase's value, `returned_share` comes back and `margin_rate` of the rest is margin;
    `cost_per_purchase` is money. `annual_discount_rate` is the cost of capital. All four are assumptions
    unless they were estimated.
    """

    margin_rate: float | FloatArray = 1.0
    returned_share: float | FloatArray = 0.0
    cost_per_purchase: float | FloatArray = 0.0
    annual_discount_rate: float = 0.1

    def contribution(self, value: FloatArray, purchases: FloatArray | float = 1.0) -> FloatArray:
        """Return what purchases of `value` in all leave; below 0 where serving costs more."""
        kept = value * (1 - self.returned_share) * self.margin_rate
        return np.asarray(kept - purchases * self.cost_per_purchase)

    def discount(self, days: FloatArray) -> FloatArray:
        """Return the present value of 1 received after `days`."""
        return np.asarray((1 + self.annual_discount_rate) ** (-days / _YEAR_DAYS))


def lifetime_value(
    model: PurchaseModel,
    value: ArrayLike,
    rows: Histories,
    *,
    unit: Unit | str = Unit.WEEK,
    horizons_days: Sequence[float] = HORIZONS_DAYS,
    economics: Economics | None = None,
    step_days: float = _YEAR_DAYS / 12,
    correction: float = 1.0,
) -> FloatArray:
    """Return the expected discounted contribution of each customer up to each horizon, shape (horizons,
    customers).

    `value` is the expected value of a purchase (`GammaGamma.expected_value`). Purchases of a step are
    discounted from its end. `correction` scales the purchases, as from a backtest. Longer horizons are
    never worth less unless a purchase costs more than it leaves. Raises `InvalidInput` for horizons that do
    not rise from above 0.
    """
    terms = economics or Economics()
    length = Unit(unit).days
    edges = _edges(horizons_days, step_days)
    purchases = total = np.zeros(len(rows))
    found = []
    for edge in edges:
        up_to = model.expected_purchases(edge / length, *rows.columns)
        total = total + (up_to - purchases) * float(terms.discount(np.asarray(edge)))
        purchases = up_to
        if edge in horizons_days:
            found.append(total)
    worth = correction * terms.contribution(np.asarray(value, dtype=np.float64))
    return np.stack(found) * worth


def present_value(
    days: ArrayLike,
    annual_discount_rate: float,
    *,
    horizons_days: Sequence[float] = HORIZONS_DAYS,
    step_days: float = _YEAR_DAYS / 12,
) -> FloatArray:
    """Return what 1 received after each of `days` is worth, on the steps of `lifetime_value`, at their ends.

    What came is multiplied with it before it is held against what was predicted. Beyond the last horizon the steps
    end, and time counts as it is.

    >>> present_value([0, 30, 31], 0.1).round(4).tolist()
    [0.9921, 0.9921, 0.9842]
    """
    when = np.asarray(days, dtype=np.float64)
    edges = np.array(_edges(horizons_days, step_days))
    ends = np.append(edges, np.inf)[np.searchsorted(edges, when)]
    rate = Economics(annual_discount_rate=annual_discount_rate)
    return rate.discount(np.where(np.isinf(ends), when, ends))


class ValueQuantiles(msgspec.Struct, frozen=True, eq=False):
    """Quantiles of the discounted contribution, each of shape (horizons, customers)."""

    p10: FloatArray
    p50: FloatArray
    p90: FloatArray


def value_quantiles(
    purchases: Fit[PurchaseModel],
    spend: Fit[GammaGamma],
    rows: Histories,
    monetary_value: ArrayLike,
    *,
    rng: np.random.Generator,
    unit: Unit | str = Unit.WEEK,
    horizons_days: Sequence[float] = HORIZONS_DAYS,
    economics: Economics | None = None,
    correction: float = 1.0,
    draws: int = 200,
) -> ValueQuantiles:
    """Return P10, P50 and P90 of what each customer will leave: parameters, dropout, orders, values all
    drawn.

    Each draw takes parameters from the fits' Laplace posteriors and lives one future, shared by the horizons.
    """
    terms = economics or Economics()
    mean = np.asarray(monetary_value, dtype=np.float64)
    models = list(zip(purchases.draws(draws, rng), spend.draws(draws, rng), strict=True))
    edges = np.asarray(horizons_days, dtype=np.float64) / Unit(unit).days
    factors = correction * _interval_discounts(terms, horizons_days)
    found = []
    for start in range(0, len(rows), _SAMPLED_ROWS):
        part = slice(start, start + _SAMPLED_ROWS)
        some, money = rows.take(part), _rows_of(terms, part)
        futures = []
        for model, values in models:
            steps = np.diff(model.sample_purchases(edges, *some.columns, rng), prepend=0, axis=0)
            known = np.where(mean[part] > 0, some.frequency, 0.0)
            sold = values.sample_value(steps, known, mean[part], rng)
            left = money.contribution(sold, steps.astype(np.float64))
            futures.append(np.cumsum(left * factors[:, None], axis=0))
        found.append(np.quantile(futures, (0.1, 0.5, 0.9), axis=0))
    low, middle, high = np.concatenate(found, axis=2)
    return ValueQuantiles(low, middle, high)


def _rows_of(terms: Economics, rows: slice) -> Economics:
    def cut(column: float | FloatArray) -> float | FloatArray:
        return column[rows] if isinstance(column, np.ndarray) and column.ndim else column

    return Economics(
        margin_rate=cut(terms.margin_rate),
        returned_share=cut(terms.returned_share),
        cost_per_purchase=cut(terms.cost_per_purchase),
        annual_discount_rate=terms.annual_discount_rate,
    )


def _interval_discounts(terms: Economics, horizons_days: Sequence[float]) -> FloatArray:
    """Return the mean discount between one horizon and the next, on the steps of `lifetime_value`."""
    edges = np.array(_edges(horizons_days, _YEAR_DAYS / 12))
    widths = np.diff(edges, prepend=0.0)
    worth = np.cumsum(widths * terms.discount(edges))
    ends = np.searchsorted(edges, np.asarray(horizons_days))
    return np.asarray(np.diff(worth[ends], prepend=0.0) / np.diff(np.asarray(horizons_days), prepend=0.0))


def _edges(horizons_days: Sequence[float], step_days: float) -> list[float]:
    if not horizons_days or (np.diff(horizons_days, prepend=0.0) <= 0).any():
        raise InvalidInput(f"horizons must rise from above 0 days, not {list(horizons_days)}")
    steps = np.arange(step_days, horizons_days[-1], step_days).tolist()
    return sorted({*map(float, horizons_days), *(step for step in steps)})
