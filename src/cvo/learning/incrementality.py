"""κ: how much of what is attributed to an action it really caused."""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from cvo.core.errors import InvalidInput
from cvo.core.evidence import Grade
from cvo.learning.arrays import FloatArray, as_indices, finite, same_length
from cvo.learning.pooling import pool


class KappaAssumption(msgspec.Struct, frozen=True):
    """What is believed of an action's κ before any draw has been resolved; shown wherever it is used."""

    mean: float = 0.5
    sd: float = 0.5


class Kappa(msgspec.Struct, frozen=True):
    """Posterior `mean` and `sd` (k,) of κ per action, and the grade of each."""

    mean: FloatArray
    sd: FloatArray
    grade: tuple[Grade, ...]


def incrementality(
    actions: Any,
    caused: Any,
    standard_error: Any,
    predicted: Any,
    *,
    count: int,
    groups: Sequence[Any] = (),
    assumption: KappaAssumption | None = None,
) -> Kappa:
    """Return the posterior of κ for each of `count` actions, pooled over similar ones.

    Each of n cells (an action, or an action in a segment or period) gives `actions` (its action's index),
    `caused`: the margin the action caused per decision, estimated from draws of known probability, with its
    `standard_error`, and `predicted`: the margin p·m the response model attributes to it per decision, in the
    same currency. A cell says caused ~ N(κ·predicted, standard_error²); κ of similar actions is alike by a
    hierarchy of normals (Gelman and Hill 2007, ch. 12) whose spread is learned. κ may be negative or above 1.
    `groups` holds one vector of `count` group numbers per level (team, stage, channel).

    `caused` must come from the causal join: all the customer's margin in the window, by one query for
    delivered and withheld alike. Joined by decision id, what was withheld has no outcomes and κ is 1 by
    construction.

    An action is *measured* when its own cells carry at least half of its posterior's precision, *pooled*
    when any action has cells, else *assumed*. Raises `InvalidInput` for a standard error that is not
    positive.

    >>> k = incrementality([0], [0.5], [0.01], [1.0], count=2)
    >>> k.mean.round(2), k.grade[0].value, k.grade[1].value
    (array([0.5, 0.5]), 'measured', 'pooled')
    """
    belief = assumption or KappaAssumption()
    which = as_indices(actions, count, "actions")
    effect, error = finite(caused, "caused"), finite(standard_error, "standard_error")
    attributed = finite(predicted, "predicted")
    same_length(actions=which, caused=effect, standard_error=error, predicted=attributed)
    if not (error > 0).all() or not belief.sd > 0:
        raise InvalidInput(
            "a standard error and the assumed sd of κ must be positive; leave out cells without draws"
        )
    information, potential = np.zeros(count), np.zeros(count)
    np.add.at(information, which, (attributed / error) ** 2)
    np.add.at(potential, which, attributed * effect / error**2)
    prior = pool(
        information[:, None, None],
        potential[:, None],
        [as_indices(level, None, "groups") for level in groups],
        np.array([belief.mean]),
        np.array([belief.sd**2]),
    )
    prior_precision = 1 / prior.covariance[:, 0, 0]
    precision = prior_precision + information
    mean = (prior_precision * prior.mean[:, 0] + potential) / precision
    return Kappa(mean, np.sqrt(1 / precision), _grades(information, precision))


def aged(sd: FloatArray, days: FloatArray | float, *, drift_per_year: float) -> FloatArray:
    """Return `sd` widened by `days` without new evidence: a random walk of `drift_per_year` sd per √year."""
    return np.asarray(np.sqrt(np.square(sd) + drift_per_year**2 * np.asarray(days) / 365.25))


def _grades(information: FloatArray, precision: FloatArray) -> tuple[Grade, ...]:
    if not information.any():
        return (Grade.ASSUMED,) * len(information)
    return tuple(Grade.MEASURED if share >= 0.5 else Grade.POOLED for share in information / precision)
