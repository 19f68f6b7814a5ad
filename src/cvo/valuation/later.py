"""Value after the window: ΔCLV of an action, and the price of patience, what one more contact costs later.

Whatever a contact offers, it uses patience: some customers answer the next one less, some leave, and hardly any of them
within an outcome window. So what an action changes afterwards is what it does itself less that price, which depends on
the channel alone and is therefore learned from all actions together:

    change of action a on channel c, afterwards = d_a − ρ_c,   ρ_c = ρ + ε_c

Both are assumed, as shares of the margin of a usual response, until comparisons by chance tell. Each of those is a
noisy look at one such difference; the posterior is normal and exact (Gelman et al. 2013, "Bayesian Data Analysis",
§14.2), so what was hardly measured hardly moves anything.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property

import msgspec
import numpy as np
from numpy.typing import NDArray

from cvo.actions.catalogue import Catalogue
from cvo.core.evidence import Grade
from cvo.valuation.assumptions import Assumptions

FloatArray = NDArray[np.float64]

_COMMON = 0.5
"""Half of how far off the price of patience may be is common to all channels, as in pooling over actions."""

_DISCOUNT = "discount"


class MeasuredLater(msgspec.Struct, frozen=True, array_like=True):
    """What one delivery changed after its window, compared by chance, in major units.

    `actions` has the share of each action in these deliveries, one with all of it where an action was compared, and
    `channels` that of each channel. `grade` is *pooled* where it was read from a surrogate: no posterior that rests on
    it is graded measured then, and it tells nobody that a discount brings anything later.
    """

    actions: dict[str, float]
    channels: dict[str, float]
    change: float
    standard_error: float
    grade: Grade = Grade.MEASURED


class Later(msgspec.Struct, frozen=True, eq=False, dict=True):
    """What each action changes after its window on one channel, in major units.

    `clv_change` (k,) is the action's own, `patience` what a contact on the channel costs: the difference enters scores.
    `variance` (k,) of it enters where it was *measured*; what is assumed enters by its mean alone, for to try an action
    because of what no draw can soon tell would be chance for its own sake. `grades` are of the difference.
    """

    clv_change: FloatArray
    patience: float
    variance: FloatArray
    grades: tuple[Grade, ...]

    @cached_property
    def mean(self) -> FloatArray:
        """Return what is expected to change after the window (k,)."""
        return self.clv_change - self.patience

    @cached_property
    def certain(self) -> bool:
        """Tell whether no variance enters scores."""
        return not self.variance.any()


def later_by_channel(
    catalogue: Catalogue, assumptions: Assumptions, measured: Sequence[MeasuredLater], usual_margin: float
) -> dict[str, Later]:
    """Return what the catalogue's actions change after their windows, for every channel.

    `usual_margin` is that of a response, which assumptions are shares of. Discounts are assumed to bring nothing
    later: unless measured, their ΔCLV is 0 at most, and what was inferred of them makes no contact cheaper.
    """
    actions, channels = catalogue.action_ids, list(catalogue.channels)
    discount = np.array([_gives_away(catalogue.actions[action].attributes) for action in actions], dtype=bool)
    prior = _Belief.before(assumptions, usual_margin, discount, len(channels))
    discounts = {action for action, gives in zip(actions, discount, strict=True) if gives}
    told = [
        look
        for each in measured
        if each.standard_error > 0
        for look in (_look(each, actions, channels),)
        if each.grade is Grade.MEASURED or discounts.isdisjoint(each.actions) or not prior.surpassed(look)
    ]
    after = prior.given(told)
    inferred = {name for each in measured if each.grade is not Grade.MEASURED for name in each.actions}
    surely = np.array([action not in inferred for action in actions], dtype=bool)
    return {
        channel: _later(prior, after, (discount, surely), _direction(len(actions), len(channels), column))
        for column, channel in enumerate(channels)
    }


Look = tuple[FloatArray, float, float]
"""A noisy look at a sum of what is believed: its weights, what was seen, and the variance of that."""


class _Belief(msgspec.Struct, frozen=True, eq=False):
    """A normal belief about (d of every action, ρ of every channel)."""

    mean: FloatArray
    covariance: FloatArray

    @classmethod
    def before(
        cls, assumed: Assumptions, usual_margin: float, discount: NDArray[np.bool_], channels: int
    ) -> "_Belief":
        own, price, actions = assumed["clv_change"], assumed["patience"], len(discount)
        brings = np.where(discount, min(own.value, 0.0), own.value)
        mean = np.concatenate([brings, np.repeat(price.value, channels)]) * usual_margin
        covariance = np.zeros((actions + channels, actions + channels))
        covariance[:actions, :actions] = np.eye(actions) * own.standard_deviation**2
        shared = _COMMON + (1.0 - _COMMON) * np.eye(channels)
        covariance[actions:, actions:] = shared * price.standard_deviation**2
        return cls(mean, covariance * usual_margin**2)

    def surpassed(self, look: Look) -> bool:
        """Tell whether a look saw more than is believed."""
        weights, seen, _ = look
        return seen > float(weights @ self.mean)

    def given(self, looks: Sequence[Look]) -> "_Belief":
        """Return what is believed after noisy looks at sums."""
        mean, covariance = self.mean.copy(), self.covariance.copy()
        for weights, seen, noise in looks:
            towards = covariance @ weights
            gain = towards / (float(weights @ towards) + noise)
            mean += gain * (seen - float(weights @ mean))
            covariance -= np.outer(gain, towards)
        return _Belief(mean, (covariance + covariance.T) / 2.0)


def _look(measured: MeasuredLater, actions: Sequence[str], channels: Sequence[str]) -> Look:
    weights = np.array(
        [
            *(measured.actions.get(action, 0.0) for action in actions),
            *(-measured.channels.get(channel, 0.0) for channel in channels),
        ]
    )
    return weights, measured.change, measured.standard_error**2


def _direction(actions: int, channels: int, channel: int) -> FloatArray:
    """Return the (k, k + channels) map from what is believed to what each action changes on a channel."""
    towards = np.zeros((actions, actions + channels))
    towards[:, :actions] = np.eye(actions)
    towards[:, actions + channel] = -1.0
    return towards


def _later(
    prior: _Belief, after: _Belief, actions: tuple[NDArray[np.bool_], NDArray[np.bool_]], towards: FloatArray
) -> Later:
    """Return the posterior on one channel; of each action, whether it is a discount and rests on nothing inferred."""
    discount, surely = actions
    before, now = (
        np.maximum(np.einsum("ki,ij,kj->k", towards, each.covariance, towards), 0.0)
        for each in (prior, after)
    )
    learned = 1.0 - np.divide(now, before, out=np.ones_like(now), where=before > 0)
    measured = learned >= 0.5
    k = len(towards)
    price = float(after.mean[np.flatnonzero(towards[0] < 0)[0]]) if k else 0.0
    own = after.mean[:k]
    return Later(
        clv_change=np.where(discount & ~(measured & surely), np.minimum(own, 0.0), own),
        patience=price,
        variance=np.where(measured, now, 0.0),
        grades=tuple(
            Grade.MEASURED if half else Grade.POOLED if share > 0 else Grade.ASSUMED
            for half, share in zip(measured & surely, learned, strict=True)
        ),
    )


def _gives_away(attributes: Mapping[str, object]) -> bool:
    discount = attributes.get(_DISCOUNT)
    return isinstance(discount, int | float) and discount > 0
