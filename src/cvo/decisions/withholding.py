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
    """The coin of one customer, action and window: a number that withholds when it is below `rate`.

    `fallen` tells that the action was chosen in this window before, so that its side is a fact by now.
    """

    seed: str
    person_id: PersonId
    action: str
    window: int
    rate: float
    fallen: bool

    @property
    def value(self) -> float:
        """Return the coin's number, uniform on [0, 1) and the same whenever it is looked at."""
        return keyed_uniform(self.seed, "withheld", self.person_id, self.action, self.window)

    @property
    def withholds(self) -> bool:
        """Tell whether a choice of the action is withheld."""
        return self.value < self.rate

    @property
    def withheld_probability(self) -> float:
        """Return the probability, before this decision, that a choice of the action is withheld."""
        return float(self.withholds) if self.fallen else self.rate


def coin(
    seed: str,
    person_id: PersonId,
    profile: Profile,
    action: str,
    *,
    at: Instant,
    window_days: int,
    rate: float,
) -> Coin:
    """Return the coin in force at `at`; windows are fixed stretches of the calendar."""
    window = at // (window_days * DAY)
    contacts = profile.tallies.get(f"contact:action:{action}")
    fallen = contacts is not None and contacts.last_at >= window * window_days * DAY
    return Coin(seed, person_id, action, window, rate, fallen)
