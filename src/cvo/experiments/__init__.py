"""Experiments: promised beforehand, assigned by hash, judged by intervals that hold, with checks on all of it."""

from cvo.experiments.assignment import EVERYBODY, Traffic, assigned
from cvo.experiments.crossing import crossing_probabilities
from cvo.experiments.effects import (
    adjusted_effect,
    covariate_correlation,
    effect,
    relative_effect,
    stratified_effect,
)
from cvo.experiments.exposure import Exposure, exposure
from cvo.experiments.interaction import Interaction, interaction
from cvo.experiments.power import Design, Looks, customers_needed, days_needed, detectable_effect, power
from cvo.experiments.quantiles import quantile_effect, quantile_estimate
from cvo.experiments.registration import CONTROL, Guardrail, Kind, Metric, Registration
from cvo.experiments.report import Conclusion, Finding, Report, finding, report
from cvo.experiments.self_check import SelfCheck, self_check
from cvo.experiments.sequential import MixtureTest, planned_test

__all__ = [
    "CONTROL",
    "EVERYBODY",
    "Conclusion",
    "Design",
    "Exposure",
    "Finding",
    "Guardrail",
    "Interaction",
    "Kind",
    "Looks",
    "Metric",
    "MixtureTest",
    "Registration",
    "Report",
    "SelfCheck",
    "Traffic",
    "adjusted_effect",
    "assigned",
    "covariate_correlation",
    "crossing_probabilities",
    "customers_needed",
    "days_needed",
    "detectable_effect",
    "effect",
    "exposure",
    "finding",
    "interaction",
    "planned_test",
    "power",
    "quantile_effect",
    "quantile_estimate",
    "relative_effect",
    "report",
    "self_check",
    "stratified_effect",
]
