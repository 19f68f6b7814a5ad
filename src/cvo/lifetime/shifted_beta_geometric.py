"""sBG: how long contracts last when every customer renews with a probability of their own.

Fader and Hardie (2007), How to project customer retention, Journal of Interactive Marketing 21(1).
"""

from typing import ClassVar, Self

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from cvo.core.errors import InvalidInput
from cvo.core.evidence import NotEstimable
from cvo.lifetime.blocks import FloatArray
from cvo.lifetime.likelihood import Fit, maximise
from cvo.lifetime.purchase_model import Parameter


class Contracts(msgspec.Struct, frozen=True, eq=False):
    """Simulated contracts: periods begun up to the end of observation, and whether each was cancelled by
    then."""

    tenure: FloatArray
    churned: NDArray[np.bool_]


class ShiftedBetaGeometric(msgspec.Struct, frozen=True, eq=False):
    """At the end of each period the customer cancels with θ ~ Beta(α, β).

    `tenure` counts the renewal dates a contract has met; a `churned` one was cancelled at the last of them.

    >>> model = ShiftedBetaGeometric(0.668, 3.806)
    >>> round(float(model.survival(12)), 3)
    0.378
    """

    alpha: Parameter
    beta: Parameter

    start: ClassVar[tuple[float, ...]] = (1.0, 2.0)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the names of the parameters in the paper's order."""
        return cls.__struct_fields__

    @classmethod
    def of(cls, values: FloatArray) -> Self:
        """Make the model from (α, β)."""
        return cls(*(float(value) for value in values))

    @property
    def values(self) -> tuple[float, ...]:
        """The parameters in the paper's order."""
        return tuple(getattr(self, name) for name in self.names())

    @classmethod
    def fit(
        cls, tenure: ArrayLike, churned: ArrayLike, weight: ArrayLike | None = None
    ) -> Fit[Self] | NotEstimable:
        """Fit by maximum likelihood; `weight` counts the customers of a row (default one)."""
        t, gone = np.atleast_1d(_periods(tenure)), np.atleast_1d(np.asarray(churned, dtype=np.bool_))
        count = np.ones(t.shape) if weight is None else np.asarray(weight, dtype=np.float64)
        if (t[gone] < 1).any():
            raise InvalidInput(
                "a cancelled contract has a tenure of at least 1, the renewal at which it ended"
            )
        used = t > 0
        lost = float(count[used & gone].sum())
        if lost < 1 or np.unique(t[used & gone]).size + np.unique(t[used & ~gone]).size < 2:
            return NotEstimable(
                "no_contract_ended",
                f"{lost:g} contracts ended, at too few renewal dates to tell how customers differ: "
                "observe at least two renewals",
            )
        key, row = np.unique(np.column_stack([t, gone])[used], axis=0, return_inverse=True)
        size = np.bincount(row.reshape(-1), weights=count[used]).astype(np.float64)

        def score(theta: FloatArray) -> tuple[float, FloatArray]:
            return cls.of(np.exp(theta)).score(key[:, 0], key[:, 1], size)

        best = maximise(score, np.log(np.array(cls.start)))
        return Fit(
            model=cls.of(np.exp(best.theta)),
            log_likelihood=best.log_likelihood,
            customers=round(float(count.sum())),
            covariance=tuple(tuple(float(cell) for cell in line) for line in best.covariance),
            at_bound=tuple(name for name, at in zip(cls.names(), best.at_bound, strict=True) if at),
        )

    def survival(self, periods: ArrayLike) -> FloatArray:
        """Return the share of new customers who are left after `periods` renewals: equation (6)."""
        from scipy.special import betaln

        t = _periods(periods)
        return np.asarray(np.exp(betaln(self.alpha, self.beta + t) - betaln(self.alpha, self.beta)))

    def retention(self, period: ArrayLike) -> FloatArray:
        """Return the share of those who reach renewal number `period` and renew: (β+t-1)/(α+β+t-1),
        equation (8)."""
        t = _periods(period)
        return np.asarray((self.beta + t - 1) / (self.alpha + self.beta + t - 1))

    def probability_alive(self, tenure: ArrayLike, churned: ArrayLike) -> FloatArray:
        """Return 0 or 1: under a contract it is known who left."""
        t = _periods(tenure)
        return np.broadcast_to(np.where(np.asarray(churned, dtype=np.bool_), 0.0, 1.0), t.shape).copy()

    def expected_purchases(self, horizon: ArrayLike, tenure: ArrayLike, churned: ArrayLike) -> FloatArray:
        """Return the expected renewals at the next `horizon` renewal dates of customers who had `tenure` so
        far."""
        ahead, t = np.broadcast_arrays(_periods(horizon), _periods(tenure))
        renewals, stays = np.zeros(t.shape), np.ones(t.shape)
        for step in range(1, int(ahead.max(initial=0.0)) + 1):
            stays = stays * self.retention(t + step)
            renewals = renewals + np.where(step <= ahead, stays, 0.0)
        return renewals * self.probability_alive(t, churned)

    def simulate(self, T: ArrayLike, rng: np.random.Generator) -> Contracts:
        """Draw new contracts, each observed for T renewal dates."""
        n = np.atleast_1d(_periods(T))
        ends = rng.geometric(np.maximum(rng.beta(self.alpha, self.beta, n.shape), 1e-12))
        return Contracts(np.minimum(ends, n).astype(np.float64), ends <= n)

    def score(self, t: FloatArray, gone: FloatArray, size: FloatArray) -> tuple[float, FloatArray]:
        """Return the log-likelihood of `size` contracts a row and its gradient by log parameters."""
        from scipy.special import betaln, digamma

        a, b = self.alpha + gone, self.beta + t - gone
        value = betaln(a, b) - betaln(self.alpha, self.beta)
        shared = digamma(self.alpha + self.beta) - digamma(a + b)
        by_alpha = self.alpha * (digamma(a) - digamma(self.alpha) + shared)
        by_beta = self.beta * (digamma(b) - digamma(self.beta) + shared)
        return float((size * value).sum()), np.array([(size * by_alpha).sum(), (size * by_beta).sum()])


def _periods(count: ArrayLike) -> FloatArray:
    periods = np.asarray(count, dtype=np.float64)
    if not (np.isfinite(periods) & (periods >= 0) & (periods == np.floor(periods))).all():
        raise InvalidInput("periods are counted in whole numbers of at least 0")
    return periods
