"""Predictions that are kept, and scored when their window has closed."""

from datetime import date, timedelta
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from cvo.core.digest import digest
from cvo.core.evidence import NotEstimable
from cvo.lifetime.choose import Choice
from cvo.lifetime.scores import Scores, score

if TYPE_CHECKING:
    import polars as pl


class Predictions(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What was expected of each customer at `as_of`: `frame` holds `customer_id`, `expected`, `naive`.

    `model_version` names the model by its content: equal parameters, order and correction, equal version.
    """

    as_of: date
    horizon_days: int
    model: str
    model_version: str
    frame: "pl.DataFrame"

    @property
    def closes_on(self) -> date:
        """The last day of the window."""
        return self.as_of + timedelta(days=self.horizon_days)

    def scored(self, purchases: "pl.DataFrame") -> tuple[Scores, Scores] | NotEstimable:
        """Score the predictions and the naive forecast on `purchase_days`, which must reach the window's
        end."""
        import polars as pl

        last = purchases["on"].max()
        if not isinstance(last, date) or last < self.closes_on:
            return NotEstimable(
                "window_open",
                f"the window closes on {self.closes_on}, and purchases are known until {last!s}",
            )
        bought = (
            purchases.filter(
                pl.col("bought") & (pl.col("on") > self.as_of) & (pl.col("on") <= self.closes_on)
            )
            .group_by("customer_id")
            .agg(pl.len().alias("bought"))
        )
        joined = self.frame.join(bought, on="customer_id", how="left", maintain_order="left")
        actual = joined["bought"].fill_null(0).to_numpy().astype(np.float64)
        if not actual.any():
            return NotEstimable("nothing_bought", f"none of the customers bought until {self.closes_on}")
        return score(actual, self.frame["expected"]), score(actual, self.frame["naive"])


def predictions_of(choice: Choice, as_of: date, *, customer: str = "customer_id") -> Predictions:
    """Return the recalibrated predictions of a choice made on data until `as_of`, ready to be kept."""
    import polars as pl

    correction = None if isinstance(choice.correction, NotEstimable) else choice.correction
    return Predictions(
        as_of=as_of,
        horizon_days=choice.horizon_days,
        model=choice.name,
        model_version=digest([choice.name, choice.fit.parameters, correction]),
        frame=pl.DataFrame(
            {
                "customer_id": choice.table[customer],
                "expected": choice.recalibrated,
                "naive": choice.naive,
            }
        ),
    )
