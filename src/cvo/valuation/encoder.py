"""Features as numbers: standardised where numeric, one column per known level where a category."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_FAR = 100.0
"""Standard deviations beyond which a value counts as this far: what clients send has no bounds of its own."""
_LEVELS = 32
"""A category's rarer levels beyond these share no column: they get the prior, as unseen ones do."""


class Numeric(msgspec.Struct, frozen=True, array_like=True, tag="number"):
    """Centre and scale of a numeric feature; a missing value sits at the centre."""

    name: str
    centre: float
    scale: float

    @property
    def width(self) -> int:
        """Return the number of columns."""
        return 1

    def columns(self, values: Sequence[Any]) -> FloatArray:
        """Return an n×1 array of standardised values."""
        raw = np.array([_number(value) for value in values], dtype=np.float64)
        scaled = (raw - self.centre) / self.scale
        return np.clip(np.where(np.isnan(scaled), 0.0, scaled), -_FAR, _FAR)[:, None]


class Category(msgspec.Struct, frozen=True, array_like=True, tag="category"):
    """The levels of a category seen at fitting time; a missing or unseen level is all zeros."""

    name: str
    levels: list[str]

    @property
    def width(self) -> int:
        """Return the number of columns."""
        return len(self.levels)

    def columns(self, values: Sequence[Any]) -> FloatArray:
        """Return an n×levels array of zeros and ones."""
        position: dict[str | None, int] = {level: column for column, level in enumerate(self.levels)}
        codes = np.array([position.get(_level(value), -1) for value in values], dtype=np.intp)
        member: FloatArray = (codes[:, None] == np.arange(self.width)).astype(np.float64)
        return member


class Encoder(msgspec.Struct, frozen=True, array_like=True):
    """Turns feature values into the rows of a design matrix, an intercept first."""

    features: list[Numeric | Category]

    @property
    def names(self) -> list[str]:
        """Return the name of every column."""
        names = ["intercept"]
        for feature in self.features:
            levels = feature.levels if isinstance(feature, Category) else None
            names += [feature.name] if levels is None else [f"{feature.name}={level}" for level in levels]
        return names

    def transform(self, values: Mapping[str, Sequence[Any]], rows: int) -> FloatArray:
        """Return the rows×columns design matrix of feature values given by name; `None` is missing."""
        blocks = [feature.columns(values[feature.name]) for feature in self.features]
        return np.ascontiguousarray(np.hstack([np.ones((rows, 1)), *blocks]))


def fit_encoder(
    kinds: Mapping[str, Literal["number", "category"]], values: Mapping[str, Sequence[Any]]
) -> Encoder:
    """Learn centres, scales and levels from feature values by name.

    A numeric feature without spread keeps scale 1; with fewer than two values its column is constant zero.
    """
    features: list[Numeric | Category] = []
    for name in sorted(kinds):
        if kinds[name] == "number":
            features.append(_fit_numeric(name, values[name]))
        else:
            features.append(_fit_category(name, values[name]))
    return Encoder(features)


def _fit_numeric(name: str, values: Sequence[Any]) -> Numeric:
    raw = np.array([_number(value) for value in values], dtype=np.float64)
    known = raw[~np.isnan(raw)]
    if known.size == 0:
        return Numeric(name, 0.0, 1.0)
    scale = float(known.std())
    return Numeric(name, float(known.mean()), scale if scale > 0 else 1.0)


def _fit_category(name: str, values: Sequence[Any]) -> Category:
    counts: dict[str, int] = {}
    for value in values:
        if (level := _level(value)) is not None:
            counts[level] = counts.get(level, 0) + 1
    kept = sorted(counts, key=lambda level: (-counts[level], level))[:_LEVELS]
    return Category(name, sorted(kept))


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")


def _level(value: Any) -> str | None:
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)
