"""The coin that withholds: once per customer, action and window, so that repeated choices share one fate.

A coin thrown anew at every page view would reach nearly everybody sooner or later, and the difference between
delivered and withheld would measure nothing. So is one thrown anew when somebody unknown logs in: it is keyed by the
id the customer was first met by.
"""

from collections.abc import Mapping

import msgspec

from cvo.core.clock import DAY, Instant
from cvo.core.ids import PersonId
from cvo.core.random import keyed_uniform
from cvo.profiles.profile import Profile

_CONTACTS = "contact:action:"


class Coin(msgspec.Struct, frozen=True):
    """The coin of one customer, action and window: `value`, uniform on [0, 1), withholds when below `rate`."""

    value: float
    rate: float

    @property
    def withholds(self) -> bool:
        """Tell whether a choice of the action is withheld."""
        return self.value < self.rate


class Withholding(msgspec.Struct, frozen=True):
    """How deliveries of one action are withheld: with probability `rate`, by one coin every `window_days`.

    Actions of a bundle are withheld as one: they are `sharing` the coin of the first of them.
    """

    window_days: int
    rate: float
    sharing: tuple[str, ...] = ()


class Coins:
    """The coins of a customer first met by the id `met_as`, at one instant; windows are stretches of the calendar."""

    def __init__(self, seed: str, met_as: PersonId, profile: Profile, at: Instant) -> None:
        self._seed, self._met_as, self._tallies, self._at = seed, met_as, profile.tallies, at

    def coin(self, action: str, rule: Withholding) -> Coin:
        """Return the coin of an action in its window."""
        window = self._at // (rule.window_days * DAY)
        thrown_for = rule.sharing[0] if rule.sharing else action
        return Coin(keyed_uniform(self._seed, "withheld", self._met_as, thrown_for, window), rule.rate)

    def fallen(self, rules: Mapping[str, Withholding]) -> dict[str, Coin]:
        """Return the coins of actions chosen before in their window, or one sharing it: their side is a fact by now.

        Every other action is still withheld with the probability `rate`.
        """
        contacted = (
            (key[len(_CONTACTS) :], tally.last_at)
            for key, tally in self._tallies.items()
            if key.startswith(_CONTACTS)
        )
        return {
            each: self.coin(each, rules[each])
            for action, last_at in contacted
            if action in rules and last_at >= _start(self._at, rules[action])
            for each in rules[action].sharing or (action,)
        }


def _start(at: Instant, rule: Withholding) -> int:
    return at - at % (rule.window_days * DAY)
