"""Intervals that stay valid when people look often: weekly looks, and the asymptotic confidence sequence."""

from math import exp

import msgspec
import numpy as np
import numpy.typing as npt

from cvo.core.errors import InvalidInput
from cvo.core.evidence import Interval, NotEstimable
from cvo.inference.clustered import ClusterMoments, FloatArray, finite_vector


def look_level(look: int, *, alpha: float = 0.05) -> float:
    """Return the interval level 1 − α/(k(k+1)) of look k = 1, 2, …: the errors of all looks sum to at most α.

    Raises `InvalidInput` for a look below 1 or an `alpha` outside (0, 1).

    >>> look_level(1), round(look_level(2), 6)
    (0.975, 0.991667)
    """
    _check_alpha(alpha)
    if look < 1:
        raise InvalidInput(f"look {look}; looks are counted from 1")
    return 1 - alpha / (look * (look + 1))


class ConfidenceSequence(msgspec.Struct, frozen=True, kw_only=True):
    """An asymptotic confidence sequence for a running mean of independent scores, valid at every look.

    `mean ± √(2(Vρ²+1)/(t²ρ²) · log(√(Vρ²+1)/α))`, V = Σ(φ − φ̄)² over the t scores so far
    (Waudby-Smith et al. 2103.06476, Proposition 2.5). ρ² has to be fixed before the data is seen, see
    `planned_sequence`; at most a share α of all such sequences ever excludes the truth from `first_look`
    scores on. Before that the normal approximation does not hold: plan `first_look` so that about a hundred
    scores differ from 0, which for a purchase rate of 2 % means 5,000.
    """

    rho_squared: float
    alpha: float = 0.05
    first_look: int = 100

    def interval(self, moments: ClusterMoments) -> Interval | NotEstimable:
        """Return the interval of the mean of one score per independent unit, or why it is too early.

        `moments` are `cluster_moments(scores)`, kept up by addition as scores arrive.
        """
        if moments.clusters < self.first_look:
            detail = f"{moments.clusters} scores; the sequence begins at {self.first_look}"
            return NotEstimable("too early", detail)
        reach = float(self.radius(np.float64(moments.squares_yy), np.float64(moments.clusters)))
        return Interval(moments.mean_y - reach, moments.mean_y + reach, 1 - self.alpha)

    def path(self, scores: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Return the means (n,) and radii (n,) after each of n scores; infinite radii before `first_look`."""
        values = finite_vector(scores, "scores")
        counts = np.arange(1, len(values) + 1, dtype=np.float64)
        # Sums of deviations from a value near the mean lose no digits to a large common level.
        centred = values - (values[0] if len(values) else 0.0)
        means = np.cumsum(centred) / counts
        squares = np.maximum(np.cumsum(centred**2) - counts * means**2, 0.0)
        radii = np.where(counts < self.first_look, np.inf, self.radius(squares, counts))
        return means + (values[0] if len(values) else 0.0), radii

    def radius(self, squares: FloatArray | np.float64, counts: FloatArray | np.float64) -> FloatArray:
        """Return the half width at V = `squares` after `counts` scores, element by element."""
        grown = squares * self.rho_squared + 1
        spread = 2 * grown / (counts**2 * self.rho_squared) * np.log(np.sqrt(grown) / self.alpha)
        return np.sqrt(spread)


def planned_sequence(
    *, planned_count: int, planned_variance: float, alpha: float = 0.05, first_look: int = 100
) -> ConfidenceSequence:
    """Return the sequence that is narrowest when V = `planned_count` · `planned_variance`.

    With v = Vρ² + 1 the squared width is proportional to v/(v−1)·log(v/α²); its minimum solves
    v − log v = 1 − 2 log α, that is v = −W₋₁(−α²/e) with Lambert's W. Both plans must come from before the
    data, such as the pre-period; a wrong plan widens the interval and never makes it invalid.

    >>> planned_sequence(planned_count=10_000, planned_variance=1.0).rho_squared
    0.0008211968062068253
    """
    _check_alpha(alpha)
    planned_total = planned_count * planned_variance
    if not 0 < planned_total < float("inf"):
        raise InvalidInput(
            f"{planned_count} scores of variance {planned_variance} are no plan; both must be positive"
        )
    from scipy.special import lambertw  # a third of a second to import

    v = -float(lambertw(-(alpha**2) * exp(-1), -1).real)
    return ConfidenceSequence(rho_squared=(v - 1) / planned_total, alpha=alpha, first_look=first_look)


def _check_alpha(alpha: float) -> None:
    if not 0 < alpha < 1:
        raise InvalidInput(f"alpha is {alpha}; give the share of errors allowed, such as 0.05")
