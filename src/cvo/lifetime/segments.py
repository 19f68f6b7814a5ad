"""A model per cohort or segment, each shrunk towards the whole as far as its own data do not carry it.

Empirical Bayes: the logarithms of a segment's parameters are normal around a common centre with a spread of
their own, both estimated by EM with Laplace's approximation (Rossi, Allenby and McCulloch 2005, chapter 5,
for the idea).
"""

from typing import Generic, TypeVar

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from cvo.core.errors import InvalidInput
from cvo.core.evidence import NotEstimable
from cvo.lifetime.blocks import FloatArray
from cvo.lifetime.histories import Histories, condensed, histories
from cvo.lifetime.likelihood import Fit, Maximum, maximise
from cvo.lifetime.purchase_model import PurchaseModel

Model = TypeVar("Model", bound=PurchaseModel)

_ROUNDS = 30
_FIRST_SPREAD, _LEAST_SPREAD = 0.3, 1e-3


class SegmentFits(msgspec.Struct, Generic[Model], frozen=True, kw_only=True, eq=False):
    """The fit of all customers and one per segment; `spread` is the standard deviation of log parameters
    between."""

    whole: Fit[Model]
    segments: dict[str, Fit[Model]]
    spread: dict[str, float]

    def model_for(self, labels: ArrayLike) -> Model:
        """Return a model that carries each customer's own parameters; an unknown segment gets the whole's."""
        rows = [
            self.segments.get(str(label), self.whole).model.values for label in np.asarray(labels).tolist()
        ]
        return type(self.whole.model)(*np.array(rows, dtype=np.float64).T)


def fit_segments(
    model: type[Model], frequency: ArrayLike, recency: ArrayLike, T: ArrayLike, segment: ArrayLike
) -> SegmentFits[Model] | NotEstimable:
    """Fit `model` to every segment with shrinkage towards all customers; segments of any size will do.

    Raises `InvalidInput` with fewer than three segments, whose spread can't be told.
    """
    rows = histories(frequency, recency, T)
    names, index = np.unique(np.asarray(segment).astype(str), return_inverse=True)
    if len(names) < 3:
        raise InvalidInput(f"{len(names)} segments can't show how segments differ; fit them one by one")
    whole = model.fit_histories(rows)
    if isinstance(whole, NotEstimable):
        return whole
    unit = float(rows.T.mean())
    timed = np.array([unit if name in model.timed else 1.0 for name in model.names()])
    parts = [condensed(rows.take(index == k).scaled(unit)) for k in range(len(names))]
    maxima, spread = _shrunk(model, parts, np.log(np.array(whole.model.values) / timed))
    return SegmentFits(
        whole=whole,
        segments={
            str(name): Fit(
                model=model.of(np.exp(best.theta) * timed),
                log_likelihood=model.score_of(part)(best.theta)[0]
                - float((part.weight * part.frequency).sum() * np.log(unit)),
                customers=part.customers,
                covariance=tuple(tuple(float(cell) for cell in line) for line in best.covariance),
            )
            for name, part, best in zip(names, parts, maxima, strict=True)
        },
        spread=dict(zip(model.names(), map(float, spread), strict=True)),
    )


def _shrunk(
    model: type[PurchaseModel], parts: list[Histories], centre: FloatArray
) -> tuple[list[Maximum], FloatArray]:
    spread = np.full(centre.shape, _FIRST_SPREAD)
    starts = [centre] * len(parts)
    maxima: list[Maximum] = []
    for _ in range(_ROUNDS):
        maxima = [
            _posterior(model, part, start, centre, spread) for part, start in zip(parts, starts, strict=True)
        ]
        starts = [best.theta for best in maxima]
        centre = np.mean(starts, axis=0)
        variance = np.mean([(best.theta - centre) ** 2 + np.diag(best.covariance) for best in maxima], axis=0)
        wider = np.maximum(np.sqrt(variance), _LEAST_SPREAD)
        settled = bool(np.all(np.abs(np.log(wider / spread)) < 0.01))
        spread = wider
        if settled:
            break
    return maxima, spread


def _posterior(
    model: type[PurchaseModel], part: Histories, start: FloatArray, centre: FloatArray, spread: FloatArray
) -> Maximum:
    likelihood = model.score_of(part)

    def score(theta: FloatArray) -> tuple[float, FloatArray]:
        value, gradient = likelihood(theta)
        away = (theta - centre) / spread
        return value - 0.5 * float(away @ away), gradient - away / spread

    return maximise(score, start)
