"""Fitting τ: draws of known probability in, what departs from κ·p·m by customer out (see `learning.effect`)."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from cvo.actions.catalogue import Assumption, Catalogue
from cvo.learning import ResponseModel, Stored, fold, new_model
from cvo.learning.joint import Centred
from cvo.learning.response import NOISE_STRENGTH
from cvo.learning.together import LARGEST, Together, pool_together
from cvo.valuation.encoder import WIDEST, Encoder
from cvo.valuation.groups import groups_of, labels_of
from cvo.valuation.uplift import Uplift

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_DEPARTURE = 0.5
"""Prior standard deviation of what departs from κ·p·m, as a share of the average p·m; pooling learns it."""

_ROUNDS = 2
"""How often the margin without any action is predicted by what was last learned of τ, and τ learned from the rest."""

_LEAST_CHANCE = 0.01
"""An action with less chance of being delivered, or of not being, has had no draw to speak of."""


class Draws(msgspec.Struct, frozen=True, eq=False):
    """n draws whose windows have closed, in the order of time, with the margin of the causal join, in major units.

    `values` are feature values by name; `delivered` (n,) is the column in `actions` of what the customer got, k for
    nothing, and `probabilities` (n, k + 1) are of getting each. `baseline` (n,) numbers the rows whose margins are
    alike but for that, `half` (n,) the half of the customers, 0 or 1, and `weight` (n,) is what a row counts.
    """

    values: Mapping[str, Sequence[object]]
    actions: list[str]
    delivered: IntArray
    probabilities: FloatArray
    margin: FloatArray
    baseline: IntArray
    half: IntArray
    weight: FloatArray


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
    expected, fitted = kappa.value * attributed, 0.0
    for _ in range(_ROUNDS):
        baseline = _baseline(design, draws, expected)
        left = draws.margin - baseline
        noise = _noise(draws, left - _of_delivered(draws, expected), fitted)
        usual = (draws.probabilities[:, :-1] * expected).sum(axis=1)
        evidence = together.evidence(left - usual, draws.weight / noise.rows)
        told = pool_together(evidence, groups, mean, variance)
        expected, fitted = together.effects(told.mean), told.fitted
    return Uplift(draws.actions, _model(empty, draws, noise, told), labels)


def _empty(encoder: Encoder, draws: Draws, attributed: FloatArray, kappa: Assumption) -> ResponseModel | None:
    """Return a model of τ that has seen nothing, on the scale of the data; `None` where that has none."""
    drawn = _drawn(draws)
    noise = float(np.var(draws.margin)) if drawn.any() else 0.0
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


class _Noise(NamedTuple):
    """The variance of margins around what is expected: of all rows, and of each (n,)."""

    usual: float
    rows: FloatArray


def _noise(draws: Draws, residual: FloatArray, fitted: float) -> _Noise:
    """Return how much of margins nothing explains, by baseline, a few rows of which think like all others.

    What `fitted` weights took out of the residual is put back.
    """
    weight = np.bincount(draws.baseline, draws.weight)
    squares = np.bincount(draws.baseline, draws.weight * residual**2)
    lost = weight.sum() / max(weight.sum() - fitted, 0.1 * weight.sum())
    usual = float(lost * squares.sum() / weight.sum())
    own = (NOISE_STRENGTH * usual + lost * squares) / (NOISE_STRENGTH + weight)
    return _Noise(usual, own[draws.baseline])


def _model(empty: ResponseModel, draws: Draws, noise: _Noise, told: Together) -> ResponseModel:
    """Return what was told as a model; its covariances are in units of each action's noise."""
    counted = draws.weight[:, None] * _drawn(draws)
    weight = counted.sum(axis=0)
    own = np.full(len(weight), noise.usual)
    np.divide(noise.rows @ counted, weight, out=own, where=weight > 0)
    return msgspec.structs.replace(
        empty,
        prior_noise=noise.usual,
        prior_mean=Stored.of(told.prior_mean),
        prior_covariance=Stored.of(told.prior_covariance / own[:, None, None]),
        mean=Stored.of(told.mean),
        covariance=Stored.of(told.covariance / own[:, None, None]),
        weight=Stored.of(weight),
        squares=Stored.of(own * (NOISE_STRENGTH + weight) - NOISE_STRENGTH * noise.usual),
    )


def _baseline(design: FloatArray, draws: Draws, expected: FloatArray) -> FloatArray:
    """Return the margin (n,) without any action, each predicted from the other half of the customers."""
    target = draws.margin - _of_delivered(draws, expected)
    scale = max(float(np.std(target)), 1e-9)
    mean = np.zeros(design.shape[1])
    mean[0] = float(target.mean())
    empty = new_model(
        int(draws.baseline.max()) + 1, mean, scale, link="identity", noise_variance=scale * scale
    )
    result = np.empty(len(design))
    for half in (0, 1):
        mine, others = draws.half == half, draws.half != half
        model = fold(empty, design[others], draws.baseline[others], target[others], draws.weight[others])
        weights = model.mean.read()[draws.baseline[mine]]
        result[mine] = np.einsum("nd,nd->n", design[mine], weights)
    return result
