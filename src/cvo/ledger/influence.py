"""Totals that know what every customer adds to their error, so that sums and differences keep shared customers.

The influence of a customer on a total is how far the total moves with them (Hampel 1974); the variance of any sum of
totals is the sum of squares of what each customer adds to it, whichever totals they stand in.
"""

from collections.abc import Iterable, Sequence
from math import sqrt

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from cvo.core.evidence import Estimate, Grade, NotEstimable
from cvo.inference.clustered import normal_estimate

FloatArray = NDArray[np.float64]
INFLUENCE = pl.Schema({"person_id": pl.Binary(), "influence": pl.Float64()})


class Total(msgspec.Struct, frozen=True, eq=False):
    """A total and the influences on it: `person_id` and `influence`, which sum to zero, any rows a customer."""

    value: float
    influences: pl.DataFrame

    def minus(self, others: Iterable["Total"]) -> "Total":
        """Return what is left when other totals are taken off, with the customers they share accounted for."""
        taken = add_up(list(others))
        turned = taken.influences.with_columns(-pl.col("influence"))
        return Total(self.value - taken.value, pl.concat([self.influences, turned]))

    def by_customer(self) -> FloatArray:
        """Return what each customer adds in all, (customers,), ordered by id."""
        rows = self.influences.sort("person_id", maintain_order=True)
        codes, values = rows["person_id"].rle_id().to_numpy(), rows["influence"].to_numpy()
        return np.bincount(codes, weights=values).astype(np.float64, copy=False)

    def estimate(
        self, unit: str, *, level: float = 0.95, grade: Grade = Grade.MEASURED
    ) -> Estimate | NotEstimable:
        """Return the total with a normal interval, customers independent."""
        added = self.by_customer()
        count = len(added)
        if count < 2:
            return NotEstimable("too few clusters", f"{count} customers; a standard error needs at least 2")
        error = sqrt(count / (count - 1) * float(added @ added))
        return normal_estimate(self.value, error, level=level, unit=unit, grade=grade, sample_size=count)


def add_up(totals: Sequence[Total]) -> Total:
    """Return the sum of totals; that of none is nothing."""
    frames = [each.influences for each in totals]
    return Total(
        float(sum(each.value for each in totals)),
        pl.concat(frames) if frames else pl.DataFrame(schema=INFLUENCE),
    )


def influences(people: pl.Series, values: FloatArray) -> pl.DataFrame:
    """Return the influences of rows of customers as a frame."""
    return pl.DataFrame({"person_id": people, "influence": values}, schema=INFLUENCE)
