"""Fitting τ: draws of known probability in, what departs from κ·p·m by customer out (see `learning.effect`)."""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from cvo.actions.catalogue import Assumption, Catalogue
from cvo.learning import ResponseModel, Stored, fold, new_model
from cvo.learning.joint import Centred
from cvo.learning.together import LARGEST, Together, pool_together
from cvo.valuation.encoder import WIDEST, Encoder
from cvo.valuation.groups import groups_of, labels_of
from cvo.valuation.uplift import Uplift

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_DEPARTURE = 0.5
"""Prior standard deviation of what departs from κ·p·m, as a share of the average p·m; pooling learns it."""

_ROUNDS = 3
"""How often margins without any action, and what later ones bring, are predicted by what was last learned of τ."""

_LEAST_CHANCE = 0.01
"""An action with less chance of being delivered, or of not being, has had no draw to speak of."""


class Turns(msgspec.Struct, frozen=True, eq=False):
    """Whose draws n rows are (n,), when they were made, in days (n,), and how long their windows are.

    A window holds what later draws brought as well, as far as theirs has passed by its end, taken as evenly spread
    (a structural nested mean model: Robins 1994). What a draw is worth is told from the rest.
    """

    customer: IntArray
    at_days: FloatArray
    window_days: float

    def later(self, brought: FloatArray) -> FloatArray:
        """Return what a customer's later draws brought, each `brought` (n,), within the window of each (n,)."""
        order = np.lexsort((np.arange(len(brought)), self.at_days, self.customer))
        # Customers one after the other, further apart than any window.
        apart = 2.0 * self.window_days + float(np.ptp(self.at_days))
        at = self.at_days[order]
        line = at + apart * self.customer[order]
        end = np.searchsorted(line, line + self.window_days)
        inside = [np.concatenate([[0.0], np.cumsum(each)]) for each in (brought[order], brought[order] * at)]
        plain, timed = (sums[end] - sums[1:] for sums in inside)
        result = np.empty(len(brought))
        result[order] = (1.0 + at / self.window_days) * plain - timed / self.window_days
        return result


class Draws(msgspec.Struct, frozen=True, eq=False):
    """n draws in the order of time, with the margin of the causal join, in major units.

    `values` are feature values by name; `delivered` (n,) is the column in `actions` of what the customer got, k for
    nothing, and `probabilities` (n, k + 1) are of getting each. `half` (n,) is the half of the customers, 0 or 1, and
    `weight` (n,) what a row counts, nothing as long as its window is open. Without `turns` no window holds two draws.
    """

    values: Mapping[str, Sequence[object]]
    actions: list[str]
    delivered: IntArray
    probabilities: FloatArray
    margin: FloatArray
    half: IntArray
    weight: FloatArray
    turns: Turns | None = None

    def later(self, brought: FloatArray) -> FloatArray:
        """Return what later draws brought in the window of each, of what all of them `brought` (n,)."""
        return np.zeros(len(brought)) if self.turns is None else self.turns.later(brought)


def fit_uplift(
    catalogue: Catalogue, encoder: Encoder, draws: Draws, attributed: FloatArray, kappa: Assumption
) -> Uplift | None:
    """Return what the draws teach, or `None` where they teach nothing: then τ is κ·p·m.

    `attributed` (n, k) is p·m by a model that did not learn from the row's own customer: one that did would
    credit an action with what it remembers of the outcome. The margin without any action is predicted from the other
    half of the customers for the same reason (Chernozhukov et al. 2018, definition 3.2).
    """
    design = encoder.transform(draws.values, len(draws.margin))
    empty = _empty(encoder, draws, attributed, kappa)
    if empty is None:
        return None
    x = np.ascontiguousarray(design[:, : empty.features - 1])
    labels = labels_of(catalogue, draws.actions)
    groups, mean, variance = groups_of(labels), empty.assumed_mean.read(), empty.assumed_variance.read()
    together = Centred(attributed, x, draws.delivered, draws.probabilities)
    expected, fitted, kept = kappa.value * attributed, 0.0, _kept(draws)
    for _ in range(_ROUNDS):
        delivered = _of_delivered(draws, expected)
        margin = draws.margin - draws.later(delivered)
        left = margin - _baseline(design, draws, margin - delivered)
        noise = _noise(draws, left - delivered, fitted)
        usual = (draws.probabilities[:, :-1] * expected).sum(axis=1)
        evidence = together.evidence(left - usual, draws.weight * kept / noise)
        told = pool_together(evidence, groups, mean, variance)
        expected, fitted = together.effects(told.mean), told.fitted
    return Uplift(draws.actions, _model(empty, draws, noise, told), labels)


