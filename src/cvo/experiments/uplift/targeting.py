"""Can customers be told apart by how much a treatment helps them? Judged on customers the model has not seen."""

import msgspec
import numpy as np

from cvo.core.errors import InvalidInput
from cvo.core.evidence import Estimate, NotEstimable
from cvo.experiments.uplift.learner import UpliftModel, average_effect, learn_uplift, scores_of
from cvo.experiments.uplift.outcome_models import ridges
from cvo.experiments.uplift.qini import Curve, effect_scores, mean_of, qini_curve, qini_influence
from cvo.experiments.uplift.trial import Trial
from cvo.inference import Fit, folds_by_hash, two_sided_p
from cvo.inference.clustered import FloatArray


class Targeting(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What an uplift model found, out of sample, beside treating at random and by response.

    Qini coefficients are in the unit of the outcome a customer. `model` is learned on everybody, or says why
    there is none to be used.
    """

    average: Estimate | NotEstimable
    qini: Estimate | NotEstimable
    p: float
    """That the order by uplift is no better than a random one; two-sided."""
    response_qini: Estimate | NotEstimable
    over_response: Estimate | NotEstimable
    curve: Curve
    model: UpliftModel | NotEstimable


def targeting(
    trial: Trial,
    *,
    seed: str,
    unit: str,
    fold_count: int = 5,
    level: float = 0.95,
    outcome_models: Fit | None = None,
) -> Targeting:
    """Learn uplift on four fifths of a trial, judge it on the last, in turn, and say whether to target by it.

    Every customer is judged once, by a model of the other folds; ranks are taken within a fold. The model is
    withheld unless the interval of its Qini coefficient lies above 0. Where it doesn't, either the order by the
    response expected under treatment does better, or there is *no targetable heterogeneity*: the treatment is then
    for everybody or for nobody, by its average. Raises `InvalidInput` for under 1,000 rows.
    """
    if len(trial) < 1_000:
        raise InvalidInput(
            f"{len(trial)} customers; uplift needs 1,000 at least, and tens of thousands to say much"
        )
    fit = outcome_models or ridges()
    folds = folds_by_hash(np.arange(len(trial)), fold_count=fold_count, seed=seed)
    gamma = effect_scores(trial)
    by_uplift, by_response, priority = (np.empty(len(trial)) for _ in range(3))
    for fold in range(fold_count):
        held_out = folds == fold
        rest = trial.take(~held_out)
        model = learn_uplift(rest, folds[~held_out], fit)
        expected = fit(rest.features, rest.treated, rest.outcomes)(trial.features[held_out])[:, 1]
        uplift = model.uplift(trial.features[held_out])
        by_uplift[held_out] = qini_influence(uplift, gamma[held_out])
        by_response[held_out] = qini_influence(expected, gamma[held_out])
        priority[held_out] = _ranks(uplift)
    found = mean_of(by_uplift, level=level, unit=unit)
    response = mean_of(by_response, level=level, unit=unit)
    return Targeting(
        average=average_effect(scores_of(trial, folds, fit), unit=unit, level=level),
        qini=found,
        p=two_sided_p(found) if isinstance(found, Estimate) else 1.0,
        response_qini=response,
        over_response=mean_of(by_uplift - by_response, level=level, unit=unit),
        curve=qini_curve(priority, gamma),
        model=_refusal(found, response) or learn_uplift(trial, folds, fit),
    )


def _refusal(found: Estimate | NotEstimable, response: Estimate | NotEstimable) -> NotEstimable | None:
    """Return why an uplift model is not to be used, or None where its order is better than a random one."""
    if isinstance(found, NotEstimable):
        return found
    if found.interval.low > 0:
        return None
    said = f"out of sample the order by uplift gains {_with_interval(found)} over a random one, maybe nothing"
    if isinstance(response, Estimate) and response.interval.low > 0:
        return NotEstimable(
            "response ranks better",
            f"{said}; those most likely to respond first gains {_with_interval(response)}",
        )
    return NotEstimable(
        "no targetable heterogeneity", f"{said}: treat everybody or nobody, by the average effect"
    )


def _with_interval(found: Estimate) -> str:
    return f"{found.value:.3g} [{found.interval.low:.3g}, {found.interval.high:.3g}] {found.unit}"


def _ranks(values: FloatArray) -> FloatArray:
    return np.argsort(np.argsort(values, kind="stable"), kind="stable") / len(values)
