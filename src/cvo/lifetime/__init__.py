"""What customers are worth: buy-till-you-die models, contracts, spending, calibration and lifetime value.

Arrays and frames in and out; usable without the rest of cvo. Names are those of lifetimes: `frequency`,
`recency`, `T`, `monetary_value`.
"""

from cvo.lifetime.bg_bb import BgBb
from cvo.lifetime.gamma_gamma import GammaGamma
from cvo.lifetime.geometric_dropout import BgNbd, MbgNbd
from cvo.lifetime.likelihood import Fit
from cvo.lifetime.pareto_nbd import ParetoNbd
from cvo.lifetime.purchase_model import PurchaseModel
from cvo.lifetime.shifted_beta_geometric import ShiftedBetaGeometric
from cvo.lifetime.summary import Unit, rfm, rfm_periods, with_holdout

__all__ = [
    "BgBb",
    "BgNbd",
    "Fit",
    "GammaGamma",
    "MbgNbd",
    "ParetoNbd",
    "PurchaseModel",
    "ShiftedBetaGeometric",
    "Unit",
    "rfm",
    "rfm_periods",
    "with_holdout",
]
