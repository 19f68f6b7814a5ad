"""Cross-fitting: predictions for every row from a model that never saw its customer.

Source: Chernozhukov et al. 2018, "Double/debiased machine learning", Econometrics Journal 21, definition 3.2.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from cvo.core.errors import InvalidInput
from cvo.core.random import keyed_uniform
from cvo.inference.clustered import FloatArray, IntArray, finite_vector
from cvo.inference.logged import small_integers

Predict = Callable[[FloatArray], FloatArray]
"""(m, p) features → (m, k) predicted rewards, one column an option."""

Fit = Callable[[FloatArray, IntArray, FloatArray], Predict]
"""(n, p) features, (n,) actions, (n,) rewards → how to predict."""


def folds_by_hash(clusters: npt.ArrayLike, *, fold_count: int, seed: str) -> IntArray:
    """Return an (n,) array of folds in 0 … `fold_count` − 1 that depend on nothing but seed and cluster id.

    Rows of one cluster share a fold, and a cluster keeps its fold whatever else is in the data.

    >>> folds_by_hash(["ann", "bob", "ann"], fold_count=5, seed="s")[[0, 2]].tolist()
    [1, 1]
    """
    if fold_count < 2:
        raise InvalidInput(f"{fold_count} folds; cross-fitting needs at least 2")
    ids: npt.NDArray[Any] = np.asarray(clusters)
    if ids.ndim != 1 or ids.dtype.kind not in "iuSUO":
        raise InvalidInput(
            f"clusters are {ids.dtype} of shape {ids.shape}; give one integer or text id a row"
        )
    names, codes = np.unique(ids, return_inverse=True)
    folds = [int(keyed_uniform(seed, "fold", name) * fold_count) for name in names.tolist()]
    return np.array(folds, dtype=np.int64)[codes]


def cross_fitted_predictions(
    fit: Fit,
    features: npt.ArrayLike,
    actions: npt.ArrayLike,
    rewards: npt.ArrayLike,
    *,
    folds: npt.ArrayLike,
) -> FloatArray:
    """Return (n, k) predicted rewards, each row's from a model fitted on the other folds.

    `features` is (n, p); `folds` (n,) integers, by hash (`folds_by_hash`) or given. Raises `InvalidInput`
    when there are fewer than two folds or the shapes do not fit.
    """
    x = np.asarray(features, dtype=np.float64)
    if x.ndim != 2 or not np.isfinite(x).all():
        raise InvalidInput(
            f"features of shape {x.shape} must be an (n, p) array of finite numbers; encode gaps first"
        )
    a = small_integers(actions, len(x), "actions")
    y = finite_vector(rewards, "rewards")
    fold = small_integers(folds, len(x), "folds")
    numbers = np.unique(fold)
    if len(numbers) < 2 or len(y) != len(x):
        raise InvalidInput(
            f"{len(numbers)} fold(s) for {len(y)} rewards of {len(x)} rows; at least 2 folds are needed"
        )
    parts = {int(f): np.asarray(_fit_without(fit, x, a, y, fold == f)) for f in numbers}
    predicted = np.empty((len(x), next(iter(parts.values())).shape[1]))
    for number, part in parts.items():
        predicted[fold == number] = part
    return predicted


def _fit_without(
    fit: Fit, x: FloatArray, a: IntArray, y: FloatArray, held_out: npt.NDArray[np.bool_]
) -> FloatArray:
    predict = fit(x[~held_out], a[~held_out], y[~held_out])
    return predict(x[held_out])
