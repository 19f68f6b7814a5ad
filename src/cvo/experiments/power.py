"""Power: how many customers an experiment needs, what it could detect, how long it takes."""

from enum import StrEnum
from math import ceil, isinf, sqrt

import msgspec
import numpy as np

from cvo.core.errors import InvalidInput
from cvo.experiments.crossing import crossing_probabilities
from cvo.experiments.sequential import planned_test
from cvo.inference import look_level
from cvo.inference.clustered import FloatArray, normal_quantile


class Looks(StrEnum):
    """When an experiment may be judged."""

    ONCE = "once"
    """At its end, and never before."""
    WEEKLY = "weekly"
    """At look k at level α/(k(k+1)): as often as one likes, on a timetable."""
    ALWAYS = "always"
    """At any time: the mixture test."""


class Design(msgspec.Struct, frozen=True, kw_only=True):
    """What decides an experiment's precision.

    `standard_deviation` is of the metric a customer; for a ratio, of its linearised value. `correlation` is of
    the metric with its covariate from before (0: no CUPED). `shares` are of the two arms compared; where there
    are more arms they need not sum to 1. `looks` at equal distances, where the timetable has more than one.
    """

    standard_deviation: float
    shares: tuple[float, float] = (0.5, 0.5)
    correlation: float = 0.0
    alpha: float = 0.05
    timetable: Looks = Looks.ONCE
    looks: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.standard_deviation < float("inf"):
            raise InvalidInput(
                f"a standard deviation of {self.standard_deviation} is no plan; it must be positive"
            )
        if min(self.shares) <= 0 or sum(self.shares) > 1 + 1e-9:
            raise InvalidInput(f"shares {self.shares} of the two arms must be positive and sum to at most 1")
        if not (-1 < self.correlation < 1 and 0 < self.alpha < 1 and self.looks >= 1):
            raise InvalidInput("correlation has to be in (−1, 1), alpha in (0, 1), looks 1 or more")

    def standard_error(self, customers: float) -> float:
        """Return the effect's standard error once `customers` are assigned, over all arms."""
        scale = self.standard_deviation * sqrt(1 - self.correlation**2)
        return scale * sqrt(sum(1 / (share * customers) for share in self.shares))


def limits(design: Design) -> tuple[FloatArray, FloatArray]:
    """Return at which |z| each look rejects, and the share of all customers seen by then."""
    if design.timetable is Looks.ONCE:
        return np.array([normal_quantile(1 - design.alpha)]), np.ones(1)
    seen = np.arange(1, design.looks + 1) / design.looks
    if design.timetable is Looks.WEEKLY:
        levels = [look_level(look, alpha=design.alpha) for look in range(1, design.looks + 1)]
        return np.array([normal_quantile(level) for level in levels]), seen
    # In units of the last look's standard error, for which the test is planned.
    test = planned_test(standard_error=1.0, alpha=design.alpha)
    return np.array([test.limit(1 / sqrt(share)) for share in seen]), seen


def power(design: Design, effect: float, customers: float) -> float:
    """Return the probability that the experiment finds `effect` at one of its looks.

    >>> round(power(Design(standard_deviation=10.0), 1.0, 3_140), 3)
    0.8
    """
    return float(crossing_probabilities(*limits(design), effect / design.standard_error(customers))[-1])


def customers_needed(design: Design, effect: float, *, target: float = 0.8) -> int:
    """Return how many customers, over all arms, find `effect` with probability `target`.

    Raises `InvalidInput` for an effect of 0, which no number finds.

    >>> customers_needed(Design(standard_deviation=10.0), 1.0)
    3140
    >>> customers_needed(Design(standard_deviation=10.0, correlation=0.7), 1.0)
    1602
    """
    if not 0 < abs(effect) < float("inf"):
        raise InvalidInput(f"an effect of {effect} cannot be planned for; give the smallest one worth having")
    return ceil((_drift_needed(design, target) * design.standard_error(1) / effect) ** 2)


def detectable_effect(design: Design, customers: int, *, target: float = 0.8) -> float:
    """Return the smallest effect that `customers` find with probability `target`."""
    if customers < 1:
        raise InvalidInput(f"{customers} customers detect nothing; give how many will be assigned")
    return _drift_needed(design, target) * design.standard_error(customers)


def days_needed(customers: int, customers_a_day: float, horizon_days: int) -> int:
    """Return the days until `customers` have been assigned and the last one's horizon has closed."""
    if not customers_a_day > 0 or isinf(customers_a_day):
        raise InvalidInput(f"{customers_a_day} customers a day; a positive number is needed")
    return ceil(customers / customers_a_day) + horizon_days


def _drift_needed(design: Design, target: float) -> float:
    """Return effect over final standard error at which the power is `target`; power rises with it."""
    bounds = limits(design)
    if not design.alpha < target < 1:
        raise InvalidInput(f"a power of {target} has to lie between alpha and 1, such as 0.8")
    from scipy.optimize import brentq  # a third of a second to import

    def short(drift: float) -> float:
        return float(crossing_probabilities(*bounds, drift)[-1]) - target

    return float(brentq(short, 0.0, 20.0, xtol=1e-9))
