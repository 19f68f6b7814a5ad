"""How far a forecast of all customers together may be off: parameters, chance, and the model itself."""

import msgspec
import numpy as np

from cvo.core.evidence import Interval, NotEstimable
from cvo.lifetime.histories import Histories, condensed
from cvo.lifetime.likelihood import Fit
from cvo.lifetime.purchase_model import PurchaseModel

_SAMPLED_ROWS = 50_000


class TotalForecast(msgspec.Struct, frozen=True, kw_only=True):
    """Expected purchases of all customers in a horizon, with three intervals, each wider than the one before.

    `parameters`: not knowing the parameters exactly. `predictive`: and not knowing what each customer will
    do. `misspecified`: and the model being wrong as it was in closed windows of the past, usually by far
    the largest.
    """

    expected: float
    parameters: Interval
    predictive: Interval
    misspecified: Interval | NotEstimable


def forecast_total(
    fit: Fit[PurchaseModel],
    rows: Histories,
    horizon: float,
    *,
    rng: np.random.Generator,
    past_errors: tuple[float, ...] = (),
    level: float = 0.9,
    draws: int = 100,
) -> TotalForecast:
    """Forecast the purchases of all customers in the next `horizon` (in the unit of the fit).

    `past_errors` are logs of actual over expected totals in closed windows; with fewer than three the third
    interval is `NotEstimable`. Windows that overlap make it somewhat too narrow.
    """
    from scipy.special import ndtri

    few = condensed(rows)
    totals = np.array(
        [
            float((few.weight * model.expected_purchases(horizon, *few.columns)).sum())
            for model in fit.draws(draws, rng)
        ]
    )
    expected = float((few.weight * fit.model.expected_purchases(horizon, *few.columns)).sum())
    by_parameters = float(np.std(np.log(totals)))
    by_chance = float(np.sqrt(_variance(fit.model, rows, horizon, rng))) / expected
    reach = float(ndtri(0.5 + level / 2))

    def around(*sources: float) -> Interval:
        width = reach * float(np.hypot.reduce(sources))
        return Interval(expected * float(np.exp(-width)), expected * float(np.exp(width)), level)

    wrong = float(np.sqrt(np.mean(np.square(past_errors)))) if len(past_errors) > 2 else None
    return TotalForecast(
        expected=expected,
        parameters=around(by_parameters, 0.0),
        predictive=around(by_parameters, by_chance),
        misspecified=around(by_parameters, by_chance, wrong)
        if wrong is not None
        else NotEstimable(
            "too_few_closed_windows", f"{len(past_errors)} windows of this length have closed, 3 are needed"
        ),
    )


def _variance(model: PurchaseModel, rows: Histories, horizon: float, rng: np.random.Generator) -> float:
    """Return the variance of the total, from two futures of (a sample of) the customers."""
    sample = rows.take(slice(None, None, 1 + len(rows) // _SAMPLED_ROWS))
    one, other = (model.sample_purchases([horizon], *sample.columns, rng)[0] for _ in range(2))
    per_row = (one - other).astype(np.float64) ** 2 / 2
    return float((sample.weight * per_row).sum() * rows.weight.sum() / sample.weight.sum())
