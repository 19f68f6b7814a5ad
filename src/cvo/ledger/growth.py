"""Growth accounting: any change of margin, split exactly into customers × orders per customer × value per order.

The split is the log-mean Divisia index (Ang 2004, "Decomposition analysis for policymaking in energy", eq. 8, in the
additive form LMDI-I): no residual, and the same whichever way round. Where a factor is zero it is the limit as that
factor goes to zero (Ang, Liu 2007, "Handling zero values in the logarithmic mean Divisia index decomposition").
"""

from math import log

import msgspec
import numpy as np
from numpy.typing import NDArray

from cvo.core.errors import InvalidInput
from cvo.core.evidence import Estimate, Grade, Interval, NotEstimable
from cvo.inference.clustered import difference, normal_quantile

FACTORS = ("customers", "orders_per_customer", "value_per_order")
FloatArray = NDArray[np.float64]

_STEP = 1e-4
_LEAST = 1e-300


class Volume(msgspec.Struct, frozen=True):
    """What came in a period or group: customers who bought, their orders, and the margin of these."""

    customers: float
    orders: float
    margin: float

    def __post_init__(self) -> None:
        if min(self.customers, self.orders) < 0:
            raise InvalidInput(f"{self!r} has fewer than no customers or orders")

    @property
    def factors(self) -> tuple[float | None, float | None, float | None]:
        """Return customers, orders per customer, value per order; `None` where it can't be said."""
        per_customer = self.orders / self.customers if self.customers else None
        return self.customers, per_customer, self.margin / self.orders if self.orders else None


class Split(msgspec.Struct, frozen=True):
    """A change in three parts, in the unit of margin: they sum to `total`."""

    customers: float
    orders_per_customer: float
    value_per_order: float

    @property
    def total(self) -> float:
        """Return the whole change."""
        return self.customers + self.orders_per_customer + self.value_per_order


def growth(before: Volume, after: Volume) -> Split | NotEstimable:
    """Split the change of margin from `before` to `after`.

    `NotEstimable` where margin is below zero on either side: refunds above revenue have no logarithm.

    >>> growth(Volume(100, 200, 2_000.0), Volume(200, 400, 4_000.0))
    Split(customers=2000.0, orders_per_customer=0.0, value_per_order=0.0)
    """
    if min(before.margin, after.margin) < 0:
        return NotEstimable(
            "negative margin", f"margin is {min(before.margin, after.margin):,.2f}; its growth has no factors"
        )
    change = after.margin - before.margin
    shares = _shares(before, after)
    parts = [change * share for share in shares]
    # The shares sum to one but for rounding, which goes to the largest part.
    largest = max(range(3), key=lambda i: abs(parts[i]))
    parts[largest] = change - sum(part for i, part in enumerate(parts) if i != largest)
    if change == 0:
        parts = _offsetting(before, after)
    return Split(*parts)


def _shares(before: Volume, after: Volume) -> list[float]:
    """Return each factor's share of the change."""
    pairs = list(zip(before.factors, after.factors, strict=True))
    if min(before.margin, after.margin) == 0:
        # In the limit the factors that went to zero share the change; one that can't be said did not change.
        gone = [float(a == 0 or b == 0) for a, b in pairs]
        return [each / sum(gone) for each in gone] if sum(gone) else [0.0, 0.0, 0.0]
    whole = _log_ratio(before.margin, after.margin)
    return [_log_ratio(a, b) / whole if a and b and whole else 0.0 for a, b in pairs]


def _log_ratio(before: float, after: float) -> float:
    """Return the logarithm of after / before; of either alone where their ratio leaves the range of numbers."""
    ratio = after / before
    return log(ratio) if _LEAST < ratio < 1.0 / _LEAST else log(after) - log(before)


def _offsetting(before: Volume, after: Volume) -> list[float]:
    """Return parts that cancel: margin is what it was, its factors are not."""
    if before.margin == 0:
        return [0.0, 0.0, 0.0]
    first, second = (
        before.margin * _log_ratio(a, b) if a and b else 0.0
        for a, b in list(zip(before.factors, after.factors, strict=True))[:2]
    )
    return [first, second, -first - second]


