"""Learning: Bayesian response, margin and incrementality models; policies with exact propensities.

Arrays in, arrays out; models are frozen values that can be stored, hashed and rebuilt bit for bit.
"""

from cvo.learning.arrays import Stored
from cvo.learning.effect import EffectRows, effect_features, effect_rows
from cvo.learning.incrementality import Kappa, KappaAssumption, aged, incrementality
from cvo.learning.margin import Margin, MarginModel, fold_margins, mean_margin, new_margins
from cvo.learning.moments import product, response_probability
from cvo.learning.policies import Constant, Greedy, InverseGap, Policy, Thompson, Uniform, draw, with_floor
from cvo.learning.pooling import Pooled, pool
from cvo.learning.propensity import positive, winning
from cvo.learning.response import (
    Learner,
    Predictor,
    ResponseModel,
    fold,
    forget,
    new_model,
    pooled,
    with_new_actions,
)

__all__ = [
    "Constant",
    "EffectRows",
    "Greedy",
    "InverseGap",
    "Kappa",
    "KappaAssumption",
    "Learner",
    "Margin",
    "MarginModel",
    "Policy",
    "Pooled",
    "Predictor",
    "ResponseModel",
    "Stored",
    "Thompson",
    "Uniform",
    "aged",
    "draw",
    "effect_features",
    "effect_rows",
    "fold",
    "fold_margins",
    "forget",
    "incrementality",
    "mean_margin",
    "new_margins",
    "new_model",
    "pool",
    "pooled",
    "positive",
    "product",
    "response_probability",
    "winning",
    "with_floor",
    "with_new_actions",
]
