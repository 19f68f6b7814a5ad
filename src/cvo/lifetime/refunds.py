"""Refunds: a share of what was sold comes back, more from some customers than from others."""

from typing import Self

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from cvo.core.errors import InvalidInput
from cvo.core.evidence import NotEstimable
from cvo.lifetime.blocks import FloatArray


class RefundModel(msgspec.Struct, frozen=True):
    """Refunds per purchase ~ Poisson(θ), θ ~ Gamma between customers; a refund gives back `size` of a
    purchase's value.

    `rate` is the mean of θ, `purchases_of_trust` the purchases after which a customer's own record weighs
    as much as everybody's: infinite when customers do not differ.
    """

    rate: float
    purchases_of_trust: float
    size: float

    @classmethod
    def fit(
        cls, purchases: ArrayLike, refunds: ArrayLike, gross_value: ArrayLike, refund_value: ArrayLike
    ) -> Self | NotEstimable:
        """Fit by moments on one row per customer; all columns of `rfm`, with `purchases` = frequency + 1."""
        bought, returned, sold, given = (
            np.asarray(column, dtype=np.float64) for column in (purchases, refunds, gross_value, refund_value)
        )
        if any((column < 0).any() for column in (bought, returned, sold, given)):
            raise InvalidInput(
                "purchases, refunds and their values are counted from 0: keep refunds positive"
            )
        if not bought.sum() or not sold.sum():
            return NotEstimable("nothing_sold", "there are no purchases of positive value")
        rate = float(returned.sum() / bought.sum())
        if not rate:
            return cls(0.0, float("inf"), 0.0)
        # Var(refunds) = n θ̄ + n² Var(θ): what exceeds the Poisson part is between customers.
        excess = float(((returned - bought * rate) ** 2 - bought * rate).sum() / (bought**2).sum())
        trust = rate / excess if excess > 0 else float("inf")
        size = float(given.sum() / returned.sum()) / float(sold.sum() / bought.sum())
        return cls(rate, trust, size)

    def share_returned(self, purchases: ArrayLike, refunds: ArrayLike) -> FloatArray:
        """Return the expected share of each customer's future sales that comes back, between 0 and 1."""
        bought = np.asarray(purchases, dtype=np.float64)
        own = np.asarray(refunds, dtype=np.float64)
        if np.isinf(self.purchases_of_trust):
            per_purchase = np.full(np.broadcast(bought, own).shape, self.rate)
        else:
            per_purchase = (own + self.purchases_of_trust * self.rate) / (bought + self.purchases_of_trust)
        return np.asarray(np.clip(per_purchase * self.size, 0.0, 1.0))