def _empty(encoder: Encoder, draws: Draws, attributed: FloatArray, kappa: Assumption) -> ResponseModel | None:
    """Return a model of τ that has seen nothing, on the scale of the data; `None` where that has none."""
    drawn = _drawn(draws)
    noise = float(np.var(draws.margin[draws.weight > 0])) if drawn.any() and draws.weight.any() else 0.0
    typical = float(np.abs(attributed[drawn]).mean()) if drawn.any() else 0.0
    if not noise > 0 or not typical > 0:
        return None
    columns = len(encoder.names)
    if columns > WIDEST or len(draws.actions) * (1 + columns) > LARGEST:
        # A full covariance of them all would cost more than draws can teach: one constant an action.
        columns = 1
    terms = 1 if columns == 1 else 1 + len(encoder.numbers) + len(encoder.categories)
    mean, sd = np.zeros(1 + columns), np.full(1 + columns, _DEPARTURE * typical / np.sqrt(terms))
    mean[0], sd[0] = kappa.value, kappa.standard_deviation
    return new_model(len(draws.actions), mean, sd, link="identity", noise_variance=noise)


def _drawn(draws: Draws) -> NDArray[np.bool_]:
    """Tell (n, k) which actions chance decided upon."""
    chance = draws.probabilities[:, :-1]
    return (chance >= _LEAST_CHANCE) & (chance <= 1 - _LEAST_CHANCE)


def _of_delivered(draws: Draws, expected: FloatArray) -> FloatArray:
    """Return what is expected (n,) of what was delivered; 0 of nothing."""
    n = len(expected)
    return np.asarray(np.column_stack([expected, np.zeros(n)])[np.arange(n), draws.delivered])


def _kept(draws: Draws) -> float:
    """Return what is left of the information in draws whose contacts keep a customer's later ones from coming.

    Where a contact now displaces a share of one within its window, only the rest of the difference was made.
    """
    contacted = (draws.delivered < len(draws.actions)).astype(np.float64)
    surprise = contacted - (1.0 - draws.probabilities[:, -1])
    moved = float(draws.weight @ surprise**2)
    if not moved > 0:
        return 1.0
    share = 1.0 + float(draws.weight @ (surprise * draws.later(contacted))) / moved
    return float(np.clip(share, 0.1, 1.0)) ** 2


def _noise(draws: Draws, residual: FloatArray, fitted: float) -> float:
    """Return how much of margins nothing explains; what `fitted` weights took out of the residual is put back."""
    weight = float(draws.weight.sum())
    lost = weight / max(weight - fitted, 0.1 * weight)
    return lost * float(draws.weight @ residual**2) / weight


def _model(empty: ResponseModel, draws: Draws, noise: float, told: Together) -> ResponseModel:
    """Return what was told as a model; its covariances are in units of the noise."""
    weight = draws.weight @ _drawn(draws)
    return msgspec.structs.replace(
        empty,
        prior_noise=noise,
        prior_mean=Stored.of(told.prior_mean),
        prior_covariance=Stored.of(told.prior_covariance / noise),
        mean=Stored.of(told.mean),
        covariance=Stored.of(told.covariance / noise),
        weight=Stored.of(weight),
        squares=Stored.of(noise * weight),
    )


def _baseline(design: FloatArray, draws: Draws, target: FloatArray) -> FloatArray:
    """Return the margin without any action (n,), each predicted from that of the other half of the customers."""
    scale = max(float(np.std(target)), 1e-9)
    mean = np.zeros(design.shape[1])
    mean[0] = float(target.mean())
    empty = new_model(1, mean, scale, link="identity", noise_variance=scale * scale)
    all_alike, result = np.zeros(len(design), dtype=np.int64), np.empty(len(design))
    for half in (0, 1):
        mine, others = draws.half == half, (draws.half != half) & (draws.weight > 0)
        model = fold(empty, design[others], all_alike[others], target[others], draws.weight[others])
        result[mine] = np.einsum("nd,d->n", design[mine], model.mean.read()[0])
    return result
