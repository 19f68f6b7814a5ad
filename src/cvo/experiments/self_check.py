"""The A/A self-check: the company's own customers, split at random many times, with nothing done to anybody.

If a test is sound on this metric, a share α of the splits is rejected and the p-values are uniform (Kohavi, Tang,
Xu 2020, "Trustworthy online controlled experiments", chapter 19). A metric of a few very large customers, or one
whose rows are taken for customers, fails here before it misleads anybody.
"""

from math import sqrt

import msgspec
import numpy as np
import numpy.typing as npt

from cvo.core.errors import InvalidInput
from cvo.core.evidence import Estimate, Grade, Interval, NotEstimable
from cvo.core.random import keyed_bytes
from cvo.inference.clustered import FloatArray, finite_vector, normal_quantile

_CELLS = 4_000_000


class SelfCheck(msgspec.Struct, frozen=True, kw_only=True):
    """What the splits said: the share rejected at `alpha`, and how far p-values are from uniform."""

    splits: int
    customers: int
    alpha: float
    rejected: Estimate
    uniformity_p: float
    """p-value of the Kolmogorov–Smirnov test that p-values are uniform."""
    p_values: tuple[float, ...]

    @property
    def sound(self) -> bool:
        """Tell whether the rejection rate may be α and the p-values may be uniform; 1 sound metric in 100 fails."""
        return not self.rejected.interval.excludes(self.alpha) and self.uniformity_p >= 0.005


def self_check(
    values: npt.ArrayLike,
    denominators: npt.ArrayLike | None = None,
    *,
    seed: str,
    splits: int = 1_000,
    treated_share: float = 0.5,
    alpha: float = 0.05,
) -> SelfCheck | NotEstimable:
    """Split customers at random `splits` times and test each split for an effect that cannot be there.

    `values` are (n,) totals, one a customer, `denominators` likewise for a ratio such as revenue per order.
    The interval of the rejection rate has level 99.5 %. `NotEstimable` for under 100 customers or a metric
    that never varies.
    """
    y = finite_vector(values, "values")
    d = np.ones_like(y) if denominators is None else finite_vector(denominators, "denominators")
    if y.shape != d.shape:
        raise InvalidInput(f"{len(y)} values and {len(d)} denominators; give one of each a customer")
    if splits < 100 or not (0 < treated_share < 1 and 0 < alpha < 1):
        raise InvalidInput("splits has to be 100 or more, treated_share and alpha in (0, 1)")
    if len(y) < 100:
        return NotEstimable("too few customers", f"{len(y)} customers; an A/A check needs 100")
    if d.sum() == 0 or not np.ptp(y - y.sum() / d.sum() * d):
        return NotEstimable("constant metric", "the metric is the same for every customer")
    random = np.random.Generator(np.random.Philox(int.from_bytes(keyed_bytes(seed, "a/a"), "little")))
    z = np.concatenate(
        [
            _split_z(y, d, random.random((rows, len(y))) < treated_share)
            for rows in _blocks(splits, max(1, _CELLS // len(y)))
        ]
    )
    from scipy.special import kolmogorov, ndtr  # a third of a second to import

    p = 2 * ndtr(-np.abs(z))
    return SelfCheck(
        splits=splits,
        customers=len(y),
        alpha=alpha,
        rejected=_rate(int((p < alpha).sum()), splits),
        uniformity_p=float(kolmogorov(sqrt(splits) * _distance_from_uniform(p))),
        p_values=tuple(p.tolist()),
    )


def _blocks(count: int, most: int) -> list[int]:
    return [min(most, count - start) for start in range(0, count, most)]


def _split_z(y: FloatArray, d: FloatArray, treated: npt.NDArray[np.bool_]) -> FloatArray:
    """Return (b,) z-scores of the difference of ratios, for b splits at once."""
    # Deviations from the common ratio: the difference of arms loses no digits to it.
    common = y.sum() / d.sum()
    rows = np.column_stack(
        [np.ones_like(y), y - common * d, d, (y - common * d) ** 2, (y - common * d) * d, d * d]
    )
    first = treated @ rows
    sums = np.stack([first, rows.sum(axis=0) - first])
    n, y_sum, d_sum, yy, yd, dd = np.moveaxis(sums, 2, 0)
    ratio = y_sum / d_sum
    # Residuals y − r·d sum to zero, so their squares need no centring.
    squares = np.maximum(yy - 2 * ratio * yd + ratio**2 * dd, 0.0)
    variance = n / (n - 1) * squares / d_sum**2
    z: FloatArray = (ratio[0] - ratio[1]) / np.sqrt(variance.sum(axis=0))
    return z


def _rate(hits: int, count: int) -> Estimate:
    """Wilson's 1927 interval, right for rates near 0 as well."""
    level = 0.995
    z = normal_quantile(level)
    rate = hits / count
    middle = (rate + z * z / (2 * count)) / (1 + z * z / count)
    reach = z / (1 + z * z / count) * sqrt(rate * (1 - rate) / count + z * z / (4 * count * count))
    return Estimate(
        value=rate,
        standard_error=sqrt(rate * (1 - rate) / count),
        interval=Interval(middle - reach, middle + reach, level),
        grade=Grade.MEASURED,
        unit="of splits rejected",
        sample_size=count,
    )


def _distance_from_uniform(p: FloatArray) -> float:
    ordered, count = np.sort(p), len(p)
    steps = np.arange(1, count + 1) / count
    return float(max((steps - ordered).max(), (ordered - steps + 1 / count).max()))
