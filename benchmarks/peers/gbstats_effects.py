"""gbstats' effects from sufficient statistics; see `benchmarks/experiments.py`."""

from gbstats.frequentist.tests import (
    FrequentistConfig,
    SequentialConfig,
    SequentialTwoSidedTTest,
    TwoSidedTTest,
)
from gbstats.models.statistics import (
    RatioStatistic,
    RegressionAdjustedStatistic,
    SampleMeanStatistic,
)
from serving import serve


def _mean(sums):
    return SampleMeanStatistic(n=sums["n"], sum=sums["y"], sum_squares=sums["yy"])


def _second(sums):
    return SampleMeanStatistic(n=sums["n"], sum=sums["d"], sum_squares=sums["dd"])


def _ratio(sums):
    return RatioStatistic(
        n=sums["n"], m_statistic=_mean(sums), d_statistic=_second(sums), m_d_sum_of_products=sums["yd"]
    )


def _adjusted(sums):
    return RegressionAdjustedStatistic(
        n=sums["n"],
        post_statistic=_mean(sums),
        pre_statistic=_second(sums),
        post_pre_sum_of_products=sums["yd"],
        theta=0.0,
    )


KINDS = {"mean": _mean, "ratio": _ratio, "cuped": _adjusted}


def _told(result):
    return {
        "effect": result.expected,
        "low": result.ci[0],
        "high": result.ci[1],
        "error": result.uplift.stddev,
    }


def effect(kind, control, treated, difference):
    """Return the effect with its interval; `difference` is absolute or relative."""
    config = FrequentistConfig(difference_type=difference)
    return _told(TwoSidedTTest(KINDS[kind](control), KINDS[kind](treated), config).compute_result())


def sequential(control, treated, tuning):
    """Return the effect on a mean with gbstats' confidence sequence."""
    config = SequentialConfig(difference_type="absolute", sequential_tuning_parameter=tuning)
    test = SequentialTwoSidedTTest(_mean(control), _mean(treated), config)
    return {**_told(test.compute_result()), "rho": float(test.rho)}


serve({"effect": effect, "sequential": sequential})
