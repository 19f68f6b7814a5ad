"""Random numbers of a world, keyed by what they decide: worlds that differ in one choice share the rest.

Philox (Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3") maps a key and a
counter to a number. The key is what is decided (seed, purpose, step), the counter is the customer. So two
runs that differ in an action draw the same numbers everywhere else, which makes Y(a) − Y(∅) the effect on
that very customer, and the first thousand customers stay who they are when the world gets larger.
"""

import msgspec
import numpy as np
import numpy.typing as npt

from cvo.core.random import keyed_bytes

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class Draws(msgspec.Struct, frozen=True):
    """The numbers of one world; `replicate` names one of many futures of the same customers."""

    seed: str
    replicate: int = 0

    def uniform(self, count: int, *purpose: str | int) -> Floats:
        """Return `count` numbers uniform on [0, 1), one per customer in order.

        >>> bool((Draws("7").uniform(3, "x") == Draws("7").uniform(9, "x")[:3]).all())
        True
        """
        return self._generator(*purpose).random(count)

    def normal(self, count: int, *purpose: str | int) -> Floats:
        """Return `count` standard normal numbers, one per customer in order."""
        return self._generator(*purpose).standard_normal(count)

    def _generator(self, *purpose: str | int) -> np.random.Generator:
        key = keyed_bytes(self.seed, "world", self.replicate, *purpose, size=16)
        return np.random.Generator(np.random.Philox(key=int.from_bytes(key, "little")))
