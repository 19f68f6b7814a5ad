"""Effects of a treatment on means and ratios, from the moments of each arm alone.

Every function takes `ClusterMoments` (customers as clusters), which add over days, shards and strata: an
experiment is summarised in six numbers an arm and never read again.
"""

from math import sqrt

from cvo.core.errors import InvalidInput
from cvo.core.evidence import Estimate, Grade, NotEstimable
from cvo.inference import ClusterMoments, difference, ratio_estimate
from cvo.inference.clustered import normal_estimate

_FAR_FROM_ZERO = 4.0


def effect(
    treated: ClusterMoments,
    control: ClusterMoments,
    *,
    level: float = 0.95,
    unit: str,
    grade: Grade = Grade.MEASURED,
) -> Estimate | NotEstimable:
    """Estimate treated − control of a mean, or of a ratio of means such as revenue per order (delta method).

    Which of both is settled by the moments' denominators: 1 a customer makes a mean. Intervals are normal:
    right for a hundred customers an arm and more (Deng, Knoblich, Lu 2018, "Applying the delta method in metric
    analytics", eq. 4).

    >>> from cvo.inference import cluster_moments
    >>> effect(cluster_moments([3.0, 5.0, 4.0]), cluster_moments([1.0, 2.0, 3.0]), unit="EUR")
    2 EUR [0.3997, 3.6] (measured)
    """
    arms = (ratio_estimate(arm, level=level, unit=unit, grade=grade) for arm in (treated, control))
    return difference(*arms)


def relative_effect(
    treated: ClusterMoments, control: ClusterMoments, *, level: float = 0.95, grade: Grade = Grade.MEASURED
) -> Estimate | NotEstimable:
    """Estimate treated/control − 1, by the delta method (Deng, Knoblich, Lu 2018, eq. 5).

    `NotEstimable` when the control's figure is less than four standard errors away from 0: a ratio to nearly
    nothing has no normal interval.
    """
    parts = [ratio_estimate(arm, level=level, unit="", grade=grade) for arm in (treated, control)]
    top, base = parts
    if isinstance(top, NotEstimable):
        return top
    if isinstance(base, NotEstimable):
        return base
    if abs(base.value) < _FAR_FROM_ZERO * base.standard_error or base.value == 0:
        return NotEstimable(
            "control near zero",
            f"the control's figure is {base.value:.4g} ± {base.standard_error:.2g}; a change relative to it "
            "says nothing, see the absolute effect",
        )
    error = sqrt(top.standard_error**2 + (top.value / base.value * base.standard_error) ** 2)
    return normal_estimate(
        top.value / base.value - 1,
        error / abs(base.value),
        level=level,
        unit="of control",
        grade=grade,
        sample_size=top.sample_size + base.sample_size,
    )


def adjusted_effect(
    treated: ClusterMoments,
    control: ClusterMoments,
    *,
    level: float = 0.95,
    unit: str,
    grade: Grade = Grade.MEASURED,
) -> Estimate | NotEstimable:
    """Estimate treated − control of a mean, adjusted by a covariate from before the assignment (CUPED).

    The moments are of the outcome (y) and the covariate (d): `cluster_moments(outcome, before)`, one total of
    each a customer. What the covariate explains is taken out with one slope for both arms, so the variance falls
    by the squared correlation. A covariate that the treatment could have touched makes the effect wrong.
    (Deng, Xu, Kohavi, Walker 2013, "Improving the sensitivity of online controlled experiments by utilizing
    pre-experiment data", WSDM, eq. 4–5.)

    >>> from cvo.inference import cluster_moments
    >>> treated = cluster_moments([3.1, 5.0, 4.0, 7.9], [1.0, 3.0, 2.0, 6.0])
    >>> control = cluster_moments([2.0, 3.1, 4.0, 5.0], [2.0, 3.0, 4.0, 5.0])
    >>> adjusted_effect(treated, control, unit="EUR")
    1.91 EUR [1.655, 2.166] (measured)
    """
    arms = (treated, control)
    if min(arm.clusters for arm in arms) < 2:
        return NotEstimable(
            "too few clusters",
            f"{treated.clusters} treated and {control.clusters} control; every arm needs 2 customers",
        )
    slope = covariate_slope(*arms)
    change = treated.mean_y - control.mean_y - slope * (treated.mean_d - control.mean_d)
    error = sqrt(sum(_adjusted_variance(arm, slope) for arm in arms))
    count = treated.clusters + control.clusters
    return normal_estimate(change, error, level=level, unit=unit, grade=grade, sample_size=count)


def covariate_slope(treated: ClusterMoments, control: ClusterMoments) -> float:
    """Return CUPED's θ: the slope of outcome on covariate over both arms; 0 where the covariate never varies."""
    both = treated + control
    return both.products_yd / both.squares_dd if both.squares_dd > 0 else 0.0


def covariate_correlation(moments: ClusterMoments) -> float:
    """Return the correlation of y and d, which tells the planner what CUPED will save; 0 where one is constant."""
    spread = moments.squares_yy * moments.squares_dd
    return moments.products_yd / sqrt(spread) if spread > 0 else 0.0


def _adjusted_variance(arm: ClusterMoments, slope: float) -> float:
    squares = arm.squares_yy - 2 * slope * arm.products_yd + slope * slope * arm.squares_dd
    return max(squares, 0.0) / (arm.clusters * (arm.clusters - 1))


def stratified_effect(
    treated: dict[str, ClusterMoments],
    control: dict[str, ClusterMoments],
    *,
    level: float = 0.95,
    unit: str,
    grade: Grade = Grade.MEASURED,
) -> Estimate | NotEstimable:
    """Estimate treated − control of a mean within strata known before the assignment, and average by size.

    `treated` and `control` hold the moments of each stratum, denominators 1 a customer. The interval is for the
    population that the customers were drawn from: it counts the chance in the strata's sizes as well.
    (Miratrix, Sekhon, Yu 2013, "Adjusting treatment effect estimates by post-stratification in randomized
    experiments", JRSS B 75, eq. 4 and 16.)
    """
    if set(treated) != set(control):
        one_sided = sorted(set(treated) ^ set(control))
        raise InvalidInput(f"strata {', '.join(one_sided)} have one arm only; merge them with others")
    thin = sorted(name for name in treated if min(treated[name].clusters, control[name].clusters) < 2)
    if thin or not treated:
        which = f"stratum {thin[0]!r} has" if thin else "there are no strata with"
        return NotEstimable("thin stratum", f"{which} fewer than 2 customers in an arm; merge small strata")
    customers = {name: treated[name].clusters + control[name].clusters for name in treated}
    total = sum(customers.values())
    weights = {name: count / total for name, count in customers.items()}
    changes = {name: treated[name].mean_y - control[name].mean_y for name in treated}
    mean = sum(weights[name] * changes[name] for name in weights)
    within = sum(
        weight**2 * (_adjusted_variance(treated[name], 0.0) + _adjusted_variance(control[name], 0.0))
        for name, weight in weights.items()
    )
    between = sum(weight * (changes[name] - mean) ** 2 for name, weight in weights.items()) / total
    return normal_estimate(
        mean, sqrt(within + between), level=level, unit=unit, grade=grade, sample_size=total
    )
