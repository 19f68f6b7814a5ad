"""Logged decisions as arrays, and how far their weights reach towards another policy."""

import msgspec
import numpy as np
import numpy.typing as npt

from cvo.core.errors import InvalidInput
from cvo.inference.clustered import FloatArray, IntArray, cluster_codes, finite_vector
from cvo.inference.guardrails import WeightDiagnostics, effective_sample_size

_SUM_TOLERANCE = 1e-6
_MOST_SLOTS = 10_000


class LoggedData(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """n logged draws of known probability with what followed; made and checked by `logged_data`.

    `codes` (n,) numbers the cluster of each row from 0 to `units` − 1; None when every row is its own.
    """

    actions: IntArray
    rewards: FloatArray
    propensities: FloatArray
    action_count: int
    codes: IntArray | None
    units: int
    positions: IntArray | None
    logging_probabilities: FloatArray | None

    def __len__(self) -> int:
        return len(self.actions)


def logged_data(
    actions: npt.ArrayLike,
    rewards: npt.ArrayLike,
    propensities: npt.ArrayLike,
    *,
    action_count: int,
    clusters: npt.ArrayLike | None = None,
    positions: npt.ArrayLike | None = None,
    logging_probabilities: npt.ArrayLike | None = None,
) -> LoggedData:
    """Check n logged draws and keep them as arrays.

    * `actions` (n,) in 0 … `action_count` − 1: the option drawn, doing nothing being one of them
    * `rewards` (n,) what followed, in one unit
    * `propensities` (n,) P(the logging policy draws that option | context), in (0, 1]
    * `clusters` (n,) ids of the independent units, usually customers; every row its own if left out
    * `positions` (n,) slots, counted from 0, where an option counts as logged only in the slot it was seen in
    * `logging_probabilities` (n, k) the whole logged vectors, where known: an option of probability 0 then
      counts as unlogged in that row

    Raises `InvalidInput` for unequal lengths, actions out of range, rewards that are not finite or
    propensities outside (0, 1].
    """
    rows = len(np.asarray(actions))
    checked_rewards = finite_vector(rewards, "rewards")
    checked_propensities = finite_vector(propensities, "propensities")
    if not rows == len(checked_rewards) == len(checked_propensities):
        raise InvalidInput(
            f"{rows} actions, {len(checked_rewards)} rewards and {len(checked_propensities)} propensities; "
            "give one of each a row"
        )
    if rows and not 0 < checked_propensities.min() <= checked_propensities.max() <= 1 + _SUM_TOLERANCE:
        raise InvalidInput(
            f"propensities run from {checked_propensities.min()} to {checked_propensities.max()}; "
            "a logged draw has a probability in (0, 1]: leave out rows that were not drawn"
        )
    codes, units = (None, rows) if clusters is None else cluster_codes(clusters, rows)
    known = logging_probabilities
    return LoggedData(
        actions=small_integers(actions, rows, "actions", action_count),
        rewards=checked_rewards,
        propensities=checked_propensities,
        action_count=action_count,
        codes=codes,
        units=units,
        positions=None if positions is None else small_integers(positions, rows, "positions", _MOST_SLOTS),
        logging_probabilities=None if known is None else probability_rows(known, rows, action_count),
    )


def small_integers(values: npt.ArrayLike, rows: int, name: str, count: int = 2**31) -> IntArray:
    """Return (n,) integers in 0 … count − 1, or raise `InvalidInput` naming what is wrong with them."""
    array = np.asarray(values)
    if array.shape != (rows,) or (rows and array.dtype.kind not in "iu"):
        raise InvalidInput(f"{name} are {array.dtype} of shape {array.shape}; give {rows} integers")
    if rows and (array.min() < 0 or array.max() >= count):
        raise InvalidInput(f"{name} run from {array.min()} to {array.max()}; number them 0 … {count - 1}")
    return array.astype(np.int64, copy=False)


def probability_rows(values: npt.ArrayLike, rows: int, action_count: int) -> FloatArray:
    """Return an (n, k) array whose rows are probabilities; a (k,) vector stands for every row alike.

    Raises `InvalidInput` for another shape, numbers below 0 or rows that do not sum to 1 within 1e-6.
    """
    given = np.asarray(values, dtype=np.float64)
    if given.shape not in ((action_count,), (rows, action_count)):
        raise InvalidInput(
            f"probabilities have shape {given.shape}; ({rows}, {action_count}) or ({action_count},) is needed"
        )
    # A product with ones runs on BLAS, several times faster than a sum along the short axis.
    sums = given @ np.ones(action_count)
    if not np.all(np.abs(sums - 1) <= _SUM_TOLERANCE):
        raise InvalidInput(
            "a row of probabilities does not sum to 1; include every option, doing nothing too"
        )
    if given.size and given.min() < 0:
        raise InvalidInput(f"a probability is {given.min()}; none may be negative")
    return np.broadcast_to(given, (rows, action_count))


def weights_for(logged: LoggedData, target: npt.ArrayLike) -> tuple[FloatArray, FloatArray, float]:
    """Return the target's (n, k) probabilities, its (n,) importance weights π/π₀ and its unlogged rate."""
    pi = probability_rows(target, len(logged), logged.action_count)
    weights = pi[np.arange(len(logged)), logged.actions] / logged.propensities
    return pi, weights, unlogged_rate(logged, pi)


def unlogged_rate(logged: LoggedData, target: FloatArray) -> float:
    """Return the mean probability the (n, k) target puts on options the log never shows.

    An option is unlogged in a row if it was never drawn (in that row's slot, where there are slots), or if
    the logged vector gives it probability 0 there.
    """
    rows, count = len(logged), logged.action_count
    if not rows:
        return 0.0
    slots = np.zeros(rows, dtype=np.int64) if logged.positions is None else logged.positions
    slot_count = int(slots.max()) + 1
    seen = np.bincount(slots * count + logged.actions, minlength=slot_count * count).reshape(
        slot_count, count
    )
    if logged.logging_probabilities is not None:
        unlogged = (seen == 0)[slots] | (logged.logging_probabilities <= 0)
        return float(target[unlogged].sum()) / float(rows)
    mass = 0.0
    for slot in np.flatnonzero((seen == 0).any(axis=1)):
        mass += float((target[slots == slot] @ (seen[slot] == 0).astype(np.float64)).sum())
    return mass / float(rows)


def diagnose(logged: LoggedData, weights: FloatArray, unlogged: float) -> WeightDiagnostics:
    """Summarise the (n,) weights an estimate rests on."""
    return WeightDiagnostics(
        mean=float(weights.mean()) if len(weights) else 0.0,
        largest=float(weights.max(initial=0.0)),
        effective_sample_size=effective_sample_size(weights, logged.codes, logged.units),
        unlogged_rate=unlogged,
        rewarded=int(np.count_nonzero((weights > 0) & (logged.rewards != 0))),
    )
