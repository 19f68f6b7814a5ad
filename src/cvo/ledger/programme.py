"""The programme effect: the control group against everybody else, intention to treat.

What the whole programme caused a customer, in margin less contact cost, over the full weeks since its first
decision. After k weeks the interval has level 1 − α/(k(k+1)), so that looking every week keeps the promise of one;
looking more often shows the same figure.
"""

import numpy as np
import numpy.typing as npt
import polars as pl

from cvo.core.clock import DAY, Instant
from cvo.core.evidence import Estimate, Grade, NotEstimable
from cvo.core.money import minor_unit
from cvo.inference import buyers_refusal, clustered_mean, difference, look_level, sample_ratio_refusal

WEEK = 7 * DAY


def programme_effect(
    customers: pl.DataFrame, control_rate: float, started_at: Instant | None, until: Instant, currency: str
) -> Estimate | NotEstimable:
    """Estimate the value caused a customer, from one row a customer with `arm`, `orders` and `value_minor`.

    `started_at` is the time of the first live decision of our own, `until` the end of the last full week after
    it, where the customers' figures end. Contaminated customers stay in the arm
    they were given first: leaving them out would choose customers by what happened to them.

    A column `control_rate` has the share that was in control when each was assigned, where that is not one for
    all. Customers then count by the inverse of their arm's share (Hájek 1971): those met while few were left
    alone are no rarer in one arm of the comparison than in the other.
    """
    if started_at is None:
        return NotEstimable("no live decisions", "the programme has not decided for anybody yet")
    planned = customers["control_rate"] if "control_rate" in customers.columns else None
    expected = control_rate if planned is None or planned.is_empty() else float(planned.mean())  # type: ignore[arg-type]
    if expected == 0:
        return NotEstimable("no control group", "control_rate is 0: nobody is left alone to compare with")
    if until - started_at < WEEK:
        return NotEstimable("first week", "the programme has not decided for a full week yet")
    arms = {name: customers.filter(pl.col("arm") == name) for name in ("treated", "control")}
    refused = sample_ratio_refusal(
        {name: rows.height for name, rows in arms.items()},
        {"treated": 1.0 - expected, "control": expected},
    ) or buyers_refusal({name: int((rows["orders"] > 0).sum()) for name, rows in arms.items()})
    if refused is not None:
        return refused
    look = (until - started_at) // WEEK
    means = [
        clustered_mean(
            arms[name]["value_minor"].to_numpy().astype(np.float64) * minor_unit(currency),
            weights=arm_weights(arms[name]),
            level=look_level(look),
            unit=f"{currency} a customer",
            grade=Grade.MEASURED,
        )
        for name in ("treated", "control")
    ]
    return difference(means[0], means[1])


def arm_weights(customers: pl.DataFrame) -> npt.NDArray[np.float64] | None:
    """Return for each customer the inverse of their arm's planned share; `None` where one rate held for all.

    A customer who was assigned while nobody was left alone has nobody to be compared with, and weight 0.
    """
    if "control_rate" not in customers.columns or customers["control_rate"].n_unique() <= 1:
        return None
    rate = customers["control_rate"].to_numpy().astype(np.float64)
    share = np.where((customers["arm"] == "control").to_numpy(), rate, 1.0 - rate)
    return np.divide(1.0, share, out=np.zeros_like(rate), where=rate > 0)
