"""lifetimes 0.11.3 on arrays handed over in a file; see `benchmarks/lifetime.py` and `lifetime_accuracy.py`."""

import resource
import warnings

import numpy as np
import pandas as pd
from lifetimes import BetaGeoFitter, GammaGammaFitter, ModifiedBetaGeoFitter, ParetoNBDFitter
from lifetimes.utils import ConvergenceError
from serving import serve

# pandas and SciPy have moved on since this release; what it computes is unchanged.
warnings.simplefilter("ignore")

FITTERS = {"bg-nbd": BetaGeoFitter, "mbg-nbd": ModifiedBetaGeoFitter, "pareto-nbd": ParetoNBDFitter}
COLUMNS = {}
FITTED = {}


def load(path):
    with np.load(path) as arrays:
        COLUMNS.update({name: pd.Series(arrays[name]) for name in arrays.files})


def histories():
    return COLUMNS["frequency"], COLUMNS["recency"], COLUMNS["T"]


def fit(model):
    fitter = FITTERS[model]()
    try:
        fitter.fit(*histories())
    except ConvergenceError:
        return None
    FITTED[model] = fitter
    return {name: float(value) for name, value in fitter.params_.items()}


def fit_spend():
    repeats = COLUMNS["frequency"] > 0
    FITTED["spend"] = GammaGammaFitter().fit(
        COLUMNS["frequency"][repeats], COLUMNS["monetary_value"][repeats]
    )
    return {name: float(value) for name, value in FITTED["spend"].params_.items()}


def purchases_and_alive(model, horizon):
    fitter = FITTED[model]
    expected = fitter.conditional_expected_number_of_purchases_up_to_time(horizon, *histories())
    alive = fitter.conditional_probability_alive(*histories())
    return [float(np.sum(expected)), float(np.sum(alive))]


def expected(model, horizon, path):
    values = FITTED[model].conditional_expected_number_of_purchases_up_to_time(horizon, *histories())
    np.save(path, np.asarray(values, dtype=np.float64))


def lifetime_value(periods, discount_rate):
    value = FITTED["spend"].customer_lifetime_value(
        FITTED["bg-nbd"],
        *histories(),
        COLUMNS["monetary_value"],
        time=periods,
        discount_rate=discount_rate,
        freq="W",
    )
    return float(value.sum())


def peak_mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    serve(
        {
            function.__name__: function
            for function in (load, fit, fit_spend, purchases_and_alive, expected, lifetime_value, peak_mib)
        }
    )
