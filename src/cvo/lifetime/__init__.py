"""What customers are worth: buy-till-you-die models, contracts, spending, calibration and lifetime value.

Arrays and frames in and out; usable without the rest of cvo. Names are those of lifetimes: `frequency`,
`recency`, `T`, `monetary_value`.
"""

from cvo.lifetime.bg_bb import BgBb
from cvo.lifetime.choose import MODELS, Backtest, Choice, choose
from cvo.lifetime.covariates import CovariateFit, fit_with_covariates
from cvo.lifetime.curve import weekly_repeats
from cvo.lifetime.datasets import cdnow_sample
from cvo.lifetime.gamma_gamma import GammaGamma
from cvo.lifetime.geometric_dropout import BgNbd, MbgNbd
from cvo.lifetime.histories import Histories, histories
from cvo.lifetime.likelihood import Fit
from cvo.lifetime.margins import GroupRates, shrunk_rates
from cvo.lifetime.pareto_nbd import ParetoNbd
from cvo.lifetime.predictions import Predictions, predictions_of
from cvo.lifetime.predictive import TotalForecast, forecast_total
from cvo.lifetime.purchase_model import PurchaseModel
from cvo.lifetime.ranker import Ranker, dealt_in_order, train_ranker
from cvo.lifetime.refunds import RefundModel
from cvo.lifetime.rhythm import overdue, typical_gap
from cvo.lifetime.scores import Decile, Scores, deciles, gini, score
from cvo.lifetime.segments import SegmentFits, fit_segments
from cvo.lifetime.shifted_beta_geometric import ShiftedBetaGeometric
from cvo.lifetime.summary import Unit, periods_bought_after, purchase_days, rfm, rfm_periods, with_holdout
from cvo.lifetime.value import (
    HORIZONS_DAYS,
    Economics,
    ValueQuantiles,
    lifetime_value,
    present_value,
    value_quantiles,
)
from cvo.lifetime.windows import Window, same_as_before

__all__ = [
    "HORIZONS_DAYS",
    "MODELS",
    "Backtest",
    "BgBb",
    "BgNbd",
    "Choice",
    "CovariateFit",
    "Decile",
    "Economics",
    "Fit",
    "GammaGamma",
    "GroupRates",
    "Histories",
    "MbgNbd",
    "ParetoNbd",
    "Predictions",
    "PurchaseModel",
    "Ranker",
    "RefundModel",
    "Scores",
    "SegmentFits",
    "ShiftedBetaGeometric",
    "TotalForecast",
    "Unit",
    "ValueQuantiles",
    "Window",
    "cdnow_sample",
    "choose",
    "dealt_in_order",
    "deciles",
    "fit_segments",
    "fit_with_covariates",
    "forecast_total",
    "gini",
    "histories",
    "lifetime_value",
    "overdue",
    "periods_bought_after",
    "predictions_of",
    "present_value",
    "purchase_days",
    "rfm",
    "rfm_periods",
    "same_as_before",
    "score",
    "shrunk_rates",
    "train_ranker",
    "typical_gap",
    "value_quantiles",
    "weekly_repeats",
    "with_holdout",
]
