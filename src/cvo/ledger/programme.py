"""The programme effect: the control group against everybody else, intention to treat.

What the whole programme caused a customer, in margin less contact cost, over the full weeks since its first
decision. After k weeks the interval has level 1 − α/(k(k+1)), so that looking every week keeps the promise of one;
looking more often shows the same figure.
"""

import numpy as np
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
    """
    if started_at is None:
        return NotEstimable("no live decisions", "the programme has not decided for anybody yet")
    if control_rate == 0:
        return NotEstimable("no control group", "control_rate is 0: nobody is left alone to compare with")
    if until - started_at < WEEK:
        return NotEstimable("first week", "the programme has not decided for a full week yet")
    arms = {name: customers.filter(pl.col("arm") == name) for name in ("treated", "control")}
    refused = sample_ratio_refusal(
        {name: rows.height for name, rows in arms.items()},
        {"treated": 1.0 - control_rate, "control": control_rate},
    ) or buyers_refusal({name: int((rows["orders"] > 0).sum()) for name, rows in arms.items()})
    if refused is not None:
        return refused
    look = (until - started_at) // WEEK
    means = [
        clustered_mean(
            arms[name]["value_minor"].to_numpy().astype(np.float64) * minor_unit(currency),
            level=look_level(look),
            unit=f"{currency} a customer",
            grade=Grade.MEASURED,
        )
        for name in ("treated", "control")
    ]
    return difference(means[0], means[1])
