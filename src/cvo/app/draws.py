"""The draws of the log as τ learns from them: features as they were, chances as logged, what was brought since."""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cvo.actions.catalogue import Catalogue
from cvo.core.clock import DAY
from cvo.core.money import minor_unit
from cvo.decisions.decision import NOTHING
from cvo.inference import folds_by_hash
from cvo.valuation.fit_uplift import Draws, Turns

FloatArray = NDArray[np.float64]


def halves(rows: pl.DataFrame) -> NDArray[np.int64]:
    """Return the half of the customers, 0 or 1, that each row's customer is in."""
    return folds_by_hash(rows["person_id"].bin.encode("hex").to_numpy(), fold_count=2, seed="halves")


def read_draws(
    rows: pl.DataFrame,
    values: Mapping[str, Sequence[object]],
    weight: FloatArray,
    catalogue: Catalogue,
    currency: str,
    *,
    days: int,
) -> Draws:
    """Return the draws of `rows` (see `ledger.draws`), with their feature values by name.

    Each weighs `weight` once its window of `days` is over. Actions are the catalogue's, and those it had once: what
    they brought has to be told from what others did. What it cost to serve the customer in the window counts against
    the margin.
    """
    logged = {option for options in rows["options"].to_list() for option in options} - {NOTHING}
    actions = sorted(logged | catalogue.actions.keys())
    options = [*actions, NOTHING]
    brought = rows["margin_minor"] - rows["service_cost_minor"]
    return Draws(
        values=values,
        actions=actions,
        delivered=np.array([options.index(got) for got in rows["delivered"].to_list()], dtype=np.int64),
        probabilities=_matrix(rows["options"].to_list(), rows["probabilities"].to_list(), options),
        margin=brought.to_numpy().astype(np.float64) * minor_unit(currency),
        half=halves(rows),
        weight=weight * rows["closed"].to_numpy(),
        turns=Turns(
            rows["person_id"].rank("dense").cast(pl.Int64).to_numpy(),
            ((rows["at"] - rows["at"].min()) / DAY).to_numpy(),
            float(days),
        ),
    )


def _matrix(
    names: Sequence[Sequence[str]], chances: Sequence[Sequence[float]], options: Sequence[str]
) -> FloatArray:
    column = {option: number for number, option in enumerate(options)}
    result = np.zeros((len(names), len(options)))
    for row, (own, probabilities) in enumerate(zip(names, chances, strict=True)):
        for name, probability in zip(own, probabilities, strict=True):
            result[row, column[name]] = probability
    return result
