"""Effects on quantiles, such as the median order or the slowest tenth of answers, with customers as the unit."""

import numpy as np
import numpy.typing as npt

from cvo.core.errors import InvalidInput
from cvo.core.evidence import Estimate, Grade, NotEstimable
from cvo.inference import cluster_moments, difference
from cvo.inference.clustered import FloatArray, finite_vector, normal_estimate, normal_quantile


def quantile_estimate(
    values: npt.ArrayLike,
    quantile: float,
    *,
    clusters: npt.ArrayLike | None = None,
    level: float = 0.95,
    unit: str,
    grade: Grade = Grade.MEASURED,
) -> Estimate | NotEstimable:
    """Estimate a quantile of n values, rows of one cluster depending on each other.

    The share of rows below the quantile has a delta-method standard error over clusters; the quantiles of that
    share's interval are the quantile's interval, and its half width over z the standard error, so no density
    is estimated (Deng, Knoblich, Lu 2018, §4.2, the outer interval). `NotEstimable` where rows tie at the
    quantile, as a median of mostly zeros does: its sampling distribution is not near a normal one.
    """
    if not 0 < quantile < 1:
        raise InvalidInput(f"{quantile} is no quantile; give a number between 0 and 1, such as 0.5")
    y = finite_vector(values, "values")
    if len(y) < 2:
        return NotEstimable("too few clusters", f"{len(y)} values; a quantile needs many more")
    value = float(np.quantile(y, quantile))
    share = cluster_moments((y <= value).astype(np.float64), clusters=clusters)
    if share.clusters < 2:
        return NotEstimable("too few clusters", f"{share.clusters} independent units; at least 2 are needed")
    z = normal_quantile(level)
    reach = z * share.standard_error
    tied = float((y == value).mean())
    if tied > max(reach, 2 / len(y)):
        return NotEstimable(
            "tied values",
            f"{tied:.1%} of the values are {value:g}, where the quantile lies: compare shares instead",
        )
    if not 0 < quantile - reach < quantile + reach < 1:
        return NotEstimable(
            "too few clusters",
            f"{share.clusters} customers cannot tell the {quantile:g} quantile at this level",
        )
    low, high = _between(y, quantile - reach, quantile + reach)
    return normal_estimate(
        value, (high - low) / (2 * z), level=level, unit=unit, grade=grade, sample_size=share.clusters
    )


def quantile_effect(
    treated: npt.ArrayLike,
    control: npt.ArrayLike,
    quantile: float,
    *,
    treated_clusters: npt.ArrayLike | None = None,
    control_clusters: npt.ArrayLike | None = None,
    level: float = 0.95,
    unit: str,
    grade: Grade = Grade.MEASURED,
) -> Estimate | NotEstimable:
    """Estimate the difference of a quantile between two arms that share no customer."""
    arms = [
        quantile_estimate(values, quantile, clusters=clusters, level=level, unit=unit, grade=grade)
        for values, clusters in ((treated, treated_clusters), (control, control_clusters))
    ]
    return difference(arms[0], arms[1])


def _between(y: FloatArray, low: float, high: float) -> tuple[float, float]:
    ends = np.quantile(y, [low, high])
    return float(ends[0]), float(ends[1])
