"""Pareto/NBD: customers buy at their own rate and may leave at any moment.

Schmittlein, Morrison and Colombo (1987), Counting your customers: who are they and what will they do next?,
Management Science 33(1); Fader and Hardie (2005), A note on deriving the Pareto/NBD model and related
expressions.
"""

from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cvo.lifetime.blocks import FloatArray
from cvo.lifetime.histories import checked
from cvo.lifetime.purchase_model import Parameter, PurchaseModel, Simulated, Terms

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(32)
_NODES, _WEIGHTS = (_NODES + 1) / 2, _WEIGHTS / 2
# e^-45 of the integrand lies below double precision.
_NEGLIGIBLE = 45.0


class ParetoNbd(PurchaseModel, frozen=True, eq=False):
    """Purchase rates λ ~ Gamma(r, α), dropout rates μ ~ Gamma(s, β).

    >>> model = ParetoNbd(0.553, 10.578, 0.606, 11.669)
    >>> round(float(model.probability_alive(frequency=2, recency=30.43, T=38.86)), 3)
    0.869
    """

    s: Parameter
    beta: Parameter

    timed: ClassVar[tuple[str, ...]] = ("alpha", "beta")
    start: ClassVar[tuple[float, ...]] = (0.5, 0.5, 0.5, 0.5)

    def counts_terms(self, frequency: FloatArray) -> Terms:
        """Return ln Γ(r+x)/Γ(r) + r ln α + s ln β."""
        from scipy.special import digamma, gammaln

        r, alpha, s, beta = self.r, self.alpha, self.s, self.beta
        value = gammaln(r + frequency) - gammaln(r) + r * np.log(alpha) + s * np.log(beta)
        return Terms(
            value, (r * (digamma(r + frequency) - digamma(r) + np.log(alpha)), r, s * np.log(beta), s)
        )

    def timing_terms(self, frequency: FloatArray, recency: FloatArray, T: FloatArray) -> Terms:
        """Return ln[(α+T)^-(r+x) (β+T)^-s + s ∫ (α+τ)^-(r+x) (β+τ)^-(s+1) dτ], τ from t_x to T.

        The integral over the moment of leaving stands behind the two ₂F₁ of Fader and Hardie (2005), equation
        (16); their difference loses all digits for frequent buyers, the integral none.
        """
        from scipy.special import expit

        shape = self.r + frequency
        log_alpha, log_beta = np.log(self.alpha + T), np.log(self.beta + T)
        alive = -shape * log_alpha - self.s * log_beta
        left = self._leaving(frequency, recency, T)
        odds = np.log(self.s) + left[0] - alive
        gone = expit(odds)
        stayed = 1 - gone
        return Terms(
            alive + np.logaddexp(0.0, odds),
            (
                -self.r * (stayed * log_alpha + gone * left[1]),
                -self.alpha * shape * (stayed / (self.alpha + T) + gone * left[2]),
                -self.s * (stayed * log_beta + gone * left[3]) + gone,
                -self.beta * (stayed * self.s / (self.beta + T) + gone * (self.s + 1) * left[4]),
            ),
        )

    def _leaving(
        self, frequency: FloatArray, recency: FloatArray, T: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
        """Return the log of the integral, and under its weights the means of ln(α+τ), 1/(α+τ), ln(β+τ),
        1/(β+τ).

        Gauss-Legendre nodes in y = ln((m+τ)/(m+t_x)), m = min(α, β): there the nearest singularity is πi
        away, whatever the parameters. The range ends where the integrand has died down.
        """
        shape = self.r + frequency
        alpha_last, beta_last = self.alpha + recency, self.beta + recency
        nearest = np.minimum(alpha_last, beta_last)
        reach = np.minimum(T - recency, alpha_last * _until_negligible(shape))
        reach = np.minimum(reach, beta_last * _until_negligible(self.s + 1))
        span = np.log1p(reach / nearest)
        total = np.zeros(np.broadcast(frequency, nearest).shape)
        log_a, over_a, log_b, over_b = (np.zeros_like(total) for _ in range(4))
        for node, weight in zip(_NODES, _WEIGHTS, strict=True):
            since = nearest * np.expm1(node * span)
            grown_a, grown_b = np.log1p(since / alpha_last), np.log1p(since / beta_last)
            mass = weight * (nearest + since) * np.exp(-shape * grown_a - (self.s + 1) * grown_b)
            total += mass
            log_a += mass * grown_a
            over_a += mass / (alpha_last + since)
            log_b += mass * grown_b
            over_b += mass / (beta_last + since)
        with np.errstate(divide="ignore"):
            value = np.log(total * span) - shape * np.log(alpha_last) - (self.s + 1) * np.log(beta_last)
        return (
            value,
            np.log(alpha_last) + log_a / total,
            over_a / total,
            np.log(beta_last) + log_b / total,
            over_b / total,
        )

    def log_odds_gone(self, frequency: FloatArray, recency: FloatArray, T: FloatArray) -> FloatArray:
        """Return the log of s (α+T)^(r+x) (β+T)^s ∫ (α+τ)^-(r+x) (β+τ)^-(s+1) dτ."""
        alive = -(self.r + frequency) * np.log(self.alpha + T) - self.s * np.log(self.beta + T)
        return np.asarray(np.log(self.s) + self._leaving(frequency, recency, T)[0] - alive)

    def purchases_if_alive(self, horizon: FloatArray, frequency: FloatArray, T: FloatArray) -> FloatArray:
        """Return (r+x)/(α+T) · (β+T)/(s-1) [1 - ((β+T)/(β+T+t))^(s-1)], Fader and Hardie (2005), equation
        (41).

        At s = 1 the last two factors become (β+T) ln((β+T+t)/(β+T)).
        """
        log_rest = -np.log1p(horizon / (self.beta + T))
        power = np.asarray(self.s - 1.0, dtype=np.float64)
        flat = np.abs(power) < 1e-300
        lived = np.where(flat, -log_rest, -np.expm1(power * log_rest) / np.where(flat, 1.0, power))
        return np.asarray((self.r + frequency) / (self.alpha + T) * (self.beta + T) * lived)

    def simulate(self, T: ArrayLike, rng: np.random.Generator) -> Simulated:
        """Draw customers from the model, each observed for T after the first purchase."""
        age = np.atleast_1d(np.asarray(T, dtype=np.float64))
        rate = rng.gamma(self.r, 1.0, age.shape) / self.alpha
        leaves = rng.gamma(self.s, 1.0, age.shape) / self.beta
        lived = rng.exponential(1.0, age.shape) / np.maximum(leaves, 1e-300)
        until = np.minimum(lived, age)
        frequency = rng.poisson(rate * until).astype(np.float64)
        # The last of x purchases spread evenly over (0, until].
        last = np.where(frequency > 0, until * rng.random(age.shape) ** (1 / np.maximum(frequency, 1)), 0.0)
        return Simulated(frequency, last, age, lived > age)

    def sample_purchases(
        self,
        horizons: ArrayLike,
        frequency: ArrayLike,
        recency: ArrayLike,
        T: ArrayLike,
        rng: np.random.Generator,
    ) -> NDArray[np.int64]:
        """Draw one future each: Poisson purchases until the customer leaves."""
        x, t_x, age = checked(frequency, recency, T)
        alive = rng.random(x.shape) < self.probability_alive(x, t_x, age)
        rate = rng.gamma(self.r + x, 1.0) / (self.alpha + age)
        leaves = rng.gamma(self.s, 1.0, x.shape) / (self.beta + age)
        lives = np.where(alive, rng.exponential(1.0, x.shape) / np.maximum(leaves, 1e-300), 0.0)
        edges = np.asarray(horizons, dtype=np.float64).reshape(-1, *[1] * x.ndim)
        widths = np.diff(np.minimum(edges, lives), prepend=0.0, axis=0)
        return np.cumsum(rng.poisson(rate * widths), axis=0)


def _until_negligible(power: Parameter) -> Parameter:
    """Return u where (1+u)^-power has died down."""
    return np.asarray(np.expm1(np.minimum(_NEGLIGIBLE / power, 300.0)))
