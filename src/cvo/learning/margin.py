"""What a response is worth: the mean margin per response of each action, pooled."""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from cvo.core.errors import InvalidInput
from cvo.core.evidence import Grade
from cvo.learning.arrays import FloatArray, Stored, as_indices, finite, same_length
from cvo.learning.pooling import pool

_TEACHES = 10


class MarginModel(msgspec.Struct, frozen=True):
    """Count, sum and sum of squares of the margins seen per action: all that the estimate needs.

    `assumed_mean` (money) is the margin of a response to an action nothing is known of, `assumed_cv` the sd
    between actions' means as a share of that mean, `assumed_shape` the inverse squared variation of margins
    within one action.
    """

    assumed_mean: float
    assumed_cv: float
    assumed_shape: float
    count: Stored
    total: Stored
    squares: Stored


class Margin(msgspec.Struct, frozen=True):
    """Posterior `mean` and `variance` (k,) of each action's mean margin per response, and its grade."""

    mean: FloatArray
    variance: FloatArray
    grade: tuple[Grade, ...]


def new_margins(
    actions: int, assumed_mean: float, *, assumed_cv: float = 1.0, assumed_shape: float = 1.0
) -> MarginModel:
    """Make a margin model that has seen nothing; raises `InvalidInput` unless assumptions are positive."""
    if not min(assumed_mean, assumed_cv, assumed_shape) > 0:
        raise InvalidInput("assumed_mean, assumed_cv and assumed_shape must be positive")
    nothing = Stored.of(np.zeros(actions))
    return MarginModel(assumed_mean, assumed_cv, assumed_shape, nothing, nothing, nothing)


def fold_margins(model: MarginModel, actions: Any, margins: Any, weights: Any | None = None) -> MarginModel:
    """Return the model after n responses with `margins` (n,), not negative, in the model's currency.

    `weights` (n,) are what each response counts, 1 by default.

    A loss-making response is a cost of the action, not a negative margin: `InvalidInput` says where it is.
    Responses are added one after another: splitting them over several calls changes no bit.
    """
    which = as_indices(actions, model.count.shape[0], "actions")
    values = finite(margins, "margins")
    worth = np.ones(len(values)) if weights is None else finite(weights, "weights")
    same_length(actions=which, margins=values, weights=worth)
    if len(values) and values.min() < 0:
        raise InvalidInput(
            f"margins[{int(values.argmin())}] is {values.min()}; book losses as costs or refunds"
        )
    added = {}
    for name, amounts in (("count", worth), ("total", worth * values), ("squares", worth * values * values)):
        sums = getattr(model, name).read().copy()
        np.add.at(sums, which, amounts)
        added[name] = Stored.of(sums)
    return msgspec.structs.replace(model, **added)


def mean_margin(model: MarginModel, groups: Sequence[Any] = ()) -> Margin:
    """Return each action's mean margin per response.

    Margins are gamma with one shape for all and a mean of their own, whose prior is inverse gamma: the
    posterior mean is the weighted average of prior and sample (Fader, Hardie and Lee 2005, "RFM and CLV",
    eq. 5), always positive and slow to believe a few large orders. The prior's mean and spread are pooled
    over `groups`.

    >>> m = mean_margin(fold_margins(new_margins(2, 10.0), [0] * 4, [20.0] * 4))
    >>> bool(10 < m.mean[0] < 20)
    True
    """
    count, total = model.count.read(), model.total.read()
    shape = _shape(model)
    sample = np.divide(total, count, out=np.zeros_like(total), where=count > 0)
    # The sampling variance uses the shared shape and the overall mean: an action's own few margins would
    # make those with small orders look precise.
    level = (model.assumed_mean + total.sum()) / (1.0 + count.sum())
    # Margins have heavy tails, so a handful of orders says little about how far actions differ: thin actions
    # are taught by the others and do not teach.
    information = np.where(count >= _TEACHES, count * shape / level**2, 0.0)
    prior = pool(
        information[:, None, None],
        (information * sample)[:, None],
        [as_indices(group, None, "groups") for group in groups],
        np.array([model.assumed_mean]),
        np.array([(model.assumed_cv * model.assumed_mean) ** 2]),
    )
    prior_mean = np.maximum(prior.mean[:, 0], 1e-3 * level)
    prior_shape = 2.0 + prior_mean**2 / prior.covariance[:, 0, 0]
    weight = shape * count
    mean = (prior_mean * (prior_shape - 1.0) + shape * total) / (prior_shape - 1.0 + weight)
    share = weight / (prior_shape - 1.0 + weight)
    return Margin(mean, mean**2 / (prior_shape - 2.0 + weight), _grades(share))


def _shape(model: MarginModel) -> float:
    """The common gamma shape from the variation within actions, shrunk to what was assumed."""
    count, total, squares = model.count.read(), model.total.read(), model.squares.read()
    enough = (count > 1) & (total > 0)
    count, total, squares = count[enough], total[enough], squares[enough]
    mean = total / count
    relative = np.maximum(squares / mean**2 - count, 0.0).sum()
    freedom = (count - 1).sum()
    strength = 4.0
    return float((strength + freedom) / (strength / model.assumed_shape + relative))


def _grades(share: FloatArray) -> tuple[Grade, ...]:
    """Margins are observed, not caused: the best grade they can have is observational."""
    if not share.any():
        return (Grade.ASSUMED,) * len(share)
    return tuple(Grade.OBSERVATIONAL if part >= 0.5 else Grade.POOLED for part in share)
