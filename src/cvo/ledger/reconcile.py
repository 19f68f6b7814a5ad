"""The headline in parts: what deliveries caused in their windows, what the cap took, and all the rest.

The headline compares customers' totals by arm; the parts compare what was delivered with what chance withheld, window
by window, among the same treated customers and in the same time. They do not add up by themselves: an effect may
outlast its window, two actions may help or hinder one another, a delivery may have nothing to be compared with. The
rest is what the headline has beyond the parts, and its error knows which customers stand in both.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
import polars as pl

from cvo.core.evidence import Estimate, NotEstimable
from cvo.core.money import minor_unit
from cvo.ledger.caused import Caused, Cell
from cvo.ledger.influence import Total, influences
from cvo.ledger.programme import arm_weights


class Reconciled(msgspec.Struct, frozen=True, kw_only=True):
    """The headline as a total over treated customers, and parts that add up to it.

    `headline = Σ rows + cap + rest`; `cap` is what capping took off (0 or less), `None` where nothing is capped.
    `in_rest` names the rows without an estimate, whose effect is in the rest.
    """

    headline: Estimate
    rows: list[Caused]
    cap: Estimate | None
    rest: Estimate
    in_rest: list[str]


def reconcile(
    headline: Estimate,
    capped: pl.DataFrame,
    uncapped: pl.DataFrame,
    cells: Sequence[Cell],
    currency: str,
) -> Reconciled | NotEstimable:
    """Split a headline a customer; frames have `person_id`, `arm` and `value_minor`, a row a customer."""
    treated = int((uncapped["arm"] == "treated").sum())
    whole = programme_total(uncapped, currency)
    kept = programme_total(capped, currency)
    cap = kept.minus([whole])
    parts = [each.value for each in cells if isinstance(each.value, Total)]
    level = headline.interval.level
    rest = whole.minus(parts).estimate(currency, level=level)
    taken = cap.estimate(currency, level=level)
    if isinstance(rest, NotEstimable) or isinstance(taken, NotEstimable):
        return NotEstimable("too few clusters", "too few customers to split the headline")
    return Reconciled(
        headline=headline.scaled(treated, currency),
        rows=[each.caused for each in cells],
        cap=None if capped["value_minor"].equals(uncapped["value_minor"]) else taken,
        rest=rest,
        in_rest=[each.caused.name for each in cells if isinstance(each.value, NotEstimable)],
    )


def programme_total(customers: pl.DataFrame, currency: str, column: str = "value_minor") -> Total:
    """Return what was caused among treated customers in all: their number times the difference of the arms' means.

    Means are weighted as those of `programme_effect`, where customers were assigned under different control rates.
    """
    y = customers[column].to_numpy().astype(np.float64) * minor_unit(currency)
    treated = (customers["arm"] == "treated").to_numpy()
    weights = arm_weights(customers)
    shares = np.ones(len(y)) if weights is None else weights
    count = int(treated.sum())
    influence, means = np.zeros(len(y)), []
    for arm, sign in ((treated, 1.0), (~treated, -1.0)):
        share = np.where(arm, shares, 0.0) / shares[arm].sum()
        means.append(float(share @ y))
        influence += sign * count * share * (y - means[-1])
    return Total(count * (means[0] - means[1]), influences(customers["person_id"], influence))
