"""Margins of products or categories, each believed as far as its own sales carry it."""

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from cvo.core.errors import InvalidInput
from cvo.lifetime.blocks import FloatArray


class GroupRates(msgspec.Struct, frozen=True, eq=False):
    """Rates by group: as observed, how far believed (0 to 1), and the shrunk `rate` to use."""

    groups: NDArray[np.object_]
    observed: FloatArray
    credibility: FloatArray
    rate: FloatArray
    overall: float

    def of(self, labels: ArrayLike) -> FloatArray:
        """Return the rate of each label; the overall rate for a group never seen."""
        known = dict(zip(self.groups.tolist(), self.rate.tolist(), strict=True))
        return np.array(
            [known.get(label, self.overall) for label in np.asarray(labels, dtype=object).tolist()]
        )


def shrunk_rates(part: ArrayLike, whole: ArrayLike, group: ArrayLike) -> GroupRates:
    """Return margin over sales (or any `part` of a `whole`) by group, shrunk towards all: Bühlmann and
    Straub (1970).

    One row per order or customer. The within- and between-group variances are their unbiased estimators
    (Bühlmann and Gisler 2005, section 4.8); with none between groups every group gets the overall rate.

    >>> rates = shrunk_rates([4, 6, 1], [10, 10, 10], ["tea", "tea", "cups"])
    >>> bool(rates.rate[1] > rates.rate[0])
    True
    """
    numerator, weight = np.asarray(part, dtype=np.float64), np.asarray(whole, dtype=np.float64)
    if (weight <= 0).any() or not np.isfinite(numerator).all():
        raise InvalidInput("every row needs a positive whole and a finite part")
    names, index = np.unique(np.asarray(group, dtype=object), return_inverse=True)
    size = np.bincount(index, weights=weight)
    observed = np.bincount(index, weights=numerator) / size
    overall = float(numerator.sum() / weight.sum())
    rows = np.bincount(index)
    spare = int((rows - 1).sum())
    within = float((weight * (numerator / weight - observed[index]) ** 2).sum()) / spare if spare else 0.0
    total = float(weight.sum())
    room = total - float((size**2).sum()) / total
    between = (
        (float((size * (observed - overall) ** 2).sum()) - (len(names) - 1) * within) / room if room else 0.0
    )
    believed = size / (size + within / between) if between > 0 else np.zeros(len(names))
    centre = float((believed * observed).sum() / believed.sum()) if believed.sum() > 0 else overall
    return GroupRates(names, observed, believed, believed * observed + (1 - believed) * centre, centre)
