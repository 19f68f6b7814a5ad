"""What an action is like: its team, stage, channels, declared attributes and those of its creatives' parts, as rows."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cvo.actions.catalogue import Action, Catalogue
from cvo.valuation.encoder import Encoder, fit_encoder

FloatArray = NDArray[np.float64]
Value = str | float | bool | None


def fit_attributes(catalogue: Catalogue) -> Encoder:
    """Return what turns attributes of actions into rows: numbers on one scale, a column a known value."""
    values = _values(catalogue, catalogue.action_ids)
    kinds = {name: _kind(given) for name, given in values.items()}
    return fit_encoder(kinds, values)


def attribute_rows(encoder: Encoder, catalogue: Catalogue, actions: Sequence[str]) -> FloatArray:
    """Return the rows (k, e) of actions that the catalogue has; an attribute not met before is in no column."""
    rows = encoder.transform(_values(catalogue, actions), len(actions))
    # The intercept is what all actions share already.
    return np.ascontiguousarray(rows[:, 1:])


def _values(catalogue: Catalogue, actions: Sequence[str]) -> dict[str, list[Value]]:
    found = [_of(catalogue, catalogue.actions[action]) for action in actions]
    names = sorted({name for each in found for name in each})
    return {name: [each.get(name) for each in found] for name in names}


def _of(catalogue: Catalogue, action: Action) -> dict[str, Value]:
    channels = {catalogue.placements[creative.placement].channel for creative in action.creatives.values()}
    own: dict[str, Value] = {f"attribute {name}": value for name, value in action.attributes.items()}
    return {
        "team": action.team,
        "stage": action.stage.value,
        **dict.fromkeys((f"channel {channel}" for channel in channels), True),
        **own,
        **_of_parts(action),
    }


def _of_parts(action: Action) -> dict[str, Value]:
    """Return the attributes of parts on which all creatives agree: those that differ are not the action's."""
    found: dict[str, set[Value]] = {}
    for creative in action.creatives.values():
        for part, content in creative.parts.items():
            for name, value in content.attributes.items():
                found.setdefault(f"{part} {name}", set()).add(value)
    return {name: next(iter(values)) for name, values in found.items() if len(values) == 1}


def _kind(values: Sequence[Value]) -> Literal["number", "category"]:
    numbers = all(
        isinstance(value, int | float) and not isinstance(value, bool)
        for value in values
        if value is not None
    )
    return "number" if numbers else "category"
