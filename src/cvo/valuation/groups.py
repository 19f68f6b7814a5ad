"""What actions share: the teams and stages over which models are pooled."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cvo.actions.catalogue import Catalogue


def groups_of(catalogue: Catalogue, actions: Sequence[str]) -> list[NDArray[np.int64]]:
    """Number the teams and the stages of the actions, one vector a level.

    Nobody knows them of an action that the catalogue lacks: it is in a group of its own.
    """
    return [
        _numbered([_shared(catalogue, action, level) for action in actions]) for level in ("team", "stage")
    ]


def _shared(catalogue: Catalogue, action: str, level: str) -> tuple[str, str]:
    known = catalogue.actions.get(action)
    return ("", action) if known is None else (str(getattr(known, level)), "")


def _numbered(names: list[tuple[str, str]]) -> NDArray[np.int64]:
    numbers = {name: number for number, name in enumerate(sorted(set(names)))}
    return np.array([numbers[name] for name in names], dtype=np.int64)
