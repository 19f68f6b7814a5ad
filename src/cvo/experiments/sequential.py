"""Looking often: the mixture sequential probability ratio test, with p-values and intervals always valid.

The mixture is over effects drawn from a normal of mean 0 and variance τ². With V the squared standard error of the
estimated effect δ, the likelihood ratio against no effect is

    Λ = √(V/(V+τ²)) · exp( τ²δ² / (2V(V+τ²)) )

and P(Λ ever ≥ 1/α) ≤ α where there is none (Johari, Koomen, Pekelis, Walsh 2022, "Always valid inference",
Operations Research 70, eq. 8; Robbins 1970). The interval of all effects not rejected is the confidence sequence
of `cvo.inference.ConfidenceSequence` for a difference of two arms.
"""

from math import exp, log, log1p, sqrt

import msgspec

from cvo.core.errors import InvalidInput
from cvo.core.evidence import Estimate, Interval, NotEstimable
from cvo.inference import planned_sequence


class MixtureTest(msgspec.Struct, frozen=True, kw_only=True):
    """A test that may be looked at after every customer, and stopped at any time for any reason.

    `scale` is τ, in the unit of the effect; it has to be fixed before the data. The smallest effect worth
    having is a good one: the test is then narrowest about when a fixed test of that effect would have been made.
    Estimates of fewer than `first_look` customers are refused: their normal approximation does not hold yet.
    """

    scale: float
    alpha: float = 0.05
    first_look: int = 200

    def __post_init__(self) -> None:
        if not (self.scale > 0 and 0 < self.alpha < 1):
            raise InvalidInput(
                f"scale {self.scale} and alpha {self.alpha}: a positive scale, alpha in (0, 1)"
            )

    def p(self, estimate: Estimate, *, reference: float = 0.0) -> float:
        """Return the p-value of this look that the effect is `reference`; the lowest of all looks is always valid.

        >>> from cvo.core.evidence import Grade
        >>> seen = Estimate(value=3.0, standard_error=1.0, interval=Interval(1.04, 4.96), grade=Grade.MEASURED,
        ...     unit="EUR", sample_size=5_000)
        >>> round(MixtureTest(scale=3.0).p(seen), 4)
        0.0551
        """
        if estimate.sample_size < self.first_look:
            return 1.0
        variance = estimate.standard_error**2
        if variance == 0:
            return 1.0 if estimate.value == reference else 0.0
        share = self.scale**2 / (variance + self.scale**2)
        log_ratio = 0.5 * log1p(-share) + share * (estimate.value - reference) ** 2 / (2 * variance)
        return min(1.0, exp(-log_ratio)) if log_ratio > -700 else 1.0

    def looked_at(self, estimate: Estimate) -> Estimate | NotEstimable:
        """Return the estimate with an interval that all looks together keep with probability 1 − α."""
        if estimate.sample_size < self.first_look:
            detail = f"{estimate.sample_size} customers; the test begins at {self.first_look}"
            return NotEstimable("too early", detail)
        reach = self.limit(estimate.standard_error) * estimate.standard_error
        interval = Interval(estimate.value - reach, estimate.value + reach, 1 - self.alpha)
        return msgspec.structs.replace(estimate, interval=interval)

    def limit(self, standard_error: float) -> float:
        """Return how many standard errors away from no effect the test rejects."""
        grown = 1 + (self.scale / standard_error) ** 2 if standard_error > 0 else float("inf")
        if grown == float("inf"):
            return 0.0
        return sqrt(grown / (grown - 1) * (log(grown) - 2 * log(self.alpha)))


def planned_test(*, standard_error: float, alpha: float = 0.05, first_look: int = 200) -> MixtureTest:
    """Return the test that is narrowest when the effect's standard error has come down to `standard_error`.

    >>> round(planned_test(standard_error=1.0).scale, 3)
    2.866
    """
    if not 0 < standard_error < float("inf"):
        raise InvalidInput(f"a standard error of {standard_error} is no plan; it must be positive")
    # The sequence's plan is in units of Vρ², which here is (τ/standard error)².
    unit = planned_sequence(planned_count=1, planned_variance=1.0, alpha=alpha)
    return MixtureTest(scale=sqrt(unit.rho_squared) * standard_error, alpha=alpha, first_look=first_look)
