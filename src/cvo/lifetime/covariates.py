"""Customers who differ by what is known of them from the start: acquisition channel, first basket, region.

Fader and Hardie (2007), Incorporating time-invariant covariates into the Pareto/NBD and BG/NBD models: the
scale of the purchase rate and of the dropout process are log-linear in the covariates.
"""

from typing import Generic, TypeVar

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from cvo.core.errors import InvalidInput
from cvo.core.evidence import NotEstimable
from cvo.lifetime.blocks import FloatArray, over_blocks
from cvo.lifetime.histories import histories
from cvo.lifetime.likelihood import Fit, maximise
from cvo.lifetime.purchase_model import PurchaseModel

Model = TypeVar("Model", bound=PurchaseModel)

_SCALES = ("alpha", "beta", "a", "b")


class CovariateFit(msgspec.Struct, Generic[Model], frozen=True, kw_only=True, eq=False):
    """A fit with covariates: ln parameter = ln of the model's + covariates · coefficients.

    `coefficients` and `standard_errors` are by parameter, in the order of the covariate columns. More α means
    fewer purchases, more β or b a longer life, more a a shorter one. `plain` is the fit without covariates:
    twice the difference of log-likelihoods is χ² in the number of coefficients if covariates do not matter.
    """

    model: Model
    coefficients: dict[str, tuple[float, ...]]
    standard_errors: dict[str, tuple[float, ...]]
    log_likelihood: float
    plain: Fit[Model]

    def model_for(self, covariates: ArrayLike) -> Model:
        """Return a model that carries each customer's own parameters; `covariates` is (customers,
        columns)."""
        columns = _matrix(covariates)
        return type(self.model)(
            *(
                value * np.exp(columns @ np.array(self.coefficients[name]))
                if name in self.coefficients
                else value
                for name, value in zip(self.model.names(), self.model.values, strict=True)
            )
        )


def fit_with_covariates(
    model: type[Model], frequency: ArrayLike, recency: ArrayLike, T: ArrayLike, covariates: ArrayLike
) -> CovariateFit[Model] | NotEstimable:
    """Fit `model` with covariates (customers, columns) known at the first purchase; 0/1 or about unit scale.

    Raises `InvalidInput` for missing values and for columns that are constant or combinations of others.
    """
    rows = histories(frequency, recency, T)
    known = _matrix(covariates)
    if known.shape[0] != len(rows):
        raise InvalidInput(f"{known.shape[0]} rows of covariates for {len(rows)} customers")
    centred = known - known.mean(axis=0)
    if np.linalg.matrix_rank(centred) < known.shape[1]:
        raise InvalidInput("a covariate is constant or a combination of others; leave it out")
    plain = model.fit_histories(rows)
    if isinstance(plain, NotEstimable):
        return plain
    names = model.names()
    places = [names.index(name) for name in _SCALES if name in names]
    base, width = len(names), known.shape[1]

    def score(theta: FloatArray) -> tuple[float, FloatArray]:
        slopes = theta[base:].reshape(len(places), width)
        sums = over_blocks(
            lambda *block: _block_score(model, theta[:base], slopes, places, *block),
            (*rows.columns, *known.T),
        )
        total = np.sum(sums, axis=0)
        return float(total[0]), total[1:]

    start = np.concatenate([np.log(np.array(plain.model.values)), np.zeros(len(places) * width)])
    best = maximise(score, start)
    slopes = best.theta[base:].reshape(len(places), width)
    errors = np.sqrt(np.diag(best.covariance))[base:].reshape(len(places), width)
    return CovariateFit(
        model=model.of(np.exp(best.theta[:base])),
        coefficients={names[k]: tuple(map(float, row)) for k, row in zip(places, slopes, strict=True)},
        standard_errors={names[k]: tuple(map(float, row)) for k, row in zip(places, errors, strict=True)},
        log_likelihood=best.log_likelihood,
        plain=plain,
    )


def _block_score(
    model: type[PurchaseModel],
    logs: FloatArray,
    slopes: FloatArray,
    places: list[int],
    *block: FloatArray,
) -> FloatArray:
    x, t_x, age = block[:3]
    known = np.column_stack(block[3:])
    values = [np.full(x.shape, value) for value in logs]
    for place, slope in zip(places, slopes, strict=True):
        values[place] = values[place] + known @ slope
    mine = model(*(np.exp(np.clip(value, -30.0, 30.0)) for value in values))
    counts, timing = mine.counts_terms(x), mine.timing_terms(x, t_x, age)
    by_log = [
        np.broadcast_to(one + other, x.shape)
        for one, other in zip(counts.gradient, timing.gradient, strict=True)
    ]
    by_slope = [known.T @ by_log[place] for place in places]
    total = float((counts.value + timing.value).sum())
    return np.concatenate([[total], [float(column.sum()) for column in by_log], *by_slope])


def _matrix(covariates: ArrayLike) -> FloatArray:
    known = np.asarray(covariates, dtype=np.float64)
    if known.ndim != 2 or not known.size or not np.isfinite(known).all():
        raise InvalidInput("covariates must be a (customers, columns) table of finite numbers")
    return known
