"""What every evaluation on the log shares: predictions that never saw their customer, and the unit of its figures."""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from cvo.core.evidence import Estimate, NotEstimable
from cvo.inference import PolicyScores, cross_fitted_predictions, folds_by_hash, ridge_per_action

FloatArray = NDArray[np.float64]

PER = 1_000
"""Figures are told for so many customers or decisions."""
FOLDS = 5


def predicted(
    design: FloatArray,
    actions: NDArray[np.int64],
    rewards: FloatArray,
    *,
    customers: Sequence[str],
    options: int,
    seed: str,
) -> FloatArray:
    """Return what each of n rows is expected to bring under each option (n, k), from models of other customers."""
    folds = folds_by_hash(np.array(customers), fold_count=FOLDS, seed=seed)
    return cross_fitted_predictions(ridge_per_action(options), design[:, 1:], actions, rewards, folds=folds)


def net(scores: PolicyScores, cost: FloatArray) -> PolicyScores:
    """Take the expected cost of contacts (n,) off each row: it is known, and needs no weight."""
    by_row = scores.by_row - cost
    value = float(by_row.mean())
    return msgspec.structs.replace(scores, value=value, influence=by_row - value)


def per(estimate: Estimate | NotEstimable) -> Estimate | NotEstimable:
    """Return an estimate of one as one of `PER`."""
    return estimate if isinstance(estimate, NotEstimable) else estimate.scaled(PER)
