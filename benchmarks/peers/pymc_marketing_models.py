"""pymc-marketing's BG/NBD on arrays handed over in a file; see `benchmarks/lifetime.py`."""

import sys
import warnings

import numpy as np
import pandas as pd
from pymc_marketing.clv import BetaGeoModel
from serving import serve

warnings.simplefilter("ignore")


def read(path):
    with np.load(path) as arrays:
        columns = {name: arrays[name] for name in ("frequency", "recency", "T")}
    return pd.DataFrame({"customer_id": np.arange(len(columns["T"])), **columns})


CUSTOMERS = read(sys.argv[1])


def fit():
    model = BetaGeoModel(data=CUSTOMERS)
    model.build_model()
    model.fit(method="map", progressbar=False)
    return {name: float(model.fit_result[name].mean()) for name in ("r", "alpha", "a", "b")}


if __name__ == "__main__":
    serve({"fit": fit})
