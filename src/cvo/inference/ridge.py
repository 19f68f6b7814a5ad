"""The default outcome regression: a ridge per action around one that all actions share."""

import numpy as np

from cvo.core.errors import InvalidInput
from cvo.inference.clustered import FloatArray, IntArray
from cvo.inference.crossfit import Fit, Predict


def ridge_per_action(action_count: int, *, penalty: float = 10.0) -> Fit:
    """Return a `fit` for `cross_fitted_predictions`: linear in the features, one slope an action.

    A first ridge (Hoerl & Kennard 1970, eq. 2.1) is fitted on all rows; each action then gets one for what
    the first leaves over, intercept shrunk as well, so that an action never seen predicts what all share.
    Features are standardised by the fitted rows, which gives `penalty` a meaning: that many rows' worth of
    "no effect". Closed form, so the same rows give the same bytes on a machine.
    """
    if not penalty > 0:
        raise InvalidInput(f"the penalty is {penalty}; give a positive number of rows")

    def fit(features: FloatArray, actions: IntArray, rewards: FloatArray) -> Predict:
        centre, scale = features.mean(axis=0), features.std(axis=0)
        # A constant column carries nothing; without this its rounding error would be blown up.
        scale = np.where(scale > 1e-9 * np.maximum(1.0, np.abs(centre)), scale, np.inf)

        def design(raw: FloatArray) -> FloatArray:
            return np.column_stack((np.ones(len(raw)), (raw - centre) / scale))

        x = design(features)
        mean = rewards.mean()
        shared = _ridge(x, rewards - mean, penalty)
        shared[0] += mean
        left_over = rewards - x @ shared
        slopes = np.tile(shared, (action_count, 1))
        for action in range(action_count):
            rows = actions == action
            if rows.any():
                slopes[action] += _ridge(x[rows], left_over[rows], penalty)

        def predict(raw: FloatArray) -> FloatArray:
            predicted: FloatArray = design(raw) @ slopes.T
            return predicted

        return predict

    return fit


def _ridge(x: FloatArray, y: FloatArray, penalty: float) -> FloatArray:
    gram = x.T @ x + penalty * np.eye(x.shape[1])
    solution = np.linalg.solve(gram, x.T @ y)
    return solution.astype(np.float64, copy=False)
