"""The estimators that a difference can be told by, each from the same draws and predictions."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from cvo.actions.catalogue import Action, Catalogue
from cvo.app.what_if.log import FloatArray, Log
from cvo.core.evidence import Grade
from cvo.inference import (
    LoggedData,
    PolicyScores,
    category_weights,
    direct_method,
    doubly_robust,
    doubly_robust_shrunk,
    ips,
    logged_data,
    mips,
    snips,
    switch_doubly_robust,
)

DOUBLY_ROBUST = "doubly robust"
ESTIMATORS = (DOUBLY_ROBUST, "ips", "snips", "direct method", "switch", "shrunk", "mips")
"""How a difference can be estimated; all of them row by row, so that what two policies share cancels.

`mips` compares kinds of actions, by team and stage, instead of single ones: for catalogues so large that each is rare.
"""

_SWITCH, _SHRINKAGE = 10.0, 100.0


def estimators(
    data: LoggedData, log: Log, expected: FloatArray, catalogues: Sequence[Catalogue]
) -> dict[str, Callable[[FloatArray], PolicyScores]]:
    """Return, by name, what scores a policy's probabilities (n, k); `expected` (n, k) are predicted rewards."""
    kinds = _kinds(log.options, {key: each for one in catalogues for key, each in one.actions.items()})
    return {
        DOUBLY_ROBUST: lambda target: doubly_robust(data, target, expected),
        "ips": lambda target: ips(data, target),
        "snips": lambda target: snips(data, target),
        "direct method": lambda target: direct_method(data, target, expected),
        "switch": lambda target: switch_doubly_robust(data, target, expected, threshold=_SWITCH),
        "shrunk": lambda target: doubly_robust_shrunk(data, target, expected, shrinkage=_SHRINKAGE),
        "mips": lambda target: mips(data, category_weights(data, target, log.probabilities, kinds)),
    }


def grade_of(estimator: str) -> Grade:
    """Return the grade of an estimate from known draws: that actions of a kind have one effect is assumed."""
    return Grade.POOLED if estimator == "mips" else Grade.MEASURED


def _kinds(options: Sequence[str], actions: Mapping[str, Action]) -> NDArray[np.int64]:
    """Number the options by team and stage; nothing, and what no catalogue has, is a kind of its own."""
    kinds = [
        (actions[option].team, actions[option].stage.value) if option in actions else (option,)
        for option in options
    ]
    numbers = {kind: number for number, kind in enumerate(sorted(set(kinds)))}
    return np.array([numbers[kind] for kind in kinds], dtype=np.int64)


def draws_of(log: Log) -> LoggedData:
    """Return the draws of a log as estimators take them, customers as independent units."""
    return logged_data(
        log.got,
        log.margin,
        log.probabilities[np.arange(len(log.got)), log.got],
        action_count=len(log.options),
        clusters=np.array(log.customers),
        logging_probabilities=log.probabilities,
    )
