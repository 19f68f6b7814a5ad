"""Learning: Bayesian response, margin and incrementality models; policies with exact propensities.

Arrays in, arrays out; models are frozen values that can be stored, hashed and rebuilt bit for bit.
"""

from cvo.learning.arrays import Stored
from cvo.learning.drift import (
    Alarm,
    CalibrationWatch,
    MassShift,
    Shift,
    alarms,
    mass_shift,
    new_watch,
    stability,
    watched,
)
from cvo.learning.effect import EffectRows, effect_features, effect_rows
from cvo.learning.features import (
    Scaler,
    Vocabulary,
    hashed,
    new_scaler,
    observed,
    one_hot,
    standardised,
    with_words,
)
from cvo.learning.incrementality import Kappa, KappaAssumption, aged, incrementality
from cvo.learning.learner import Learner, correct, fold
from cvo.learning.margin import Margin, MarginModel, fold_margins, mean_margin, new_margins
from cvo.learning.moments import product, response_probability, times
from cvo.learning.policies import Constant, Greedy, InverseGap, Policy, Thompson, Uniform, draw, with_floor
from cvo.learning.pooling import Pooled, pool
from cvo.learning.prior import forget, pooled, with_new_actions
from cvo.learning.propensity import winning
from cvo.learning.response import Predictor, ResponseModel, new_model
from cvo.learning.shared import SharedModel, SharedPredictor, new_shared, with_actions

__all__ = [
    "Alarm",
    "CalibrationWatch",
    "Constant",
    "EffectRows",
    "Greedy",
    "InverseGap",
    "Kappa",
    "KappaAssumption",
    "Learner",
    "Margin",
    "MarginModel",
    "MassShift",
    "Policy",
    "Pooled",
    "Predictor",
    "ResponseModel",
    "Scaler",
    "SharedModel",
    "SharedPredictor",
    "Shift",
    "Stored",
    "Thompson",
    "Uniform",
    "Vocabulary",
    "aged",
    "alarms",
    "correct",
    "draw",
    "effect_features",
    "effect_rows",
    "fold",
    "fold_margins",
    "forget",
    "hashed",
    "incrementality",
    "mass_shift",
    "mean_margin",
    "new_margins",
    "new_model",
    "new_scaler",
    "new_shared",
    "new_watch",
    "observed",
    "one_hot",
    "pool",
    "pooled",
    "product",
    "response_probability",
    "stability",
    "standardised",
    "times",
    "watched",
    "winning",
    "with_actions",
    "with_floor",
    "with_new_actions",
    "with_words",
]
