"""τ for one customer: the attributed margin p·m times what draws of known probability say was caused of it."""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from cvo.actions.catalogue import Catalogue
from cvo.core.evidence import Grade
from cvo.learning import Predictor, ResponseModel, Stored, pooled, with_new_actions
from cvo.learning.arrays import sum_of_products
from cvo.valuation.groups import Labels, groups_of, labels_of

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Moments = tuple[FloatArray, FloatArray]


class Uplift(msgspec.Struct, frozen=True, array_like=True):
    """What draws taught of τ over `actions` in this order.

    The first weight is of p·m, its prior mean the assumed κ; the others, at first zero, are of the leading columns
    of the encoder. They are pooled over `labels`.
    """

    actions: list[str]
    weights: ResponseModel
    labels: Labels


class UpliftScorer:
    """Scores τ for the actions of one catalogue; an action that had no draws gets what the others' taught."""

    def __init__(self, catalogue: Catalogue, uplift: Uplift, actions: Sequence[str]) -> None:
        new = [action for action in actions if action not in uplift.actions]
        names = [*uplift.actions, *new]
        learned, labels = uplift.weights, labels_of(catalogue, names)
        if labels != uplift.labels:
            learned = pooled(with_new_actions(learned, len(new)), groups_of(labels))
        columns = np.array([names.index(action) for action in actions], dtype=np.int64)
        self._learned, self._width = learned, learned.features - 1
        mean, covariance = learned.mean.read()[columns], learned.covariance.read()[columns]
        covariance = covariance * learned.noise[columns, None, None]
        self._kappa, self._kappa_variance = mean[:, 0].copy(), covariance[:, 0, 0].copy()
        self._departure, self._crossed = mean[:, 1:].copy(), 2.0 * covariance[:, 0, 1:]
        self._columns, self._predictor = columns, Predictor(_without_attributed(learned))

    def cells(self, attributed: Moments, design: FloatArray, rows: IntArray, actions: IntArray) -> Moments:
        """Return mean and variance (m,) of τ of `design[rows[i]]` under the catalogue's `actions[i]`.

        `attributed` are mean and variance (m,) of p·m in these cells. A cell's result does not depend on the
        others'.
        """
        mean, variance = attributed
        kappa, kappa_variance = self._kappa[actions], self._kappa_variance[actions]
        x = np.ascontiguousarray(design[:, : self._width])
        departure, own = self._predictor.cells(x, rows, self._columns[actions])
        crossed = sum_of_products(x[rows], self._crossed[actions])
        known = kappa_variance * mean * mean + crossed * mean + own
        return kappa * mean + departure, np.maximum(known, 0.0) + variance * (kappa * kappa + kappa_variance)

    def grades(self, attributed: FloatArray) -> tuple[Grade, ...]:
        """Return how each action's τ is known for the average customer, who is attributed p·m (k,).

        It is *measured* where the action's own draws carry at least half of the precision.
        """
        direction = np.zeros((len(attributed), self._width + 1))
        direction[:, 0], direction[:, 1] = np.nan_to_num(attributed), 1.0
        before, after = (
            np.einsum("ki,kij,kj->k", direction, covariance.read()[self._columns], direction)
            for covariance in (self._learned.prior_covariance, self._learned.covariance)
        )
        return tuple(Grade.MEASURED if half else Grade.POOLED for half in after <= before / 2)


def _without_attributed(model: ResponseModel) -> ResponseModel:
    """Return the model of the departure alone, over the encoder's columns."""
    return msgspec.structs.replace(
        model,
        mean=Stored.of(model.mean.read()[:, 1:]),
        covariance=Stored.of(model.covariance.read()[:, 1:, 1:]),
    )
