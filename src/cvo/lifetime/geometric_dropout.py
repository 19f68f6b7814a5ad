"""BG/NBD and MBG/NBD: after a purchase a customer may leave, with a probability of their own.

Fader, Hardie and Lee (2005), "Counting your customers" the easy way: an alternative to the Pareto/NBD model,
Marketing Science 24(2); Batislam, Denizel and Filiztekin (2007), Int. J. of Research in Marketing 24(3);
Hoppe and Wagner (2007), Marketing JRM 3/2007. The two models differ in one thing only: whether a customer may
already leave after the first purchase.
"""

from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cvo.lifetime.blocks import FloatArray
from cvo.lifetime.dropout import purchases_until_dropout
from cvo.lifetime.histories import checked
from cvo.lifetime.purchase_model import Parameter, PurchaseModel, Simulated, Terms


class BetaGeometric(PurchaseModel, frozen=True, eq=False):
    """Purchase rates λ ~ Gamma(r, α); after a purchase the customer leaves with p ~ Beta(a, b)."""

    a: Parameter
    b: Parameter

    timed: ClassVar[tuple[str, ...]] = ("alpha",)
    start: ClassVar[tuple[float, ...]] = (0.5, 0.5, 1.0, 2.0)
    leaves_at_once: ClassVar[bool]
    """Whether a customer may leave right after the first purchase."""

    def survived(self, frequency: FloatArray) -> FloatArray:
        """Return B of p ~ Beta(a, B) for a customer who has not left: one more for every coin survived."""
        return self.b + frequency + (1.0 if self.leaves_at_once else 0.0)

    def counts_terms(self, frequency: FloatArray) -> Terms:
        """Return ln Γ(r+x)/Γ(r) + r ln α + ln B(a, B)/B(a, b), with B as in `survived`."""
        from scipy.special import digamma, gammaln

        r, alpha, a, b = self.r, self.alpha, self.a, self.b
        left = self.survived(frequency)
        value = gammaln(r + frequency) - gammaln(r) + r * np.log(alpha)
        value = value + gammaln(left) - gammaln(b) - gammaln(a + left) + gammaln(a + b)
        together = digamma(a + b) - digamma(a + left)
        return Terms(
            value,
            (
                r * (digamma(r + frequency) - digamma(r) + np.log(alpha)),
                r,
                a * together,
                b * (digamma(left) - digamma(b) + together),
            ),
        )

    def timing_terms(self, frequency: FloatArray, recency: FloatArray, T: FloatArray) -> Terms:
        """Return ln[(α+T)^-(r+x) + a/(B-1) (α+t_x)^-(r+x)]; without the second term for who can't have left.

        Fader, Hardie and Lee (2005), equation (6) over the terms of `counts_terms`.
        """
        from scipy.special import expit

        shape = self.r + frequency
        until_end = np.log(self.alpha + T)
        alive = -shape * until_end
        if not self.leaves_at_once and not frequency.any():
            return Terms(alive, (-self.r * until_end, -shape * self.alpha / (self.alpha + T), 0.0, 0.0))
        until_last = np.log(self.alpha + recency)
        odds = self._odds(frequency, shape * (until_end - until_last))
        gone = expit(odds)
        mean_log = until_end + gone * (until_last - until_end)
        mean_inverse = (1 - gone) / (self.alpha + T) + gone / (self.alpha + recency)
        before = np.maximum(self.survived(frequency) - 1, 1e-300)
        return Terms(
            alive + np.logaddexp(0.0, odds),
            (-self.r * mean_log, -self.alpha * shape * mean_inverse, gone, -self.b * gone / before),
        )

    def log_odds_gone(self, frequency: FloatArray, recency: FloatArray, T: FloatArray) -> FloatArray:
        """Return the log of a/(B-1) ((α+T)/(α+t_x))^(r+x)."""
        silence = np.log1p((T - recency) / (self.alpha + recency))
        return self._odds(frequency, (self.r + frequency) * silence)

    def purchases_if_alive(self, horizon: FloatArray, frequency: FloatArray, T: FloatArray) -> FloatArray:
        """Return Fader, Hardie and Lee (2005), equation (10), numerator; for MBG with b one higher."""
        spare = self.a + self.survived(np.zeros(())) - 1 - self.r
        return purchases_until_dropout(self.a, self.survived(frequency), spare, self.alpha + T, horizon)

    def _odds(self, frequency: FloatArray, silence: FloatArray) -> FloatArray:
        before = self.survived(frequency) - 1
        odds = np.log(self.a) - np.log(np.maximum(before, 1e-300)) + silence
        return odds if self.leaves_at_once else np.where(frequency > 0, odds, -np.inf)

    def simulate(self, T: ArrayLike, rng: np.random.Generator) -> Simulated:
        """Draw customers from the model, each observed for T after the first purchase."""
        age = np.atleast_1d(np.asarray(T, dtype=np.float64))
        rate = rng.gamma(self.r, 1.0, age.shape) / self.alpha
        leaves = rng.beta(self.a, self.b, age.shape)
        frequency, last, now = np.zeros(age.shape), np.zeros(age.shape), np.zeros(age.shape)
        alive = rng.random(age.shape) >= leaves if self.leaves_at_once else np.ones(age.shape, dtype=np.bool_)
        running = np.flatnonzero(alive)
        while running.size:
            now[running] += rng.exponential(1.0, running.size) / np.maximum(rate[running], 1e-300)
            running = running[now[running] <= age[running]]
            frequency[running] += 1
            last[running] = now[running]
            stays = rng.random(running.size) >= leaves[running]
            alive[running[~stays]] = False
            running = running[stays]
        return Simulated(frequency, last, age, alive)

    def sample_purchases(
        self,
        horizons: ArrayLike,
        frequency: ArrayLike,
        recency: ArrayLike,
        T: ArrayLike,
        rng: np.random.Generator,
    ) -> NDArray[np.int64]:
        """Draw one future each: the Poisson purchases until the one after which the customer leaves."""
        x, t_x, age = checked(frequency, recency, T)
        alive = rng.random(x.shape) < self.probability_alive(x, t_x, age)
        rate = rng.gamma(self.r + x, 1.0) / (self.alpha + age)
        leaves = np.maximum(rng.beta(self.a, self.survived(x)), 1e-12)
        until = rng.geometric(leaves)
        widths = np.diff(np.asarray(horizons, dtype=np.float64), prepend=0.0)
        steps = rng.poisson(rate * widths.reshape(-1, *[1] * x.ndim))
        return np.where(alive, np.minimum(np.cumsum(steps, axis=0), until), 0).astype(np.int64)


class BgNbd(BetaGeometric, frozen=True, eq=False):
    """BG/NBD (Fader, Hardie and Lee 2005): a customer may leave after any repeat purchase.

    Whoever never bought again counts as alive for certain; where that is wrong, prefer `MbgNbd`.

    >>> model = BgNbd(0.243, 4.414, 0.793, 2.426)
    >>> round(float(model.expected_purchases(39, frequency=2, recency=30.43, T=38.86)), 3)
    1.226
    """

    leaves_at_once: ClassVar[bool] = False


class MbgNbd(BetaGeometric, frozen=True, eq=False):
    """MBG/NBD (Batislam et al. 2007; Hoppe and Wagner 2007): a customer may leave after any purchase, the
    first too."""

    leaves_at_once: ClassVar[bool] = True
