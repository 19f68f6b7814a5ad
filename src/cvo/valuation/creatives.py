"""Which creative of an action works for whom, learned from what its parts and their attributes say.

A catalogue of ten headlines, images, bodies and calls to action has ten thousand creatives and forty parts. Parts
teach: a creative starts from what its parts are worth, to this customer, and departs by what was seen of it alone.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from cvo.actions.catalogue import Assumption, Catalogue
from cvo.learning import SharedModel, SharedPredictor, Stored, new_shared, with_actions
from cvo.valuation.encoder import WIDEST, Encoder, fit_encoder

FloatArray = NDArray[np.float64]
Name = tuple[str, str]
"""An action and the key of one of its creatives."""


class Creatives(msgspec.Struct, frozen=True, array_like=True):
    """What is known of the response to creatives `names`: `parts` makes the rows of a shared model's attributes."""

    names: list[Name]
    parts: Encoder
    weights: SharedModel


def untrained_creatives(catalogue: Catalogue, rate: Assumption, encoder: Encoder) -> Creatives | None:
    """Return a model that knows nothing but assumptions; `None` where no placement has a choice of creatives."""
    if not any(_choices(catalogue, action) for action in catalogue.action_ids):
        return None
    names = [(action, key) for action in catalogue.action_ids for key in sorted(_all(catalogue, action))]
    values = _values(catalogue, names)
    parts = fit_encoder(dict.fromkeys(values, "category"), values)
    columns = len(encoder.names) if len(encoder.names) <= WIDEST else 1
    mean, sd = np.zeros(columns), np.full(columns, 0.5 / np.sqrt(columns))
    mean[0], sd[0] = np.log(rate.value / (1 - rate.value)), rate.standard_deviation
    each = 0.5 / np.sqrt(1 + len(values))
    return Creatives(
        names,
        parts,
        new_shared(_rows(parts, catalogue, names), mean, sd, products_sd=each, intercept_sd=each),
    )


class CreativeScorer:
    """Compares the creatives of one action for one placement."""

    def __init__(self, catalogue: Catalogue, creatives: Creatives, names: Sequence[Name]) -> None:
        known = {name: number for number, name in enumerate(creatives.names)}
        new = [name for name in names if name not in known]
        model = creatives.weights
        if new:
            rows = np.vstack([model.attributes.read(), _rows(creatives.parts, catalogue, new)])
            model = with_actions(model, rows)
        position = known | {name: len(known) + number for number, name in enumerate(new)}
        self._width = model.features
        self._predictor = SharedPredictor(_differences(model, [position[name] for name in names]))

    def __call__(self, design: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return mean and variance (n, k) of each creative's log-odds less the average of them all."""
        return self._predictor(np.ascontiguousarray(design[:, : self._width]))


def _differences(model: SharedModel, chosen: list[int]) -> SharedModel:
    """Return the model of some creatives less their average: what they share decides nothing between them."""
    d = model.features
    rows = model.attributes.read()[chosen]
    mean, covariance = model.mean.read().copy(), model.covariance.read().copy()
    mean[:d] = 0.0
    covariance[:d] = covariance[:, :d] = 0.0
    return msgspec.structs.replace(
        model,
        attributes=Stored.of(rows - rows.mean(axis=0)),
        mean=Stored.of(mean),
        covariance=Stored.of(covariance),
        intercepts=Stored.of(model.intercepts.read()[chosen]),
        intercepts_variance=Stored.of(model.intercepts_variance.read()[chosen]),
        weight=Stored.of(model.weight.read()[chosen]),
    )


def _all(catalogue: Catalogue, action: str) -> list[str]:
    return list(catalogue.actions[action].creatives)


def _choices(catalogue: Catalogue, action: str) -> bool:
    placements = [creative.placement for creative in catalogue.actions[action].creatives.values()]
    return len(placements) > len(set(placements))


def _rows(parts: Encoder, catalogue: Catalogue, names: Sequence[Name]) -> FloatArray:
    return np.ascontiguousarray(parts.transform(_values(catalogue, names), len(names))[:, 1:])


def _values(catalogue: Catalogue, names: Sequence[Name]) -> dict[str, list[str | None]]:
    """Return what creatives are made of: the action, the placement, each part's content and its attributes."""
    found: list[dict[str, str]] = []
    for action, key in names:
        creative = catalogue.actions[action].creatives[key]
        own = {"action": action, "placement": creative.placement, "locale": creative.locale}
        for part, content in creative.parts.items():
            own[part] = content.content
            own |= {f"{part} {name}": str(value) for name, value in content.attributes.items()}
        found.append(own)
    columns = sorted({name for each in found for name in each})
    return {name: [each.get(name) for each in found] for name in columns}
