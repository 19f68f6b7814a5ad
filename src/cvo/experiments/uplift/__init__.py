"""Uplift: whom a treatment helps most, whether that can be told at all, and what targeting by it would gain."""

from cvo.experiments.uplift.learner import (
    UpliftModel,
    average_effect,
    doubly_robust_scores,
    learn_uplift,
    scores_of,
)
from cvo.experiments.uplift.outcome_models import ridges, trees
from cvo.experiments.uplift.qini import Curve, effect_scores, mean_of, qini, qini_curve, qini_influence
from cvo.experiments.uplift.targeting import Targeting, targeting
from cvo.experiments.uplift.trial import Trial, trial

__all__ = [
    "Curve",
    "Targeting",
    "Trial",
    "UpliftModel",
    "average_effect",
    "doubly_robust_scores",
    "effect_scores",
    "learn_uplift",
    "mean_of",
    "qini",
    "qini_curve",
    "qini_influence",
    "ridges",
    "scores_of",
    "targeting",
    "trees",
    "trial",
]
