"""One decision for each of many customers: prices for all, then exact propensities and a draw from them.

Scarce resources go to customers in the order of a hash of their key, as if they came one by one: once something is
exhausted, whatever needs it is refused to those who come later, before their propensities are computed. So each
propensity is that of the draw that was made, and the order of rows changes nothing.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from cvo.budget import Prices, problem, solve_prices
from cvo.core.errors import InvalidInput
from cvo.learning import Thompson, draw

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Mask = NDArray[np.bool_]
Part = TypeVar("Part")
Score = Callable[[NDArray[np.float32]], tuple[FloatArray, FloatArray]]
"""Returns mean and sd (n, k) of the scores of rows (n, d)."""

_BLOCK = 256
"""Rows worked on at a time: what the processor's cache holds."""
_AHEAD = 32_768
"""Rows drawn for before capacities are looked at again; what comes after an exhaustion is drawn anew."""
PRICED_ON = 32_768
"""Customers that prices are solved on: the first by hash, so many that more would change prices by a per mille."""
_BALANCED_ON = 4_096
_BALANCING_ROUNDS = 3
_DRAW, _ORDER, _NOISE = 1, 2, 16


class Customers(msgspec.Struct, frozen=True, eq=False):
    """Who is decided for: `keys` (n,), all different, `design` (n, d) as the model sees them, `qualified` (n, k)."""

    keys: IntArray
    design: NDArray[np.float32]
    qualified: Mask

    def __len__(self) -> int:
        return len(self.keys)

    def some(self, rows: IntArray) -> "Customers":
        """Return the customers in these rows."""
        return Customers(self.keys[rows], self.design[rows], self.qualified[rows])


class Resources(msgspec.Struct, frozen=True, eq=False):
    """What actions use (k, r) of each resource, and how much there is (r,)."""

    use: FloatArray
    capacity: FloatArray


class Chosen(msgspec.Struct, frozen=True, eq=False):
    """A choice a customer (n,): the index of the action, −1 for nothing, and the probability it was drawn with.

    `propensity` is empty for a forecast. `score` is the mean after charges of what was chosen, 0 for nothing; `refused`
    tells for how many customers each action (k,) was refused because something it needs was exhausted.
    """

    chosen: IntArray
    propensity: FloatArray
    score: FloatArray
    price: FloatArray
    used: FloatArray
    refused: IntArray