class Causes(msgspec.Struct, frozen=True, kw_only=True):
    """What the programme caused in a period, by factor, in the unit of margin; the parts sum to `total`."""

    customers: Estimate
    orders_per_customer: Estimate
    value_per_order: Estimate
    total: Estimate


def caused_growth(
    treated: FloatArray,
    control: FloatArray,
    unit: str,
    *,
    weights: tuple[FloatArray, FloatArray] | None = None,
    level: float = 0.95,
) -> Causes | NotEstimable:
    """Split what was caused among treated customers: from what they would have brought like the control group.

    Arrays are (customers, 3): whether they bought (0 or 1), orders, margin. With three more columns, of an earlier
    period, it is what was caused beyond what was caused then. `weights` are of the customers of each arm, where
    these were not all as likely to be in it. Errors are by the delta method, with the derivatives
    of the split taken numerically, customers independent.
    """
    count, columns = treated.shape
    if min(count, len(control)) < 2:
        return NotEstimable("too few clusters", "a standard error needs two customers in each arm")
    means, covariance = np.empty((2, columns)), np.zeros((2 * columns, 2 * columns))
    for at, rows in enumerate((treated, control)):
        share = np.full(len(rows), 1.0) if weights is None else weights[at]
        share = share / share.sum()
        means[at] = share @ rows
        added = share[:, None] * (rows - means[at])
        block = slice(at * columns, (at + 1) * columns)
        covariance[block, block] = added.T @ added * (len(rows) / (len(rows) - 1))
    return causes_at(means.ravel(), covariance, count, unit, level=level, sample_size=count + len(control))


def beyond(first: Causes, second: Causes) -> Causes:
    """Return what was caused in one group of customers beyond what was in another that shares none of them."""

    def part(one: Estimate, other: Estimate) -> Estimate:
        found = difference(one, other)
        assert isinstance(found, Estimate), "both are"  # noqa: S101
        return found

    return Causes(
        customers=part(first.customers, second.customers),
        orders_per_customer=part(first.orders_per_customer, second.orders_per_customer),
        value_per_order=part(first.value_per_order, second.value_per_order),
        total=part(first.total, second.total),
    )


def causes_at(
    means: FloatArray, covariance: FloatArray, count: int, unit: str, *, level: float, sample_size: int
) -> Causes | NotEstimable:
    """Split `count` times the difference of two sets of means, (2 × 3) or with earlier periods (2 × 6), flattened."""
    if means.min() <= 0:
        return NotEstimable("too few buyers", "nobody bought in an arm, or refunds took all margin")
    slopes = np.empty((4, len(means)))
    for i, mean in enumerate(means):
        up, down = means.copy(), means.copy()
        up[i], down[i] = mean * (1 + _STEP), mean * (1 - _STEP)
        slopes[:, i] = (_parts_at(up, count) - _parts_at(down, count)) / (2 * mean * _STEP)
    errors = np.sqrt(np.einsum("ij,jk,ik->i", slopes, covariance, slopes).clip(min=0))
    reaches = normal_quantile(level) * errors
    parts = [
        Estimate(
            value=value,
            standard_error=error,
            interval=Interval(value - reach, value + reach, level),
            grade=Grade.MEASURED,
            unit=unit,
            sample_size=sample_size,
        )
        for value, error, reach in zip(
            _parts_at(means, count).tolist(), errors.tolist(), reaches.tolist(), strict=True
        )
    ]
    return Causes(customers=parts[0], orders_per_customer=parts[1], value_per_order=parts[2], total=parts[3])


def _parts_at(means: FloatArray, count: int) -> FloatArray:
    """Return the parts and their total at the arms' means; those of an earlier period are taken off."""
    periods = (count * means).reshape(2, -1, 3)
    found = np.zeros(4)
    for period, sign in zip(range(periods.shape[1]), (1, -1), strict=False):
        actual, alone = (Volume(*arm[period].tolist()) for arm in periods)
        split = growth(alone, actual)
        assert isinstance(split, Split), "margins of means above zero"  # noqa: S101
        found += sign * np.array([*msgspec.structs.astuple(split), split.total])
    return found
