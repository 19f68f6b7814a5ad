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
from cvo.learning import MarginModel, fold, fold_margins, new_margins
from cvo.valuation.assumptions import assumptions_of
from cvo.valuation.encoder import fit_encoder
from cvo.valuation.models import MeasuredEffect, Models, untrained
from cvo.valuation.score import Valuer

FloatArray = NDArray[np.float64]


class Deliveries(msgspec.Struct, frozen=True, eq=False):
    """n deliveries whose windows have closed, in the order of time.

    `values` are feature values by name, `margin` is what followed in the window, in major units.
    """

    values: Mapping[str, Sequence[object]]
    actions: Sequence[str]
    responded: NDArray[np.bool_]
    margin: FloatArray


class Effect(msgspec.Struct, frozen=True, eq=False):
    """What getting an action caused on average, by the causal join, in major units.

    `deliveries` (n,) tells which of the deliveries learned from it was measured on.
    """

    action: str
    caused: float
    standard_error: float
    deliveries: NDArray[np.bool_]


def fit(
    catalogue: Catalogue, deliveries: Deliveries, effects: Sequence[Effect], as_of: Instant, currency: str
) -> Models:
    """Return models learned from deliveries and measured effects; same input in same order, same bytes."""
    kinds = {name: feature.kind for name, feature in catalogue.features.items()}
    encoder = fit_encoder(kinds, deliveries.values)
    empty = untrained(catalogue, assumptions_of(catalogue), encoder, as_of)
    position = {action: number for number, action in enumerate(empty.actions)}
    which = np.array([position[action] for action in deliveries.actions], dtype=np.int64)
    design = encoder.transform(deliveries.values, len(which))
    observed = msgspec.structs.replace(
        empty,
        response=fold(empty.response, design, which, deliveries.responded.astype(np.float64)),
        margins=_margins(empty, which, deliveries),
    )
    return msgspec.structs.replace(
        observed, effects=_effects(Valuer(catalogue, observed, currency), design, which, effects)
    )


def _margins(empty: Models, which: NDArray[np.int64], deliveries: Deliveries) -> MarginModel | None:
    """Learn what a response is worth; a window that lost money counts as nothing: margins are positive."""
    responded = deliveries.responded
    worth = np.maximum(deliveries.margin[responded], 0.0)
    prior = empty.margins
    if prior is None:
        if not worth.any():
            return None
        prior = new_margins(len(empty.actions), float(worth.mean()))
    return fold_margins(prior, which[responded], worth)


def _effects(
    valuer: Valuer, design: FloatArray, which: NDArray[np.int64], effects: Sequence[Effect]
) -> list[MeasuredEffect]:
    measured: list[MeasuredEffect] = []
    for effect in effects:
        column = valuer.actions.index(effect.action)
        predicted = valuer.attributed(design[effect.deliveries & (which == column)])[:, column]
        if len(predicted) and np.isfinite(predicted).all():
            measured.append(
                MeasuredEffect(effect.action, effect.caused, effect.standard_error, float(predicted.mean()))
            )
    return measured
