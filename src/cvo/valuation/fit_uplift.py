"""Fitting τ: draws of known probability in, what departs from κ·p·m by customer out (see `learning.effect`)."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from cvo.actions.catalogue import Assumption, Catalogue
from cvo.learning import ResponseModel, Stored, effect_features, effect_rows, fold, new_model, pooled
from cvo.learning.effect import EffectRows
from cvo.learning.joint import Centred, solved
from cvo.valuation.encoder import WIDEST, Encoder
from cvo.valuation.groups import groups_of, labels_of
from cvo.valuation.uplift import Uplift

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_DEPARTURE = 0.5
"""Prior standard deviation of what departs from κ·p·m, as a share of the average p·m; pooling learns it."""

_ROUNDS = 2
"""How often the prior of each action is learned from the others', then all are solved for together."""

_BLOCK = 4_000_000
"""Numbers held at a time while rows are made."""


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
    together = Centred(attributed, x, draws.delivered, draws.probabilities, draws.weight)
    expected, learned = kappa.value * attributed, empty
    for _ in range(_ROUNDS):
        baseline = _baseline(design, draws, expected)
        learned = empty
        for rows, weights in _rows(draws, attributed, x, expected, baseline):
            learned = fold(learned, rows.features, rows.actions, rows.outcomes, weights)
        learned = pooled(learned, groups_of(labels))
        usual = (draws.probabilities[:, :-1] * expected).sum(axis=1)
        solution = solved(learned, together, draws.margin - baseline - usual)
        learned = msgspec.structs.replace(learned, mean=Stored.of(solution))
        expected = together.effects(solution)
    return Uplift(draws.actions, learned, labels)


def _empty(encoder: Encoder, draws: Draws, attributed: FloatArray, kappa: Assumption) -> ResponseModel | None:
    """Return a model of τ that has seen nothing, on the scale of the data; `None` where that has none."""
    chance = draws.probabilities[:, :-1]
    drawn = (chance >= 0.01) & (chance <= 0.99)
    noise = float(np.var(draws.margin)) if drawn.any() else 0.0
    typical = float(np.abs(attributed[drawn]).mean()) if drawn.any() else 0.0
    if not noise > 0 or not typical > 0:
        return None
    columns = len(encoder.names)
    if columns > WIDEST:
        # A full covariance of them all would cost more than draws can teach: one constant an action.
        columns = 1
    terms = 1 if columns == 1 else 1 + len(encoder.numbers) + len(encoder.categories)
    mean, sd = np.zeros(1 + columns), np.full(1 + columns, _DEPARTURE * typical / np.sqrt(terms))
    mean[0], sd[0] = kappa.value, kappa.standard_deviation
    return new_model(len(draws.actions), mean, sd, link="identity", noise_variance=noise)


def _baseline(design: FloatArray, draws: Draws, expected: FloatArray) -> FloatArray:
    """Return the margin (n,) without any action, each predicted from the other half of the customers."""
    n = len(design)
    got = np.column_stack([expected, np.zeros(n)])[np.arange(n), draws.delivered]
    target = draws.margin - got
    scale = max(float(np.std(target)), 1e-9)
    mean = np.zeros(design.shape[1])
    mean[0] = float(target.mean())
    empty = new_model(
        int(draws.baseline.max()) + 1, mean, scale, link="identity", noise_variance=scale * scale
    )
    result = np.empty(n)
    for half in (0, 1):
        mine, others = draws.half == half, draws.half != half
        model = fold(empty, design[others], draws.baseline[others], target[others], draws.weight[others])
        weights = model.mean.read()[draws.baseline[mine]]
        result[mine] = np.einsum("nd,nd->n", design[mine], weights)
    return result


def _rows(
    draws: Draws, attributed: FloatArray, x: FloatArray, expected: FloatArray, baseline: FloatArray
) -> Iterator[tuple[EffectRows, FloatArray]]:
    block = max(1, _BLOCK // max(1, len(draws.actions) * (x.shape[1] + 1)))
    for start in range(0, len(x), block):
        part = slice(start, start + block)
        rows = effect_rows(
            effect_features(attributed[part], x[part]),
            draws.delivered[part],
            draws.probabilities[part],
            outcomes=draws.margin[part],
            baseline=baseline[part],
            expected=expected[part],
        )
        yield rows, draws.weight[part][rows.decisions]
