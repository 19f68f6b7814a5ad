"""Means and ratios of means when only the clusters, usually customers, are independent.

Everything an interval needs is kept in `ClusterMoments`: six numbers that add over disjoint sets of
clusters, so a shard, a day or an arm is summarised once and never read again.
"""

from math import isfinite, sqrt
from statistics import NormalDist
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from cvo.core.errors import InvalidInput
from cvo.core.evidence import Estimate, Grade, Interval, NotEstimable, weakest

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


class ClusterMoments(msgspec.Struct, frozen=True, kw_only=True):
    """Count, means and centred second moments of two totals per cluster: a numerator y and a denominator d.

    Moments of disjoint sets of clusters add (Chan, Golub, LeVeque 1979, eq. 1.5): `a + b` equals the
    moments of both sets read together. A cluster must not stand on both sides.

    >>> left = cluster_moments([1.0, 2.0, 6.0], clusters=["ann", "ann", "bob"])
    >>> right = cluster_moments([3.0], clusters=["cid"])
    >>> (left + right).clusters, (left + right).ratio
    (3, 3.0)
    """

    clusters: int
    mean_y: float
    mean_d: float
    squares_yy: float
    products_yd: float
    squares_dd: float

    def __add__(self, other: "ClusterMoments") -> "ClusterMoments":
        if not other.clusters:
            return self
        if not self.clusters:
            return other
        total = self.clusters + other.clusters
        share = other.clusters / total
        step_y, step_d = other.mean_y - self.mean_y, other.mean_d - self.mean_d
        between = self.clusters * share
        return ClusterMoments(
            clusters=total,
            mean_y=self.mean_y + share * step_y,
            mean_d=self.mean_d + share * step_d,
            squares_yy=self.squares_yy + other.squares_yy + between * step_y * step_y,
            products_yd=self.products_yd + other.products_yd + between * step_y * step_d,
            squares_dd=self.squares_dd + other.squares_dd + between * step_d * step_d,
        )

    @property
    def ratio(self) -> float:
        """The ratio of the two means, Σy/Σd."""
        return self.mean_y / self.mean_d

    @property
    def standard_error(self) -> float:
        """Delta-method standard error of the ratio, clusters independent; needs two clusters.

        `√( C/(C−1) · Σ_c (y_c − r·d_c)² ) / Σ_c d_c` (Cochran 1977, "Sampling techniques", chapter 6).
        """
        ratio = self.ratio
        residuals = self.squares_yy - 2 * ratio * self.products_yd + ratio * ratio * self.squares_dd
        variance = max(residuals, 0.0) / (self.clusters * (self.clusters - 1))
        return sqrt(variance) / abs(self.mean_d)


NO_CLUSTERS = ClusterMoments(
    clusters=0, mean_y=0.0, mean_d=0.0, squares_yy=0.0, products_yd=0.0, squares_dd=0.0
)
"""The moments of nothing: the start of a sum."""


def cluster_codes(clusters: npt.ArrayLike, rows: int) -> tuple[IntArray, int]:
    """Number the clusters from 0 in sorted order: an (n,) array of codes, and how many clusters there are.

    Raises `InvalidInput` when there is not one id a row or an id is missing.
    """
    ids: npt.NDArray[Any] = np.asarray(clusters)
    if ids.shape != (rows,):
        raise InvalidInput(f"clusters have shape {ids.shape}; give one id a row, {rows} in all")
    if ids.dtype.kind == "f" and not np.isfinite(ids).all():
        raise InvalidInput("a cluster id is NaN or infinite; a row of unknown cluster cannot be used")
    try:
        names, codes = np.unique(ids, return_inverse=True)
    except TypeError:
        raise InvalidInput("cluster ids are of mixed types; use one type, without None") from None
    return codes.astype(np.int64, copy=False), len(names)


def cluster_moments(
    numerator: npt.ArrayLike,
    denominator: npt.ArrayLike | None = None,
    *,
    clusters: npt.ArrayLike | None = None,
) -> ClusterMoments:
    """Summarise n rows into the moments of their cluster totals.

    `numerator` and `denominator` are (n,) arrays, the latter 1 a row unless given, so that the ratio is the
    mean over rows; for a mean over customers give one row a customer. Without `clusters` every row is its
    own. Raises `InvalidInput` for unequal lengths or values that are not finite.
    """
    y = finite_vector(numerator, "numerator")
    d = np.ones_like(y) if denominator is None else finite_vector(denominator, "denominator")
    if d.shape != y.shape:
        raise InvalidInput(f"{len(y)} numerators and {len(d)} denominators; give one of each a row")
    if clusters is None:
        return _moments(y, d)
    codes, count = cluster_codes(clusters, len(y))
    return moments_by_code(y, d, codes, count)


def moments_by_code(y: FloatArray, d: FloatArray, codes: IntArray, count: int) -> ClusterMoments:
    """Summarise rows whose clusters are already numbered 0 … count − 1 (see `cluster_codes`)."""
    return _moments(totals_by_code(y, codes, count), totals_by_code(d, codes, count))


def totals_by_code(values: FloatArray, codes: IntArray, count: int) -> FloatArray:
    """Return the (count,) sums of the values of each code; a code without rows has 0."""
    return np.bincount(codes, weights=values, minlength=count).astype(np.float64, copy=False)


