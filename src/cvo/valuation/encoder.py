"""Features as rows of numbers: standardised where numeric, one column per known level where a category."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from cvo.learning.features import Scaler, Vocabulary, new_scaler, observed, one_hot, standardised

FloatArray = NDArray[np.float64]

_LARGEST = 1e15
"""A larger number is an accident; its square would drown everybody else's, so nothing is learned from it."""

WIDEST = 64
"""Up to so many columns an action has a full covariance of its own; beyond, actions share one."""

_LEVELS = 32
"""A category's rarer levels beyond these share no column: they get the prior, as unseen ones do."""


class Encoder(msgspec.Struct, frozen=True, array_like=True):
    """Turns feature values into the rows of a design matrix: an intercept, the numbers, the categories."""

    numbers: list[str]
    scaler: Scaler
    categories: list[str]
    vocabularies: list[Vocabulary]

    @property
    def names(self) -> list[str]:
        """Return the name of every column."""
        levels = [
            f"{name}={level}"
            for name, vocabulary in zip(self.categories, self.vocabularies, strict=True)
            for level in vocabulary.words
        ]
        return ["intercept", *self.numbers, *levels]

    def transform(self, values: Mapping[str, Sequence[Any]], rows: int) -> FloatArray:
        """Return the rows×columns design matrix of feature values given by name; `None` is missing.

        A missing number sits at the mean, a missing or unseen level in no column: both are the prior. So is a
        feature without values, such as one that the catalogue had when the models were learned and has no more.
        """
        unknown = [None] * rows
        values = {name: values.get(name, unknown) for name in (*self.numbers, *self.categories)}
        blocks = [np.ones((rows, 1)), standardised(self.scaler, _table(self.numbers, values, rows))]
        for name, vocabulary in zip(self.categories, self.vocabularies, strict=True):
            blocks.append(one_hot(vocabulary, [level_of(value) for value in values[name]]))
        return np.ascontiguousarray(np.hstack(blocks))


NO_FEATURES = Encoder([], new_scaler(0), [], [])
"""The encoder of a company that has learned from nobody: an intercept alone."""


def fit_encoder(
    kinds: Mapping[str, Literal["number", "category"]], values: Mapping[str, Sequence[Any]]
) -> Encoder:
    """Learn means, spreads and levels from feature values by name.

    >>> encoder = fit_encoder({"age": "number", "city": "category"}, {"age": [20, 40], "city": ["Rome", None]})
    >>> encoder.transform({"age": [40, None], "city": ["Rome", "Oslo"]}, 2)
    array([[1., 1., 1.],
           [1., 0., 0.]])
    """
    numbers = sorted(name for name, kind in kinds.items() if kind == "number")
    categories = sorted(name for name, kind in kinds.items() if kind == "category")
    rows = len(next(iter(values.values()), ()))
    table = _table(numbers, values, rows)
    scaler = observed(new_scaler(len(numbers)), np.where(np.abs(table) > _LARGEST, np.nan, table))
    return Encoder(numbers, scaler, categories, [_vocabulary(values[name]) for name in categories])


def _vocabulary(values: Sequence[Any]) -> Vocabulary:
    counts = Counter(level for value in values if (level := level_of(value)) is not None)
    kept = sorted(counts, key=lambda level: (-counts[level], level))[:_LEVELS]
    return Vocabulary(len(kept), tuple(sorted(kept)))


def _table(names: list[str], values: Mapping[str, Sequence[Any]], rows: int) -> FloatArray:
    # Nearly all are numbers of that type already, and a call is dear.
    columns = [[v if type(v) is float else number_of(v) for v in values[name]] for name in names]
    return np.array(columns, dtype=np.float64).reshape(len(names), rows).T


def number_of(value: Any) -> float:
    """Return a feature's value as a number; NaN where it is none."""
    return float(value) if isinstance(value, int | float) else float("nan")


def level_of(value: Any) -> str | None:
    """Return a feature's value as the level of a category; `None` where it is missing."""
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)
