"""Gamma-Gamma: what a purchase of each customer is worth on average.

Fader and Hardie (2013), The gamma-gamma model of monetary value; Colombo and Jiang (1999).
"""

from typing import ClassVar, Self

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from cvo.core.errors import InvalidInput
from cvo.core.evidence import NotEstimable
from cvo.lifetime.blocks import FloatArray, over_blocks, rowwise
from cvo.lifetime.likelihood import Fit, Score, maximise
from cvo.lifetime.purchase_model import FEWEST_REPEATERS, Parameter

_COARSE_ROWS = 20_000


class GammaGamma(msgspec.Struct, frozen=True, eq=False):
    """A customer's purchases are worth Gamma(p, ν) each, with ν ~ Gamma(q, v) between customers; q > 1.

    `monetary_value` is the mean value of the `frequency` purchases it was observed on.

    >>> model = GammaGamma(6.25, 3.74, 15.44)
    >>> [round(float(m), 2) for m in model.expected_value([0, 1, 10], [0.0, 100.0, 100.0])]
    [35.22, 80.26, 97.28]
    """

    p: Parameter
    q: Parameter
    v: Parameter

    start: ClassVar[tuple[float, ...]] = (2.0, 2.0, 1.0)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the names of the parameters in the paper's order."""
        return cls.__struct_fields__

    @classmethod
    def of(cls, values: FloatArray) -> Self:
        """Make the model from (p, q, v); a q of 1 or less, where no mean exists, is taken as barely above."""
        p, q, v = (float(value) for value in values)
        return cls(p, max(q, 1.0 + 1e-6), v)

    @property
    def values(self) -> tuple[float, ...]:
        """The parameters in the paper's order."""
        return tuple(getattr(self, name) for name in self.names())

    @classmethod
    def fit(cls, frequency: ArrayLike, monetary_value: ArrayLike) -> Fit[Self] | NotEstimable:
        """Fit by maximum likelihood on the customers with purchases of positive value; others are left out.

        q is kept above 1, so that the mean value exists. Returns `NotEstimable` with fewer than ten such
        customers or when all their values are equal.
        """
        x, mean = _checked(frequency, monetary_value)
        used = (x > 0) & (mean > 0)
        if not used.all():
            x, mean = x[used], mean[used]
        if x.size < FEWEST_REPEATERS or np.ptp(mean) <= 1e-9 * mean.max(initial=0.0):
            return NotEstimable(
                "too_few_values",
                f"{x.size} customers bought again at a positive value; at least {FEWEST_REPEATERS} with "
                "different values are needed: use their plain mean",
            )
        unit = float(mean.mean())
        every = max(1, x.size // _COARSE_ROWS)
        best = maximise(
            log_likelihood_of(x, mean / unit),
            np.log(np.array(cls.start) - [0.0, 1.0, 0.0]),
            coarse=log_likelihood_of(x[::every], mean[::every] / unit) if every > 1 else None,
            coarse_share=x[::every].size / x.size,
        )
        p, above, v = np.exp(best.theta)
        per_log_q = np.array([1.0, above / (1 + above), 1.0])
        covariance = best.covariance * np.outer(per_log_q, per_log_q)
        return Fit(
            model=cls(float(p), float(1 + above), float(v * unit)),
            log_likelihood=best.log_likelihood - x.size * float(np.log(unit)),
            customers=int(x.size),
            covariance=tuple(tuple(float(cell) for cell in row) for row in covariance),
            at_bound=tuple(name for name, at in zip(cls.names(), best.at_bound, strict=True) if at),
        )

    def expected_value(self, frequency: ArrayLike, monetary_value: ArrayLike) -> FloatArray:
        """Return each customer's expected value of a purchase, p(v + x m̄)/(px + q - 1): equation (5) of
        the note."""
        x, mean = _checked(frequency, monetary_value)
        return rowwise(
            lambda x, mean, p, q, v: p * (v + x * mean) / (p * x + q - 1.0), x, mean, self.p, self.q, self.v
        )

    def log_likelihood(self, frequency: ArrayLike, monetary_value: ArrayLike) -> FloatArray:
        """Return the log density of each positive mean value: equation (1a) of the note."""
        from scipy.special import gammaln

        x, mean = _checked(frequency, monetary_value)
        px = self.p * x
        return np.asarray(
            gammaln(px + self.q)
            - gammaln(px)
            - gammaln(self.q)
            + self.q * np.log(self.v)
            + (px - 1) * np.log(mean)
            + px * np.log(x)
            - (px + self.q) * np.log(self.v + x * mean)
        )

    def sample_value(
        self, purchases: ArrayLike, frequency: ArrayLike, monetary_value: ArrayLike, rng: np.random.Generator
    ) -> FloatArray:
        """Draw the total value of `purchases` future purchases of each customer; steps of one future go
        along axis 0.

        A customer's own level is drawn once and shared by all steps.
        """
        count = np.asarray(purchases, dtype=np.float64)
        x, mean = _checked(frequency, monetary_value)
        customers = np.broadcast_shapes(x.shape, count.shape[1:] if count.ndim > 1 else count.shape)
        level = rng.gamma(np.broadcast_to(self.q + self.p * x, customers), 1.0) / (self.v + x * mean)
        return np.asarray(rng.gamma(self.p * count, 1.0) / np.maximum(level, 1e-300))

    def simulate(self, frequency: ArrayLike, rng: np.random.Generator) -> FloatArray:
        """Draw the mean value of `frequency` purchases for new customers; 0 without a purchase."""
        x = np.asarray(frequency, dtype=np.float64)
        level = rng.gamma(self.q, 1.0, x.shape) / self.v
        return np.where(x > 0, rng.gamma(self.p * np.maximum(x, 1)) / (level * np.maximum(x, 1)), 0.0)


def log_likelihood_of(x: FloatArray, mean: FloatArray) -> Score:
    """Return the log-likelihood over (ln p, ln(q - 1), ln v); all but one logarithm a row is done
    beforehand."""
    from scipy.special import digamma, gammaln

    counts, rows = np.unique(x, return_counts=True)
    log_mean = float(np.log(mean).sum())
    weighted = float((x * np.log(mean)).sum()) + float((rows * counts * np.log(counts)).sum())
    value_sum = x * mean

    def score(theta: FloatArray) -> tuple[float, FloatArray]:
        p, above, v = np.exp(theta)
        q = 1.0 + above
        log_sum, x_log_sum, inverse, x_inverse = np.sum(
            over_blocks(lambda count, value: _sums(count, value, v), (x, value_sum)), axis=0
        )
        px = p * counts
        by_count = gammaln(px + q) - gammaln(px) - gammaln(q)
        total = float((rows * by_count).sum()) + x.size * q * np.log(v) + p * weighted - log_mean
        shared = digamma(px + q)
        by_p = (rows * counts * (shared - digamma(px))).sum() + weighted - x_log_sum
        by_q = (rows * (shared - digamma(q))).sum() + x.size * np.log(v) - log_sum
        by_v = x.size * q / v - p * x_inverse - q * inverse
        return float(total - p * x_log_sum - q * log_sum), np.array([p * by_p, above * by_q, v * by_v])

    return score


def _sums(x: FloatArray, value: FloatArray, v: float) -> tuple[float, float, float, float]:
    total = value + v
    logs = np.log(total)
    inverse = 1.0 / total
    return float(logs.sum()), float((x * logs).sum()), float(inverse.sum()), float((x * inverse).sum())


def _checked(frequency: ArrayLike, monetary_value: ArrayLike) -> tuple[FloatArray, FloatArray]:
    x, mean = np.broadcast_arrays(
        np.asarray(frequency, dtype=np.float64), np.asarray(monetary_value, dtype=np.float64)
    )
    if not (np.isfinite(x) & np.isfinite(mean)).all() or (x < 0).any():
        raise InvalidInput("frequency and monetary_value must be finite, and frequency at least 0")
    if (mean < 0).any():
        raise InvalidInput(
            "monetary_value must not be negative: keep refunds apart, as cvo.lifetime.rfm does"
        )
    return x, mean
