"""Outcome models: what a customer would do untreated and treated, for the doubly robust scores.

They settle precision, never truth: with chances that are known, a bad model costs variance and nothing else.
"""

from typing import Any

from cvo.core.errors import InvalidInput
from cvo.inference import Fit, Predict, ridge_per_action
from cvo.inference.clustered import FloatArray, IntArray

ARMS = 2
_TREES = 60
_SETTINGS = {
    "objective": "regression",
    "num_leaves": 8,
    "learning_rate": 0.05,
    "min_data_in_leaf": 100,
    "feature_fraction": 0.8,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 10.0,
    "deterministic": True,
    "force_row_wise": True,
    # OpenMP threads wait for each other by spinning: on shared cores two are many times slower than one.
    "num_threads": 1,
    "verbose": -1,
}


def ridges(*, penalty: float = 10.0) -> Fit:
    """Return linear outcome models, one an arm: no extra library, and the same bytes everywhere."""
    return ridge_per_action(ARMS, penalty=penalty)


def trees(*, seed: int = 0) -> Fit:
    """Return gradient-boosted outcome models, one an arm; needs LightGBM, the extra `trees`."""
    try:
        import lightgbm
    except ImportError:
        raise InvalidInput("outcome models of trees need LightGBM: pip install 'cvo[trees]'") from None

    def fit(features: FloatArray, arms: IntArray, outcomes: FloatArray) -> Predict:
        fitted = [
            _boosted(lightgbm, features[arms == arm], outcomes[arms == arm], seed) for arm in range(ARMS)
        ]

        def predict(raw: FloatArray) -> FloatArray:
            import numpy as np

            return np.column_stack([model.predict(raw) for model in fitted])

        return predict

    return fit


def _boosted(lightgbm: Any, features: FloatArray, outcomes: FloatArray, seed: int) -> Any:
    data = lightgbm.Dataset(features, outcomes)
    return lightgbm.train({**_SETTINGS, "seed": seed}, data, _TREES)
