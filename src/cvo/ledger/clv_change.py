"""ΔCLV of an action, measured: what customers who got it brought after its window, against those chance kept it from.

In the window an action may bring an order forward or give a discount away; what it changes afterwards is ΔCLV, and
only a randomised comparison over a horizon that has closed can tell. Both stretches are split by growth accounting:
who bought at all (survival), orders of those (rate), margin of an order. An order merely brought forward is a gain in
the window and a loss afterwards. A lifetime model is no substitute: it takes whom an action hurried for better
customers.
"""

from collections.abc import Iterable, Mapping, Sequence

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

FloatArray = NDArray[np.float64]
_COLUMNS = ("bought", "orders", "margin")


class ClvChange(msgspec.Struct, frozen=True, kw_only=True):
    """What an action changed for a customer who got it, by source, in the window and in `horizon_days` after it.

    Sources are survival (`customers`: bought at all), rate (`orders_per_customer`) and margin (`value_per_order`).
    Where `afterwards` has a reason instead, no horizon has closed for enough customers: ΔCLV is then assumed, and 0.
    """

    action: str
    window_days: int
    horizon_days: int
    window: Causes | NotEstimable
    afterwards: Causes | NotEstimable

    @property
    def change(self) -> Estimate | NotEstimable:
        """Return ΔCLV a customer who got the action."""
        return self.afterwards if isinstance(self.afterwards, NotEstimable) else self.afterwards.total


def clv_changes(
    compared: Iterable[Contrast],
    margin: pl.DataFrame,
    *,
    window_days: Mapping[str, int],
    horizons_days: Sequence[int],
    as_of: Instant,
    currency: str,
    rails: GuardRails = DEFAULT_GUARD_RAILS,
) -> list[ClvChange]:
    """Measure every action over the longest of the horizons that has closed for enough customers."""
    horizons = sorted(horizons_days)
    return [
        _Measure(each, margin, window_days[each.action], as_of, currency, rails).over(horizons)
        for each in compared
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

    def causes(self, begin: int, end: int, *, closed_days: int = 0) -> Causes | NotEstimable:
        """Return what was caused between two days after the decision, of rows for which it has passed."""
        if self.contrast.refusal is not None:
            return self.contrast.refusal
        rows = self.contrast.rows.filter(pl.col("at") + max(end, closed_days) * DAY <= self.as_of)
        got, odds = rows["got"].to_numpy(), rows["odds"].to_numpy()
        y = _brought(rows, self.margin, begin, end).to_numpy().astype(np.float64)
        y[:, 2] *= minor_unit(self.currency)
        bought = y[:, 0] > 0
        buyers = {
            f"got {self.contrast.action}": int((bought & (got > 0)).sum()),
            "kept from it by chance": int(effective_sample_size(odds[bought])),
        }
        refused = buyers_refusal(buyers, self.rails)
        if refused is not None:
            return NotEstimable("open horizon", f"{end} days after the decision: {refused.detail}")
        return _split(rows, y, got / got.sum(), odds / odds.sum(), f"{self.currency} a customer")


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


def _brought(rows: pl.DataFrame, margin: pl.DataFrame, begin: int, end: int) -> pl.DataFrame:
    """Return whether the customer of each row bought between two days after it, how often, and the margin."""
    numbered = rows.select("person_id", "at").with_row_index("row")
    within = (
        numbered.join(margin.rename({"at": "ordered_at"}), on="person_id")
        .filter(
            pl.col("ordered_at").is_between(
                pl.col("at") + begin * DAY, pl.col("at") + end * DAY, closed="left"
            )
        )
        .group_by("row")
        .agg(
            (pl.col("revenue_minor") > 0).sum().alias("orders"), pl.col("margin_minor").sum().alias("margin")
        )
        .with_columns((pl.col("orders") > 0).cast(pl.Int64).alias("bought"))
    )
    return numbered.join(within, on="row", how="left", maintain_order="left").select(
        pl.col(_COLUMNS).fill_null(0)
    )
