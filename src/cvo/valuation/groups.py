"""What actions share: the teams and stages over which models are pooled."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cvo.actions.catalogue import Catalogue

Labels = list[tuple[str, str]]
"""Team and stage of each action; where nobody knows them, a label of its own."""


def labels_of(catalogue: Catalogue, actions: Sequence[str]) -> Labels:
    """Return the labels of actions; one that the catalogue lacks shares its own with no other."""
    return [_labels(catalogue, action) for action in actions]


def groups_of(labels: Labels) -> list[NDArray[np.int64]]:
    """Number the teams and the stages, one vector a level."""
    return [_numbered([each[level] for each in labels]) for level in (0, 1)]


def _labels(catalogue: Catalogue, action: str) -> tuple[str, str]:
    known = catalogue.actions.get(action)
    # No key of a catalogue begins with a space.
    return (f" {action}", f" {action}") if known is None else (known.team, known.stage.value)


def _numbered(names: list[str]) -> NDArray[np.int64]:
    numbers = {name: number for number, name in enumerate(sorted(set(names)))}
    return np.array([numbers[name] for name in names], dtype=np.int64)
