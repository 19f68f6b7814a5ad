"""The coin that withholds: once per customer, action and window, so that repeated choices share one fate.

A coin thrown anew at every page view would reach nearly everybody sooner or later, and the difference between
delivered and withheld would measure nothing.
"""

import msgspec

from cvo.core.clock import DAY, Instant
from cvo.core.ids import PersonId
from cvo.core.random import keyed_uniform
from cvo.profiles.profile import Profile


class Coin(msgspec.Struct, frozen=True):
    """The coin of one customer, action and window: `value`, uniform on [0, 1), withholds when below `rate`."""

    value: float
    rate: float

    @property
    def withholds(self) -> bool:
        """Tell whether a choice of the action is withheld."""
        return self.value < self.rate


class Coins:
    """The coins of one customer at one instant; windows are fixed stretches of the calendar."""

    def __init__(self, seed: str, person_id: PersonId, profile: Profile, at: Instant) -> None:
        self._seed, self._person_id, self._at = seed, person_id, at
        self._tallies = profile.tallies

    def coin(self, action: str, window_days: int, rate: float) -> Coin:
        """Return the coin of an action in its window."""
        window = self._at // (window_days * DAY)
        return Coin(keyed_uniform(self._seed, "withheld", self._person_id, action, window), rate)

    def withheld_probability(self, action: str, window_days: int, rate: float) -> float:
        """Return the probability that a choice of the action is withheld, as it stands before this decision.

        Once an action was chosen in a window its coin has fallen, and its side is a fact: 0 or 1.
        """
        contacts = self._tallies.get(f"contact:action:{action}")
        if contacts is None or contacts.last_at < self._at // (window_days * DAY) * window_days * DAY:
            return rate
        return float(self.coin(action, window_days, rate).withholds)
