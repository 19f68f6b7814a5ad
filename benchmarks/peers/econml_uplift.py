"""econml's LinearDRLearner on arrays handed over in a file; see `benchmarks/uplift.py`."""

import warnings

import numpy as np
from econml.dr import LinearDRLearner
from lightgbm import LGBMRegressor
from serving import serve
from sklearn.dummy import DummyClassifier

warnings.filterwarnings("ignore")
ARRAYS = {}
TREES = {
    "n_estimators": 60,
    "num_leaves": 8,
    "learning_rate": 0.05,
    "min_child_samples": 100,
    "colsample_bytree": 0.8,
    "subsample": 0.8,
    "subsample_freq": 1,
    "reg_lambda": 10.0,
    "n_jobs": 1,
    "verbose": -1,
}


def load(path):
    """Read the features, treatments and outcomes of all customers."""
    ARRAYS.update(np.load(path))
    return len(ARRAYS["outcomes"])


def learn(rows, seed):
    """Learn uplift from some rows and keep it for `uplift`."""
    x, t, y = (ARRAYS[name][rows] for name in ("features", "treated", "outcomes"))
    # Both sides know that the chance of treatment is the same for everybody.
    learner = LinearDRLearner(
        model_regression=LGBMRegressor(random_state=seed, **TREES),
        model_propensity=DummyClassifier(strategy="prior"),
        cv=5,
        random_state=seed,
    )
    learner.fit(y, t, X=x)
    ARRAYS["learner"] = learner
    return len(rows)


def uplift(rows):
    """Return what the learner expects of other rows."""
    return ARRAYS["learner"].effect(ARRAYS["features"][rows]).tolist()


serve({"load": load, "learn": learn, "uplift": uplift})