def _moments(y: FloatArray, d: FloatArray) -> ClusterMoments:
    if not len(y):
        return NO_CLUSTERS
    mean_y, mean_d = float(y.mean()), float(d.mean())
    y, d = y - mean_y, d - mean_d
    return ClusterMoments(
        clusters=len(y),
        mean_y=mean_y,
        mean_d=mean_d,
        squares_yy=float(y @ y),
        products_yd=float(y @ d),
        squares_dd=float(d @ d),
    )


def finite_vector(values: npt.ArrayLike, name: str) -> FloatArray:
    """Return the values as an (n,) float array, or raise `InvalidInput` naming what is wrong with them."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise InvalidInput(f"{name} has shape {array.shape}; a vector with one value a row is needed")
    if not np.isfinite(array).all():
        first = int(np.flatnonzero(~np.isfinite(array))[0])
        raise InvalidInput(f"{name}[{first}] is {array[first]}; drop or repair rows that are not finite")
    return array


def ratio_estimate(
    moments: ClusterMoments,
    *,
    level: float = 0.95,
    unit: str,
    grade: Grade,
    effective_sample_size: float | None = None,
) -> Estimate | NotEstimable:
    """Estimate Σy/Σd with a normal interval: right for many clusters, say a hundred and more.

    `NotEstimable` when there are fewer than two clusters or the denominators sum to zero.
    """
    if moments.clusters < 2:
        detail = f"{moments.clusters} independent units; a standard error needs at least 2"
        return NotEstimable("too few clusters", detail)
    if moments.mean_d == 0:
        return NotEstimable("empty denominator", f"the denominators of {moments.clusters} units sum to zero")
    return normal_estimate(
        moments.ratio,
        moments.standard_error,
        level=level,
        unit=unit,
        grade=grade,
        sample_size=moments.clusters,
        effective_sample_size=effective_sample_size,
    )


def clustered_mean(
    values: npt.ArrayLike,
    *,
    weights: npt.ArrayLike | None = None,
    clusters: npt.ArrayLike | None = None,
    level: float = 0.95,
    unit: str,
    grade: Grade,
) -> Estimate | NotEstimable:
    """Estimate the mean of n values, weighted if `weights` are given, with clusters as independent units.

    >>> clustered_mean([1.0, 1.0, 3.0, 3.0], clusters=[1, 1, 2, 2], unit="orders", grade=Grade.MEASURED)
    2 orders [0.04004, 3.96] (measured)
    """
    y = finite_vector(values, "values")
    if weights is None:
        return ratio_estimate(cluster_moments(y, clusters=clusters), level=level, unit=unit, grade=grade)
    w = finite_vector(weights, "weights")
    if w.shape != y.shape:
        raise InvalidInput(f"{len(y)} values and {len(w)} weights; give one weight a row")
    moments = cluster_moments(w * y, w, clusters=clusters)
    return ratio_estimate(moments, level=level, unit=unit, grade=grade)


def ratio_of_means(
    numerator: npt.ArrayLike,
    denominator: npt.ArrayLike,
    *,
    clusters: npt.ArrayLike | None = None,
    level: float = 0.95,
    unit: str,
    grade: Grade,
) -> Estimate | NotEstimable:
    """Estimate a ratio of two means, such as revenue per order, by the delta method over clusters."""
    moments = cluster_moments(numerator, denominator, clusters=clusters)
    return ratio_estimate(moments, level=level, unit=unit, grade=grade)


def difference(first: Estimate | NotEstimable, second: Estimate | NotEstimable) -> Estimate | NotEstimable:
    """Estimate first − second for two *independent* estimates, such as two arms that share no customer.

    The interval has the level of the first. A missing side is handed through with its reason. The
    effective sample size is the smaller one, where known.
    """
    if isinstance(first, NotEstimable):
        return first
    if isinstance(second, NotEstimable):
        return second
    if first.unit != second.unit or first.interval.level != second.interval.level:
        raise InvalidInput(
            f"cannot subtract {second.unit} at level {second.interval.level} from {first.unit} at level "
            f"{first.interval.level}; estimate both in one unit at one level"
        )
    sizes = [e.effective_sample_size for e in (first, second) if e.effective_sample_size is not None]
    return normal_estimate(
        first.value - second.value,
        sqrt(first.standard_error**2 + second.standard_error**2),
        level=first.interval.level,
        unit=first.unit,
        grade=weakest(first.grade, second.grade),
        sample_size=first.sample_size + second.sample_size,
        effective_sample_size=min(sizes, default=None),
    )


def normal_estimate(
    value: float,
    standard_error: float,
    *,
    level: float,
    unit: str,
    grade: Grade,
    sample_size: int,
    effective_sample_size: float | None = None,
) -> Estimate | NotEstimable:
    """Wrap a value and its standard error with the interval value ± z·standard error."""
    if not (isfinite(value) and isfinite(standard_error)):
        return NotEstimable("not finite", f"the value is {value} ± {standard_error}: no weight, or overflow")
    reach = normal_quantile(level) * standard_error
    return Estimate(
        value=value,
        standard_error=standard_error,
        interval=Interval(value - reach, value + reach, level),
        grade=grade,
        unit=unit,
        sample_size=sample_size,
        effective_sample_size=effective_sample_size,
    )


def normal_quantile(level: float) -> float:
    """Return z with P(|Z| ≤ z) = level, e.g. 1.96 for .95; raises `InvalidInput` outside (0, 1)."""
    if not 0 < level < 1:
        raise InvalidInput(f"{level} is not a level; give a number between 0 and 1, such as 0.95")
    # The lower tail keeps its digits when the level is close to 1, as it is at late weekly looks.
    return -NormalDist().inv_cdf((1 - level) / 2)
