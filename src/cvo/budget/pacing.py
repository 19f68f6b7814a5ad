"""Prices while customers come one after another: each resource is to last, and to be used, until its period ends.

The update is dual mirror descent with the entropy as mirror map (Balseiro, Lu and Mirrokni 2023, "The best of many
worlds: dual mirror descent for online allocation problems", algorithm 1): a price is multiplied by the exponential of
how much more was used than planned. What is planned is a share of what is left, by a plan of when it is best spent,
such as the period before teaches (Balseiro, Kumar, Mirrokni and Lu 2023, "Robust budget pacing with a single sample").
"""

from typing import Any

import msgspec
import numpy as np

from cvo.core.errors import InvalidInput

_LOWEST = 1e-4
"""A price falls no further than to this share of the one it began with: from zero it could never rise again."""
_LARGEST_STEP = 1.0
"""The largest change of a price's logarithm in one update."""


class SpendPlan(msgspec.Struct, frozen=True):
    """When a resource is to be spent: `reached[j]` is the share of it after j of m equal parts of its period.

    >>> SpendPlan((0.0, 0.1, 0.4, 1.0)).share(0.5)
    0.25
    """

    reached: tuple[float, ...] = (0.0, 1.0)

    def __post_init__(self) -> None:
        steps = np.diff(self.reached)
        if len(steps) == 0 or self.reached[0] != 0.0 or self.reached[-1] != 1.0 or not (steps >= 0).all():
            raise InvalidInput("a spend plan begins with 0, never falls, and ends with 1")

    def share(self, elapsed: float) -> float:
        """Return the share to be spent by the time that `elapsed` (0 to 1) of the period is over."""
        return float(np.interp(elapsed * (len(self.reached) - 1), range(len(self.reached)), self.reached))


EVENLY = SpendPlan()
"""The same share every day; under a season it wastes a few per cent of the value."""


def plan_from(elapsed: Any, used: Any, *, parts: int = 52) -> SpendPlan:
    """Learn a plan from a period that is over: `used` (n,) at times `elapsed` (n,), as shares of the period.

    What to pass is use at that period's best prices (`solve_prices`), not what happened to be spent. Raises
    `InvalidInput` where nothing was used.
    """
    elapsed, used = np.asarray(elapsed, dtype=np.float64), np.asarray(used, dtype=np.float64)
    part = np.clip((elapsed * parts).astype(np.int64), 0, parts - 1)
    reached = np.cumsum(np.bincount(part, weights=used, minlength=parts))
    if not reached[-1] > 0:
        raise InvalidInput("nothing was used in that period, so it teaches no plan; use EVENLY")
    return SpendPlan((0.0, *(reached / reached[-1]).tolist()))


class Pace(msgspec.Struct, frozen=True):
    """The price of one resource in force, and what it was set from: a value to be stored and recorded.

    `first` is the price it began the period with; `capacity`, `used` and `grain`, what one use takes, are in the
    resource's unit; `elapsed` is the share of the period that was over at the last update.
    """

    price: float
    first: float
    capacity: float
    grain: float = 1.0
    used: float = 0.0
    elapsed: float = 0.0

    @property
    def left(self) -> float:
        """Return how much of the resource there still is."""
        return self.capacity - self.used


def begin(capacity: float, price: float, *, grain: float = 1.0) -> Pace:
    """Begin a period with a price: that which solves the period before, or a guess of what a unit is worth.

    `grain` is what one use usually takes, such as the minutes of a call. Raises `InvalidInput` for a price that is not
    positive, since an update multiplies it.
    """
    if not (np.isfinite(price) and price > 0):
        raise InvalidInput(f"a resource can't begin at a price of {price}; begin with a small positive one")
    if not (np.isfinite(capacity) and capacity >= 0 and np.isfinite(grain) and grain > 0):
        raise InvalidInput(
            f"a capacity of {capacity} in grains of {grain} is none; both must be finite, not negative"
        )
    return Pace(price, price, capacity, grain)


def paced(pace: Pace, used: float, elapsed: float, plan: SpendPlan = EVENLY) -> Pace:
    """Set the next price after `used` more units, `elapsed` of the period being over.

    The price rises when more was used than planned and falls when less. Over a period chance alone makes use differ by
    about √uses, and so large a difference changes the price by a factor of e. It holds until the next call and depends
    on nothing that is drawn in between. Raises `InvalidInput` for an overrun or for time that runs backwards.
    """
    if used < 0 or used > pace.left * (1 + 1e-12):
        raise InvalidInput(f"{used} of a resource were used of which {pace.left} were left")
    if not pace.elapsed <= elapsed <= 1.0:
        raise InvalidInput(f"elapsed is {elapsed} after {pace.elapsed}; it goes from 0 to 1")
    before = plan.share(pace.elapsed)
    to_come = 1.0 - before
    planned = pace.left * (plan.share(elapsed) - before) / to_come if to_come > 0 else pace.left
    price = pace.price
    if pace.capacity > 0:
        step = (used - planned) / np.sqrt(pace.capacity * pace.grain)
        price *= float(np.exp(np.clip(step, -_LARGEST_STEP, _LARGEST_STEP)))
    return msgspec.structs.replace(
        pace,
        price=max(price, _LOWEST * pace.first),
        used=min(pace.used + used, pace.capacity),
        elapsed=elapsed,
    )
