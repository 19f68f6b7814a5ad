"""Evaluation for many actions: weights of what an action is like instead of weights of the action itself."""

import msgspec
import numpy as np
import numpy.typing as npt

from cvo.core.errors import InvalidInput
from cvo.inference.clustered import FloatArray, IntArray
from cvo.inference.logged import LoggedData, probability_rows, small_integers
from cvo.inference.policy_value import PolicyScores, mean_scores


class EmbeddingWeights(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Weights (n,) of the logged actions' embeddings, p(e|x, π)/p(e|x, π₀).

    `unlogged_rate` is the target's probability of embeddings the log never shows.
    """

    weights: FloatArray
    unlogged_rate: float


def category_weights(
    logged: LoggedData, target: npt.ArrayLike, logging: npt.ArrayLike, categories: npt.ArrayLike
) -> EmbeddingWeights:
    """Return exact embedding weights when every action belongs to one of a few categories.

    `logging` are the logging policy's probabilities, (n, k) or (k,), `categories` (k,) integers from 0
    (Saito & Joachims 2202.06317, §3, with p(e|x, a) one or zero).
    """
    groups: IntArray = small_integers(categories, logged.action_count, "categories", logged.action_count)
    member = np.eye(int(groups.max()) + 1)[groups]
    wanted, shown = (_by_category(logged, policy, member) for policy in (target, logging))
    drawn = (np.arange(len(logged)), groups[logged.actions])
    if not (shown[drawn] > 0).all():
        raise InvalidInput(
            "the logging probabilities give a category that was drawn probability 0; they are not this log's"
        )
    missing = (shown <= 0) | (np.bincount(drawn[1], minlength=member.shape[1]) == 0)
    return EmbeddingWeights(
        weights=wanted[drawn] / shown[drawn],
        unlogged_rate=float(np.where(missing, wanted, 0.0).sum() / max(len(logged), 1)),
    )


def _by_category(logged: LoggedData, policy: npt.ArrayLike, member: FloatArray) -> FloatArray:
    probability_rows(policy, len(logged), logged.action_count)
    # Summed before it is spread over the rows, a policy that ignores the context costs nothing.
    return np.broadcast_to(np.asarray(policy, dtype=np.float64) @ member, (len(logged), member.shape[1]))


def mips(logged: LoggedData, embedding: EmbeddingWeights) -> PolicyScores:
    """Marginalised inverse propensity scoring for many actions (Saito & Joachims 2202.06317, §3).

    Unbiased when an action affects the reward only through its embedding: an assumption, so the grade given
    to `policy_value` should say *pooled* unless it is known to hold.
    """
    if embedding.weights.shape != (len(logged),):
        raise InvalidInput(
            f"{embedding.weights.shape} embedding weights for {len(logged)} rows; give one a row"
        )
    return mean_scores(logged, embedding.weights * logged.rewards, embedding.weights, embedding.unlogged_rate)
