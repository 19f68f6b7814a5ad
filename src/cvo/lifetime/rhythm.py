"""Overdue against their own rhythm: what to show beside the probability of being alive.

P(alive) of a frequent buyer collapses after a short silence and that of a rare one hardly moves; people ask
something else first: is this silence long *for this customer*?
"""

import numpy as np
from numpy.typing import ArrayLike

from cvo.lifetime.blocks import FloatArray
from cvo.lifetime.histories import checked
from cvo.lifetime.purchase_model import PurchaseModel


def overdue(model: PurchaseModel, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike) -> FloatArray:
    """Return how probable it is that a customer of this rhythm who is still one would have bought by now.

    After the last purchase the rate is Gamma(r + x, α + t_x), so a gap is Lomax: 1 - ((α+t_x)/(α+T))^(r+x).

    >>> from cvo.lifetime import ParetoNbd
    >>> model = ParetoNbd(0.553, 10.578, 0.606, 11.669)
    >>> [round(float(p), 2) for p in overdue(model, [30, 2], [37.0, 10.0], [39.0, 12.0])]
    [0.72, 0.21]
    """
    x, t_x, age = checked(frequency, recency, T)
    return np.asarray(-np.expm1(-(model.r + x) * np.log1p((age - t_x) / (model.alpha + t_x))))


def typical_gap(model: PurchaseModel, frequency: ArrayLike, recency: ArrayLike) -> FloatArray:
    """Return the time after which half the customers of this rhythm would have bought again: the median
    gap."""
    x, t_x, _ = checked(frequency, recency, recency)
    return np.asarray((model.alpha + t_x) * np.expm1(np.minimum(np.log(2) / (model.r + x), 300.0)))
