"""Stock as a decision sees it: the levels of the products that rules ask about, and which state of them it is."""

from collections.abc import Mapping

import msgspec


class Stock(msgspec.Struct, frozen=True):
    """Levels by product and place, at a `version` that rises with every report and is pinned by decisions.

    >>> stock = Stock(7, {"shoe": {"berlin": 2, "rome": 0}})
    >>> stock.level("shoe"), stock.level("shoe", "rome"), stock.level("hat"), stock.level("shoe", "oslo")
    (2.0, 0.0, None, None)
    """

    version: int = 0
    levels: Mapping[str, Mapping[str, int]] = {}

    def level(self, product: str, place: str | None = None) -> float | None:
        """Return how many there are at a place, or at all of them together; `None` where nobody said."""
        places = self.levels.get(product)
        if not places:
            return None
        if place is None:
            return float(sum(places.values()))
        return float(places[place]) if place in places else None


NO_STOCK = Stock()
"""Nothing is known of any product."""
