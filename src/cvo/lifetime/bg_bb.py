"""BG/BB: at each opportunity a customer buys with a probability of their own, until they leave.

Fader, Hardie and Shang (2010), Customer-base analysis in a discrete-time noncontractual setting, Marketing
Science 29(6). For yearly donations, weekly shops, events: whatever happens at most once a period.
"""

from typing import ClassVar, Self

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from cvo.core.errors import InvalidInput
from cvo.core.evidence import NotEstimable
from cvo.lifetime.blocks import FloatArray
from cvo.lifetime.histories import Histories, checked, condensed, histories
from cvo.lifetime.likelihood import Fit, maximise
from cvo.lifetime.purchase_model import Parameter, Simulated, too_thin


class BgBb(msgspec.Struct, frozen=True, eq=False):
    """Purchase probability p ~ Beta(α, β), dropout probability θ ~ Beta(γ, δ) before each opportunity.

    `frequency` counts the periods with a purchase among the `T` that followed the first, `recency` is the
    last of them (0 without).
    """

    alpha: Parameter
    beta: Parameter
    gamma: Parameter
    delta: Parameter

    start: ClassVar[tuple[float, ...]] = (1.0, 1.0, 0.5, 2.0)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the names of the parameters in the paper's order."""
        return cls.__struct_fields__

    @classmethod
    def of(cls, values: FloatArray) -> Self:
        """Make the model from (α, β, γ, δ)."""
        return cls(*(float(value) for value in values))

    @property
    def values(self) -> tuple[float, ...]:
        """The parameters in the paper's order."""
        return tuple(getattr(self, name) for name in self.names())

    @classmethod
    def fit(cls, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike) -> Fit[Self] | NotEstimable:
        """Fit by maximum likelihood on one row per customer; see `cvo.lifetime.rfm_periods`."""
        rows = histories(*_whole(frequency, recency, T))
        refusal = too_thin(rows)
        if refusal is not None:
            return refusal
        data = condensed(rows)
        best = maximise(lambda theta: cls.of(np.exp(theta)).score(data), np.log(np.array(cls.start)))
        return Fit(
            model=cls.of(np.exp(best.theta)),
            log_likelihood=best.log_likelihood,
            customers=rows.customers,
            covariance=tuple(tuple(float(cell) for cell in row) for row in best.covariance),
            at_bound=tuple(name for name, at in zip(cls.names(), best.at_bound, strict=True) if at),
        )

    def log_likelihood(self, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike) -> FloatArray:
        """Return the log-likelihood of each customer: equation (5)."""
        x, t_x, n = _whole(frequency, recency, T)
        terms, _, _ = self._leaving(*(np.atleast_1d(column) for column in (x, t_x, n)))
        return _log_sum(terms).reshape(x.shape)

    def probability_alive(self, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike) -> FloatArray:
        """Return the probability that each customer survived the T opportunities: the last term of equation
        (5)."""
        x, t_x, n = _whole(frequency, recency, T)
        terms, _, _ = self._leaving(*(np.atleast_1d(column) for column in (x, t_x, n)))
        return np.asarray(np.exp(terms[-1] - _log_sum(terms))).reshape(x.shape)

    def expected_purchases(
        self, horizon: ArrayLike, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike
    ) -> FloatArray:
        """Return the expected purchases in the next `horizon` opportunities: equation (13), summed term by
        term.

        The published closed form divides by γ - 1; the sum over opportunities has no singularity.
        """
        x, _, n = _whole(frequency, recency, T)
        ahead = np.asarray(horizon, dtype=np.float64)
        if not (np.isfinite(ahead) & (ahead >= 0) & (ahead == np.floor(ahead))).all():
            raise InvalidInput("the horizon of BG/BB counts opportunities: a whole number of at least 0")
        expected = np.zeros(np.broadcast(ahead, x).shape)
        survives = np.ones(np.broadcast(expected, n).shape)
        for period in range(1, int(ahead.max(initial=0.0)) + 1):
            survives = survives * (self.delta + n + period - 1) / (self.gamma + self.delta + n + period - 1)
            expected = expected + np.where(period <= ahead, survives, 0.0)
        alive = self.probability_alive(frequency, recency, T)
        return np.asarray(alive * (self.alpha + x) / (self.alpha + self.beta + n) * expected)

    def expected_repeats(self, age: ArrayLike) -> FloatArray:
        """Return the expected purchases of a new customer in the first `age` opportunities."""
        zero = np.zeros(np.shape(age))
        return self.expected_purchases(age, zero, zero, zero)

    def simulate(self, T: ArrayLike, rng: np.random.Generator) -> Simulated:
        """Draw customers from the model, each observed for T opportunities."""
        n = np.atleast_1d(np.asarray(T, dtype=np.float64))
        buys = rng.beta(self.alpha, self.beta, n.shape)
        leaves = np.maximum(rng.beta(self.gamma, self.delta, n.shape), 1e-12)
        lived = rng.geometric(leaves) - 1
        frequency, last = np.zeros(n.shape), np.zeros(n.shape)
        for period in range(1, int(n.max(initial=0.0)) + 1):
            bought = (period <= n) & (period <= lived) & (rng.random(n.shape) < buys)
            frequency += bought
            last = np.where(bought, float(period), last)
        return Simulated(frequency, last, n, lived >= n)

    def sample_purchases(
        self,
        horizons: ArrayLike,
        frequency: ArrayLike,
        recency: ArrayLike,
        T: ArrayLike,
        rng: np.random.Generator,
    ) -> NDArray[np.int64]:
        """Draw one future each: purchases up to each of the rising horizons, shape (horizons, customers)."""
        x, t_x, n = _whole(frequency, recency, T)
        alive = rng.random(x.shape) < self.probability_alive(x, t_x, n)
        buys = rng.beta(self.alpha + x, self.beta + n - x)
        leaves = np.maximum(rng.beta(self.gamma, self.delta + n), 1e-12)
        lives = np.where(alive, rng.geometric(leaves) - 1, 0)
        edges = np.asarray(horizons, dtype=np.int64).reshape(-1, *[1] * x.ndim)
        open_periods = np.diff(np.minimum(edges, lives), prepend=0, axis=0)
        return np.cumsum(rng.binomial(open_periods, buys), axis=0)

    def score(self, data: Histories) -> tuple[float, FloatArray]:
        """Return the log-likelihood of all rows and its gradient by log parameters."""
        terms, by_buying, by_leaving = self._leaving(*data.columns)
        value = _log_sum(terms)
        share = np.exp(terms - value)
        columns = [(share * column).sum(axis=0) for column in (*by_buying, *by_leaving)]
        gradient = np.array([float((data.weight * column).sum()) for column in columns])
        return float((data.weight * value).sum()), gradient * np.array(self.values)

    def _leaving(
        self, x: FloatArray, t_x: FloatArray, n: FloatArray
    ) -> tuple[FloatArray, tuple[FloatArray, FloatArray], tuple[FloatArray, FloatArray]]:
        """Return the log terms of equation (5), one row per moment of leaving and the last for staying, and
        slopes."""
        from scipy.special import betaln, digamma

        most = int((n - t_x).max(initial=0.0))
        after = np.append(np.arange(most, dtype=np.float64), np.inf)[:, None]
        stays = np.isinf(after)
        seen = np.where(stays, n, np.minimum(t_x + after, n))
        impossible = ~stays & (t_x + np.where(stays, 0.0, after) >= n)
        left = np.where(stays, 0.0, 1.0)
        a, b = self.alpha + x, self.beta + seen - x
        c, d = self.gamma + left, self.delta + seen
        terms = betaln(a, b) - betaln(self.alpha, self.beta) + betaln(c, d) - betaln(self.gamma, self.delta)
        buying, leaving = digamma(a + b), digamma(c + d)
        all_buying, all_leaving = digamma(self.alpha + self.beta), digamma(self.gamma + self.delta)
        return (
            np.where(impossible, -np.inf, terms),
            (
                digamma(a) - buying - digamma(self.alpha) + all_buying,
                digamma(b) - buying - digamma(self.beta) + all_buying,
            ),
            (
                digamma(c) - leaving - digamma(self.gamma) + all_leaving,
                digamma(d) - leaving - digamma(self.delta) + all_leaving,
            ),
        )


def _log_sum(terms: FloatArray) -> FloatArray:
    top = terms.max(axis=0)
    return np.asarray(top + np.log(np.exp(terms - top).sum(axis=0)))


def _whole(
    frequency: ArrayLike, recency: ArrayLike, T: ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray]:
    x, t_x, n = checked(frequency, recency, T)
    if (t_x != np.floor(t_x)).any() or (n != np.floor(n)).any() or (x > t_x).any():
        raise InvalidInput(
            "BG/BB needs whole periods and at most one purchase in each; build the columns with "
            "cvo.lifetime.rfm_periods"
        )
    return x, t_x, n