class Engine(msgspec.Struct, frozen=True, eq=False):
    """Decides with one way to score and one policy; draws are keyed by `seed` and the customer's key."""

    score: Score
    choice: Thompson
    seed: int
    threads: int = 2

    def price(self, customers: Customers, resources: Resources) -> Prices:
        """Return the prices at which what the policy can be expected to use just fits, from mean scores alone.

        Mean scores decide who wants what; exploration then spreads choices, so capacities are corrected by how much
        more or less the policy's own propensities would use. No draw goes in.
        """
        first = customers.some(self._order(customers)[:PRICED_ON])
        share = len(first) / len(customers)
        values = self._values(first)
        few = first.some(np.arange(min(_BALANCED_ON, len(first))))
        target, there = resources.capacity * share, resources.capacity * len(few) / len(customers)
        for _ in range(_BALANCING_ROUNDS):
            prices = solve_prices(
                problem(values, resources.use, target, first.keys), threads=self.threads, within=1e-3
            )
            expected = self._expected(few, resources.use @ prices.price) @ resources.use
            scarce = (expected > 0) & ((expected > there) | (prices.price > 0))
            target = np.where(scarce, target * there / np.where(scarce, expected, 1.0), target)
        return prices

    def decide(
        self, customers: Customers, resources: Resources, price: FloatArray, *, exact: bool = True
    ) -> Chosen:
        """Decide for everybody at these prices; no capacity is overrun, whatever the draws.

        Without `exact` no propensity is computed and the draw is made by noise: a forecast of what deciding would do,
        with the same probabilities and other draws, and several times as fast. Raises `InvalidInput` when shapes do not
        agree.
        """
        from cvo.decisions.batch.kernels import settled

        self._check(customers, resources, price)
        n = len(customers)
        order, left = self._order(customers), resources.capacity.astype(np.float64)
        open_actions = _fits(resources, left)
        charge, refused = resources.use @ price, np.zeros(len(resources.use), np.int64)
        chosen, propensity, score = np.full(n, -1), np.empty(n if exact else 0), np.zeros(n)
        done = 0
        while done < n:
            rest = order[done : done + _AHEAD]
            drawn, probability, value = self._draws(customers, rest, open_actions, charge, exact)
            count = settled(drawn, resources.use, open_actions, left)
            rows = rest[:count]
            chosen[rows], score[rows] = drawn[:count], value[:count]
            if exact:
                propensity[rows] = probability[:count]
            refused[~open_actions] += customers.qualified[np.ix_(rows, ~open_actions)].sum(axis=0)
            done += count
            # Where something ran out, those after it are drawn for anew, without what needs it.
            open_actions = _fits(resources, left)
        used = np.bincount(chosen[chosen >= 0], minlength=len(resources.use)) @ resources.use
        return Chosen(chosen, propensity, score, price, used, refused)

    def _check(self, customers: Customers, resources: Resources, price: FloatArray) -> None:
        n, k = customers.qualified.shape
        shapes = (customers.keys.shape, len(customers.design), resources.use.shape, price.shape)
        if shapes != ((n,), n, (k, resources.capacity.size), resources.capacity.shape):
            raise InvalidInput(
                f"{n} customers × {k} actions need keys, rows, uses and prices that agree; their shapes are {shapes}"
            )

    def _order(self, customers: Customers) -> IntArray:
        return np.lexsort((customers.keys, _uniform(customers.keys, self.seed, _ORDER)))

    def _values(self, customers: Customers) -> NDArray[np.float32]:
        """Return mean scores (n, k), −∞ where an action does not qualify."""
        values = np.empty(customers.qualified.shape, np.float32)

        def fill(rows: IntArray) -> None:
            mean, _ = self.score(customers.design[rows])
            values[rows] = np.where(customers.qualified[rows], mean, -np.inf)

        self._in_blocks(fill, np.arange(len(customers)))
        return values

    def _expected(self, customers: Customers, charge: FloatArray) -> FloatArray:
        """Return how often each action (k,) is picked at these charges, in expectation."""

        def count(rows: IntArray) -> FloatArray:
            mean, sd = self._charged(customers, rows, charge)
            among = np.ascontiguousarray(customers.qualified[rows])
            return np.asarray(self.choice.probabilities(mean, sd, among=among)[:, :-1].sum(axis=0))

        parts = list(self._in_blocks(count, np.arange(len(customers))))
        return np.asarray(np.sum(parts, axis=0))

    def _charged(
        self, customers: Customers, rows: IntArray, charge: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        mean, sd = self.score(customers.design[rows])
        mean -= charge
        return mean, sd

    def _draws(
        self, customers: Customers, rows: IntArray, open_actions: Mask, charge: FloatArray, exact: bool
    ) -> tuple[IntArray, FloatArray, FloatArray]:
        def block(rows: IntArray) -> tuple[IntArray, FloatArray, FloatArray]:
            mean, sd = self._charged(customers, rows, charge)
            among = customers.qualified[rows] & open_actions
            by = self._by_propensity if exact else self._by_noise
            chosen, propensity = by(customers.keys[rows], mean, sd, among)
            score = np.where(chosen >= 0, mean[np.arange(len(rows)), chosen], 0.0)
            return chosen, propensity, score

        parts = list(self._in_blocks(block, rows))
        chosen, propensity, score = (np.concatenate(each) for each in zip(*parts, strict=True))
        return chosen, propensity, score

    def _by_propensity(
        self, keys: IntArray, mean: FloatArray, sd: FloatArray, among: Mask
    ) -> tuple[IntArray, FloatArray]:
        probabilities = self.choice.probabilities(mean, sd, among=among)
        picked = draw(probabilities, _uniform(keys, self.seed, _DRAW))
        propensity = probabilities[np.arange(len(picked)), picked]
        return np.where(picked < mean.shape[1], picked, -1), propensity

    def _by_noise(
        self, keys: IntArray, mean: FloatArray, sd: FloatArray, among: Mask
    ) -> tuple[IntArray, FloatArray]:
        from cvo.decisions.batch.kernels import drawn_by_noise
        from cvo.decisions.batch.tables import quantiles

        chosen = np.empty(len(keys), np.int64)
        choice, salt = self.choice, _salt(self.seed, _NOISE)
        drawn_by_noise(
            keys, salt, mean, choice.scale * sd, among, choice.optimistic, choice.floor, quantiles(), chosen
        )
        return chosen, np.empty(0)

    def _in_blocks(self, work: Callable[[IntArray], Part], rows: IntArray) -> list[Part]:
        starts = range(0, len(rows), _BLOCK)
        with ThreadPoolExecutor(self.threads) as pool:
            return list(pool.map(lambda start: work(rows[start : start + _BLOCK]), starts))


def _fits(resources: Resources, left: FloatArray) -> Mask:
    """Tell which actions (k,) need no more of anything than is left."""
    return np.asarray(np.all(resources.use <= left, axis=1))


def _salt(seed: int, purpose: int) -> np.uint64:
    from cvo.decisions.batch.kernels import hashed

    return np.uint64(hashed(np.int64(seed), np.uint64(purpose)))


def _uniform(keys: IntArray, seed: int, purpose: int) -> FloatArray:
    from cvo.decisions.batch.kernels import uniforms

    result = np.empty(len(keys))
    uniforms(keys, _salt(seed, purpose), result)
    return result
