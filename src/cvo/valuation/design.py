"""From situations to the rows that models see, in one go: what `FeatureReader` and `Encoder` say one after the other.

A decision waits for it, so numbers are packed as they are looked up, with neither names nor lists between.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cvo.actions.gather import compile_gather, compile_numbers
from cvo.actions.situation import Situation
from cvo.learning.features import put_standardised, scale_of
from cvo.valuation.encoder import Encoder, level_of, number_of
from cvo.valuation.features import FeatureReader

FloatArray = NDArray[np.float64]


class Design:
    """Makes the rows of an encoder's design matrix; a feature that the reader does not have is missing for all."""

    def __init__(self, reader: FeatureReader, encoder: Encoder) -> None:
        self._scale = scale_of(encoder.scaler)
        asked = [reader.asked.get(name) for name in encoder.numbers]
        self._count = len(asked)
        self._numbers = compile_numbers(asked, number_of)
        # A level's column by feature, for the features that can still be asked.
        self._columns: list[dict[str | None, int]] = []
        categories, start = [], 1 + self._count
        for name, vocabulary in zip(encoder.categories, encoder.vocabularies, strict=True):
            if name in reader.asked:
                categories.append(reader.asked[name])
                self._columns.append({word: start + n for n, word in enumerate(vocabulary.words)})
            start += vocabulary.capacity
        self._width = start
        self._categories = compile_gather(
            [fact for fact, _ in categories], [answer for _, answer in categories], raw=True
        )

    def rows(self, situations: Sequence[Situation]) -> FloatArray:
        """Return the n×d rows; one is the same alone and in any batch."""
        count, numbers, categories = len(situations), self._numbers, self._categories
        packed = bytearray().join([numbers(here) for here in situations])
        design = np.zeros((count, self._width))
        design[:, 0] = 1.0
        values = np.frombuffer(packed).reshape(count, self._count)
        put_standardised(self._scale, values, design, first=1)
        if self._columns:
            for row, here in zip(design, situations, strict=True):
                for columns, value in zip(self._columns, categories(here), strict=True):
                    column = columns.get(level_of(value))
                    if column is not None:
                        row[column] = 1.0
        return design
