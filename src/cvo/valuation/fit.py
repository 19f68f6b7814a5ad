"""Fitting: resolved deliveries and measured effects in, a snapshot of models out.

Deliveries teach who responds and what a response is worth; only draws of known probability, joined causally,
teach how much of that was caused. The two never mix.
"""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from cvo.actions.catalogue import Catalogue
from cvo.core.clock import Instant
from cvo.learning import ResponseModel, fold, fold_margins, new_margins, pooled
from cvo.valuation.assumptions import assumptions_of
from cvo.valuation.creatives import Creatives
from cvo.valuation.encoder import Encoder, fit_encoder
from cvo.valuation.fit_uplift import Draws, fit_uplift
from cvo.valuation.groups import groups_of
from cvo.valuation.models import MeasuredEffect, Models, untrained
from cvo.valuation.score import Valuer

FloatArray = NDArray[np.float64]


class Deliveries(msgspec.Struct, frozen=True, eq=False):
    """n deliveries whose windows have closed, in the order of time.

    `values` are feature values by name, `margin` is what followed in the window less the cost of service, in major
    units; `half` (n,) is the half of the customers, 0 or 1, and `weight` (n,) what a row counts: 1, less what was
    forgotten of it. `creatives` are the keys of those shown, empty where nobody knows.
    """

    values: Mapping[str, Sequence[object]]
    actions: Sequence[str]
    responded: NDArray[np.bool_]
    margin: FloatArray
    half: NDArray[np.int64]
    weight: FloatArray
    creatives: Sequence[str]


class Effect(msgspec.Struct, frozen=True, eq=False):
    """What getting an action caused on average, margin less the cost of service, by the causal join, in major units.

    `deliveries` (n,) tells which of the deliveries learned from it was measured on.
    """

    action: str
    caused: float
    standard_error: float
    deliveries: NDArray[np.bool_]


def fit(
    catalogue: Catalogue,
    deliveries: Deliveries,
    effects: Sequence[Effect],
    as_of: Instant,
    currency: str,
    *,
    draws: Draws | None = None,
) -> Models:
    """Return models learned from deliveries, measured effects and draws; same input in same order, same bytes."""
    kinds = {name: feature.kind for name, feature in catalogue.features.items()}
    encoder = fit_encoder(kinds, deliveries.values)
    assumptions = assumptions_of(catalogue)
    empty = untrained(catalogue, assumptions, encoder, as_of)
    design = encoder.transform(deliveries.values, len(deliveries.actions))
    observed = _observed(empty, deliveries, design, np.ones(len(design), dtype=bool))
    uplift = None
    if draws is not None and len(draws.margin):
        taught = [_observed(empty, deliveries, design, deliveries.half != half) for half in (0, 1)]
        valuers = [Valuer(catalogue, models, currency) for models in taught]
        attributed = _attributed(encoder, draws, valuers)
        uplift = fit_uplift(catalogue, encoder, draws, attributed, assumptions["incrementality"])
    return msgspec.structs.replace(
        observed,
        effects=_effects(Valuer(catalogue, observed, currency), deliveries, design, effects),
        uplift=uplift,
        creatives=empty.creatives and _rendered(empty.creatives, deliveries, design),
    )


def _rendered(creatives: Creatives, deliveries: Deliveries, design: FloatArray) -> Creatives:
    """Learn which creatives were responded to, from deliveries that say which one was shown."""
    position = {name: number for number, name in enumerate(creatives.names)}
    shown = zip(deliveries.actions, deliveries.creatives, strict=True)
    which = np.array([position.get(name, -1) for name in shown], dtype=np.int64)
    known = which >= 0
    x = np.ascontiguousarray(design[known, : creatives.weights.features])
    outcomes = deliveries.responded[known].astype(np.float64)
    weights = fold(creatives.weights, x, which[known], outcomes, deliveries.weight[known])
    return msgspec.structs.replace(creatives, weights=weights)


def _observed(empty: Models, deliveries: Deliveries, design: FloatArray, these: NDArray[np.bool_]) -> Models:
    """Learn who responds, and what a response is worth, from some of the deliveries."""
    position = {action: number for number, action in enumerate(empty.actions)}
    which = np.array([position[action] for action in deliveries.actions], dtype=np.int64)[these]
    responded, weight = deliveries.responded[these], deliveries.weight[these]
    # A window that lost money counts as nothing: margins are positive.
    worth = np.maximum(deliveries.margin[these][responded], 0.0)
    prior = empty.margins
    if prior is None and worth.any():
        prior = new_margins(len(empty.actions), float(worth.mean()))
    response = fold(empty.response, design[these], which, responded.astype(np.float64), weight)
    if isinstance(response, ResponseModel):
        # Kept pooled, so that whoever reads the snapshot need not do it again.
        response = pooled(response, groups_of(empty.labels))
    return msgspec.structs.replace(
        empty,
        response=response,
        margins=prior and fold_margins(prior, which[responded], worth, weight[responded]),
    )


def _attributed(encoder: Encoder, draws: Draws, valuers: Sequence[Valuer]) -> FloatArray:
    """Return p·m (n, k) of every draw, by what the other half of the customers taught; 0 where nothing says."""
    rows = encoder.transform(draws.values, len(draws.margin))
    result = np.zeros((len(rows), len(draws.actions)))
    for half, valuer in enumerate(valuers):
        mine = draws.half == half
        columns = [draws.actions.index(action) for action in valuer.actions]
        result[np.ix_(mine, columns)] = np.nan_to_num(valuer.attributed(rows[mine]))
    return result


def _effects(
    valuer: Valuer, deliveries: Deliveries, design: FloatArray, effects: Sequence[Effect]
) -> list[MeasuredEffect]:
    measured: list[MeasuredEffect] = []
    actions = np.array(deliveries.actions, dtype=object)
    for effect in effects:
        column = valuer.actions.index(effect.action)
        units = effect.deliveries & (actions == effect.action)
        predicted = valuer.attributed(design[units])[:, column]
        if len(predicted) and np.isfinite(predicted).all():
            error = effect.standard_error / float(np.sqrt(deliveries.weight[units].mean()))
            measured.append(MeasuredEffect(effect.action, effect.caused, error, float(predicted.mean())))
    return measured
