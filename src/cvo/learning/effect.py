"""τ: what delivering an action changes for this customer, learned from draws of known probability.

Action-centred regression (Greenewald, Tewari, Murphy and Klasnja 2017, eq. 5; the R-learner of Nie and Wager
2021): given what was known when the draw was made, (delivered a) − P(a) has mean zero. So in

    outcome − baseline − effect expected of what else was delivered = ((delivered a) − P(a))·τ_a(x) + noise

any error of the baseline is noise: it costs precision, not truth. Every decision gives a row, for an
identity-link `ResponseModel`, to each action that had a chance, delivered or not; τ so gets the full covariance,
pooled prior, learned noise and forgetting of every other model.

With the attributed margin p·m as the first feature, the prior mean of its weight is κ: without draws τ is κ·p·m,
and draws teach κ and what departs from it together.
"""

from typing import Any, NamedTuple

import numpy as np

from cvo.core.errors import InvalidInput
from cvo.learning.arrays import FloatArray, IntArray, as_indices, finite, same_length


class EffectRows(NamedTuple):
    """Rows for `fold`: `features` (r, d), `actions` (r,), `outcomes` (r,); `decisions` (r,) says whence."""

    features: FloatArray
    actions: IntArray
    outcomes: FloatArray
    decisions: IntArray


def effect_features(attributed: Any, features: Any) -> FloatArray:
    """Return (n, k, 1 + d): the attributed margin p·m (n, k) in front of each action's `features` (n, d)."""
    margin, x = finite(attributed, "attributed"), finite(features, "features")
    same_length(attributed=margin, features=x)
    shared = np.broadcast_to(x[:, None, :], (*margin.shape, x.shape[1]))
    return np.concatenate([margin[:, :, None], shared], axis=2)


def effect_rows(
    features: Any,
    delivered: Any,
    probabilities: Any,
    *,
    outcomes: Any,
    baseline: Any,
    expected: Any,
    least_chance: float = 0.01,
) -> EffectRows:
    """Turn n decisions whose windows have closed into rows that teach a model of τ.

    `features` (n, k, d) as they were when decided; `delivered` (n,) the index of the delivered action, k where
    nothing was (not chosen, or withheld); `probabilities` (n, k + 1) of being *delivered*, nothing last;
    `outcomes` (n,) all the customer's margin in the window, by the causal join; `baseline` (n,) the margin
    predicted without any action and `expected` (n, k) the mean of τ, both from earlier windows. Rows keep the
    order of decisions, then of actions.

    An action with less than `least_chance` of being delivered, or of not being, is left out: it learns next to
    nothing, and probabilities alone decide, which biases nothing. What `expected` got wrong early on can be
    corrected by a second pass over the log with the first pass's predictions (backfitting). Raises
    `InvalidInput` when a delivered option had probability 0 or a row of probabilities does not sum to one.

    >>> x = np.ones((2, 1, 1))
    >>> chances = [[0.25, 0.75]] * 2
    >>> rows = effect_rows(x, [0, 1], chances, outcomes=[3.0, 1.0], baseline=[1.0, 1.0], expected=[[0.0]] * 2)
    >>> rows.features[:, 0], rows.outcomes
    (array([ 0.75, -0.25]), array([2., 0.]))
    """
    x, y = finite(features, "features"), finite(outcomes, "outcomes")
    chance, without = finite(probabilities, "probabilities"), finite(baseline, "baseline")
    tau = finite(expected, "expected")
    if x.ndim != 3 or tau.shape != x.shape[:2]:
        raise InvalidInput(f"features {x.shape} and expected {tau.shape} must be (n, k, d) and (n, k)")
    options = x.shape[1]
    got = as_indices(delivered, options + 1, "delivered")
    n = same_length(features=x, delivered=got, probabilities=chance, outcomes=y, baseline=without)
    _check_chances(chance, got, options)
    done = np.column_stack([tau, np.zeros(n)])[np.arange(n), got]
    chance = chance[:, :options]
    decisions, actions = np.nonzero((chance >= least_chance) & (chance <= 1 - least_chance))
    p, own = chance[decisions, actions], got[decisions] == actions
    # Taking p·τ out on top leaves in the noise only what is not known about τ itself.
    others = np.where(own, 0.0, done[decisions]) + p * tau[decisions, actions]
    surprise = y[decisions] - without[decisions] - others
    return EffectRows((own - p)[:, None] * x[decisions, actions], actions, surprise, decisions)


def _check_chances(chance: FloatArray, delivered: IntArray, options: int) -> None:
    if chance.shape != (len(delivered), options + 1):
        raise InvalidInput(
            f"probabilities have shape {chance.shape}; expected {(len(delivered), options + 1)}"
        )
    bad = np.flatnonzero((np.abs(chance.sum(axis=1) - 1.0) > 1e-6) | (chance < 0).any(axis=1))
    if len(bad):
        raise InvalidInput(
            f"probabilities[{bad[0]}] sum to {chance[bad[0]].sum()}; each row is a distribution"
        )
    impossible = np.flatnonzero(chance[np.arange(len(delivered)), delivered] <= 0)
    if len(impossible):
        raise InvalidInput(f"delivered[{impossible[0]}] had probability 0; log the chances it was drawn from")
