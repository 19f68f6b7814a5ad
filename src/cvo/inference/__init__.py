"""Inference: intervals by customer, intervals for looking often, and evaluation of policies from a log."""

from cvo.inference.clustered import (
    NO_CLUSTERS,
    ClusterMoments,
    cluster_moments,
    clustered_mean,
    difference,
    ratio_estimate,
    ratio_of_means,
)
from cvo.inference.crossfit import Fit, Predict, cross_fitted_predictions, folds_by_hash
from cvo.inference.discoveries import discoveries, two_sided_p
from cvo.inference.embeddings import EmbeddingWeights, category_weights, mips
from cvo.inference.guardrails import (
    DEFAULT_GUARD_RAILS,
    GuardRails,
    WeightDiagnostics,
    buyers_refusal,
    effective_sample_size,
    sample_ratio_p,
    sample_ratio_refusal,
)
from cvo.inference.logged import LoggedData, logged_data
from cvo.inference.off_policy import (
    direct_method,
    doubly_robust,
    doubly_robust_shrunk,
    ips,
    logging_policy,
    snips,
    switch_doubly_robust,
)
from cvo.inference.policy_value import PolicyScores, policy_difference, policy_value
from cvo.inference.ridge import ridge_per_action
from cvo.inference.sequential import ConfidenceSequence, look_level, planned_sequence

__all__ = [
    "DEFAULT_GUARD_RAILS",
    "NO_CLUSTERS",
    "ClusterMoments",
    "ConfidenceSequence",
    "EmbeddingWeights",
    "Fit",
    "GuardRails",
    "LoggedData",
    "PolicyScores",
    "Predict",
    "WeightDiagnostics",
    "buyers_refusal",
    "category_weights",
    "cluster_moments",
    "clustered_mean",
    "cross_fitted_predictions",
    "difference",
    "direct_method",
    "discoveries",
    "doubly_robust",
    "doubly_robust_shrunk",
    "effective_sample_size",
    "folds_by_hash",
    "ips",
    "logged_data",
    "logging_policy",
    "look_level",
    "mips",
    "planned_sequence",
    "policy_difference",
    "policy_value",
    "ratio_estimate",
    "ratio_of_means",
    "ridge_per_action",
    "sample_ratio_p",
    "sample_ratio_refusal",
    "snips",
    "switch_doubly_robust",
    "two_sided_p",
]
