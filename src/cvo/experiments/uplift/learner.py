"""The DR-learner: uplift for each customer, from doubly robust scores and a regularised linear last stage.

Kennedy 2023, "Towards optimal doubly robust estimation of heterogeneous causal effects", Electronic Journal of
Statistics 17, algorithm 1. The last stage decides how well it ranks (uplift is small beside the noise of outcomes),
so it is linear, and shrunk by as much as generalised cross-validation finds right (Golub, Heath, Wahba 1979): towards
"the same uplift for everybody", or towards "in proportion to the response", which is what most treatments do.
"""

import msgspec
import numpy as np
import numpy.typing as npt

from cvo.core.errors import InvalidInput
from cvo.core.evidence import Estimate, Grade, NotEstimable
from cvo.experiments.uplift.outcome_models import ridges
from cvo.experiments.uplift.trial import Trial
from cvo.inference import Fit, clustered_mean, cross_fitted_predictions
from cvo.inference.clustered import FloatArray, IntArray

_PENALTIES = np.logspace(0, 6, 25)
_SHARES = (1.0, 0.1, 0.01, 0.0)
_RESPONSE_PENALTY = 10.0


class UpliftModel(msgspec.Struct, frozen=True, eq=False):
    """Uplift as a linear function of features: intercept, (p,) weights a standard deviation, their covariance.

    `penalty` is what cross-validation chose, in rows of "same uplift for everybody", and `along_response` the share of
    it that is put on uplift in proportion to the response.
    """

    intercept: float
    weights: FloatArray
    centre: FloatArray
    scale: FloatArray
    covariance: FloatArray
    penalty: float
    along_response: float

    def uplift(self, features: npt.ArrayLike) -> FloatArray:
        """Return the (m,) predicted uplift of m customers: a prediction of each, not a measurement of any."""
        predicted: FloatArray = self._design(features) @ np.concatenate([[self.intercept], self.weights])
        return predicted

    def standard_errors(self, features: npt.ArrayLike) -> FloatArray:
        """Return the (m,) standard errors of the predicted uplift; shrinkage makes it a little too sure."""
        x = self._design(features)
        errors: FloatArray = np.sqrt(np.einsum("ij,jk,ik->i", x, self.covariance, x))
        return errors

    def _design(self, features: npt.ArrayLike) -> FloatArray:
        x = np.asarray(features, dtype=np.float64)
        if x.ndim != 2 or x.shape[1] != len(self.weights):
            raise InvalidInput(
                f"features of shape {x.shape}; the model was learned on {len(self.weights)} columns"
            )
        return np.column_stack([np.ones(len(x)), (x - self.centre) / self.scale])


def doubly_robust_scores(trial: Trial, predicted: FloatArray) -> FloatArray:
    """Return (n,) scores whose mean given x is the uplift at x: μ₁ − μ₀ + (T − e)/(e(1 − e))·(Y − μ_T).

    `predicted` are (n, 2) outcomes untreated and treated, from models that did not see the row (Kennedy 2023,
    eq. 3).
    """
    own = predicted[np.arange(len(trial)), trial.treated]
    weight = (trial.treated - trial.chance) / (trial.chance * (1 - trial.chance))
    scores: FloatArray = predicted[:, 1] - predicted[:, 0] + weight * (trial.outcomes - own)
    return scores


def scores_of(trial: Trial, folds: IntArray, outcome_models: Fit | None = None) -> FloatArray:
    """Return the cross-fitted doubly robust scores of a trial; linear outcome models unless others are given."""
    fit = outcome_models or ridges()
    predicted = cross_fitted_predictions(fit, trial.features, trial.treated, trial.outcomes, folds=folds)
    return doubly_robust_scores(trial, predicted)


def average_effect(scores: FloatArray, *, unit: str, level: float = 0.95) -> Estimate | NotEstimable:
    """Estimate the average uplift from doubly robust scores: what treating everybody would change a customer."""
    return clustered_mean(scores, level=level, unit=unit, grade=Grade.MEASURED)


def learn_uplift(trial: Trial, folds: IntArray, outcome_models: Fit | None = None) -> UpliftModel:
    """Learn uplift as a function of features from a trial; `folds` (n,) are for cross-fitting the outcomes."""
    return last_stage(trial, scores_of(trial, folds, outcome_models))


def last_stage(trial: Trial, scores: FloatArray) -> UpliftModel:
    """Regress scores on standardised features by a ridge, its penalties chosen by generalised cross-validation."""
    features = trial.features
    centre, scale = features.mean(axis=0), features.std(axis=0)
    # A constant column carries nothing; without this its rounding error would be blown up.
    scale = np.where(scale > 1e-9 * np.maximum(1.0, np.abs(centre)), scale, np.inf)
    x, mean = (features - centre) / scale, float(scores.mean())
    gram, products = x.T @ x, x.T @ (scores - mean)
    total = float((scores - mean) @ (scores - mean))
    along = _response_direction(x, gram, trial.outcomes)

    def fitted(penalty: float, share: float) -> tuple[float, FloatArray]:
        inverse = np.linalg.inv(gram + _shape(along, penalty, share))
        weights = inverse @ products
        residual = total - 2 * float(weights @ products) + float(weights @ gram @ weights)
        return residual / float(len(x) - 1 - np.trace(gram @ inverse)) ** 2, weights

    grid = [(penalty, share) for share in _SHARES for penalty in _PENALTIES.tolist()]
    best = min(grid, key=lambda pair: fitted(*pair)[0])
    weights = fitted(*best)[1]
    covariance = _covariance(x, scores - mean - x @ weights, _shape(along, *best))
    return UpliftModel(mean, weights, centre, scale, covariance, *best)


def _response_direction(x: FloatArray, gram: FloatArray, outcomes: FloatArray) -> FloatArray:
    """Return the (p,) unit vector along which features tell the outcome itself; zeros where they don't."""
    weights = np.linalg.solve(
        gram + _RESPONSE_PENALTY * np.eye(len(gram)), x.T @ (outcomes - outcomes.mean())
    )
    length = float(np.linalg.norm(weights))
    direction: FloatArray = weights / length if length > 0 else weights
    return direction


def _shape(along: FloatArray, penalty: float, share: float) -> FloatArray:
    """Return the (p, p) penalty: in full across the response's direction, a share of it along."""
    shape: FloatArray = penalty * (np.eye(len(along)) - (1 - share) * np.outer(along, along))
    return shape


def _covariance(x: FloatArray, residuals: FloatArray, shape: FloatArray) -> FloatArray:
    """White's 1980 covariance of the intercept and the ridge's weights: noise may differ by customer."""
    design = np.column_stack([np.ones(len(x)), x])
    penalty = np.zeros((design.shape[1], design.shape[1]))
    penalty[1:, 1:] = shape
    shrunk = np.linalg.inv(design.T @ design + penalty)
    noisy = design * residuals[:, None]
    covariance: FloatArray = shrunk @ (noisy.T @ noisy) @ shrunk
    return covariance
