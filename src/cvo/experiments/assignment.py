"""Assignment by hash: who takes part in an experiment, and in which arm.

A layer is a fresh shuffle of all customers (Tang, Agarwal, O'Brien, Meyer 2010, "Overlapping experiment
infrastructure", KDD). Experiments of one layer take disjoint stretches of it and never share a customer;
experiments of different layers are independent of each other. Within its stretch an experiment draws arms with a
hash of its own, so what ran there before leaves no trace.
"""

from collections.abc import Iterable, Mapping
from itertools import accumulate

import msgspec

from cvo.core.errors import InvalidInput
from cvo.core.random import keyed_uniform

_ROUNDING = 1e-9


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """The stretch of a layer that an experiment takes: customers at `start` ≤ position < `end`.

    Widening a stretch keeps everybody who is in it already.
    """

    layer: str = "main"
    start: float = 0.0
    end: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end <= 1:
            raise InvalidInput(
                f"traffic from {self.start} to {self.end} of a layer; 0 ≤ start < end ≤ 1 is needed"
            )

    def overlaps(self, other: "Traffic") -> bool:
        """Tell whether a customer could be in both stretches of one layer."""
        return self.layer == other.layer and self.start < other.end and other.start < self.end


EVERYBODY = Traffic()


def check_shares(shares: Mapping[str, float]) -> None:
    """Raise `InvalidInput` unless two or more arms have positive shares that sum to 1."""
    if len(shares) < 2 or min(shares.values()) <= 0 or abs(sum(shares.values()) - 1) > _ROUNDING:
        raise InvalidInput(
            f"shares {dict(shares)}: two or more arms with positive shares that sum to 1 are needed"
        )


def assigned(
    customers: Iterable[str | bytes],
    *,
    experiment: str,
    shares: Mapping[str, float],
    seed: str,
    traffic: Traffic = EVERYBODY,
) -> list[str | None]:
    """Return the arm of every customer, None for one outside the experiment's stretch of its layer.

    The arm depends on nothing but seed, experiment and customer: it is the same alone and in any batch, and
    for ever. Arms divide [0, 1) in the order of `shares`. Raises `InvalidInput` for shares that do not sum to 1.

    >>> assigned(["ann", "bob", "cid"], experiment="mail", shares={"control": 0.5, "short": 0.5}, seed="a")
    ['control', 'short', 'control']
    """
    check_shares(shares)
    arms, ends = list(shares), list(accumulate(shares.values()))

    def arm(customer: str | bytes) -> str | None:
        if not traffic.start <= keyed_uniform(seed, "layer", traffic.layer, customer) < traffic.end:
            return None
        at = keyed_uniform(seed, "experiment", experiment, customer)
        # Rounding may leave the last end a hair below 1.
        return next((name for name, end in zip(arms, ends, strict=True) if at < end), arms[-1])

    return [arm(customer) for customer in customers]
