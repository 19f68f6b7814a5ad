"""Choosers that learn what an option brings straight from logged draws: a challenger for what decides.

The product scores an action by who responds, what that is worth and how much of it is caused. A chooser knows
none of that: it learns the outcome of every option from features, and turns it into probabilities itself.
Vowpal Wabbit's contextual bandits are the field's usual ones; ours is a linear model an option.
"""

import math
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cvo.core.errors import InvalidInput
from cvo.learning.arrays import FloatArray
from cvo.learning.learner import Learner
from cvo.learning.policies import Thompson, with_floor
from cvo.learning.response import new_model

BoolArray = NDArray[np.bool_]

SQUARECB = "--cb_explore_adf --squarecb --gamma_scale 10 --cb_type mtr --interactions xA"
"""Inverse-gap weighting on a regression weighted by 1/propensity (Foster and Rakhlin 2020; Bietti et al. 2021)."""


class Chooser(Protocol):
    """Picks among k actions and nothing, which stands last and always qualifies."""

    def probabilities(self, row: FloatArray, qualified: BoolArray) -> FloatArray:
        """Return P(option), (k + 1,), for features `row` (d,); 0 where `qualified` (k,) is not, summing to one."""
        ...

    def learn(
        self, row: FloatArray, qualified: BoolArray, option: int, propensity: float, reward: float
    ) -> None:
        """Learn that `option` was drawn with probability `propensity`, and brought `reward`."""
        ...


class LinearChooser:
    """Thompson sampling on a Bayesian linear model an option, over what it brings more than nothing does.

    `reward_sd` is the usual spread of rewards, their unit inside.

    >>> chooser = LinearChooser(2, 1, reward_sd=1.0)
    >>> for _ in range(50):
    ...     chooser.learn(np.ones(1), np.array([True, True]), 0, 0.5, 1.0)
    ...     chooser.learn(np.ones(1), np.array([True, True]), 2, 0.5, 0.0)
    >>> chooser.probabilities(np.ones(1), np.array([True, True])).round(2)
    array([0.82, 0.09, 0.09])
    """

    def __init__(
        self, actions: int, features: int, *, reward_sd: float, scale: float = 1.0, floor: float = 0.02
    ) -> None:
        self._reward_sd = _positive(reward_sd)
        self._policy = Thompson(scale=scale, floor=floor)
        self._learner = Learner(new_model(actions + 1, np.zeros(features), 1.0, link="identity"))

    def probabilities(self, row: FloatArray, qualified: BoolArray) -> FloatArray:
        """Return P(option), (k + 1,)."""
        mean, variance = self._learner.predict(row)
        options = np.flatnonzero(qualified)
        over = mean[options] - mean[-1]
        result = np.zeros(len(qualified) + 1)
        result[[*options, -1]] = self._policy.probabilities(over, np.sqrt(variance[options] + variance[-1]))
        return result

    def learn(
        self, row: FloatArray, qualified: BoolArray, option: int, propensity: float, reward: float
    ) -> None:
        """Learn from one draw; the model of its option is right whatever the propensity was."""
        _check(qualified, option, propensity, reward)
        self._learner.learn(row, option, reward / self._reward_sd)


class VowpalWabbit:
    """Vowpal Wabbit's contextual bandit over actions and nothing, deterministic given its `seed`.

    `arguments` are its own, of a learner with action-dependent features, which stand in the namespaces x (the row)
    and A (the action). Raises `InvalidInput` where it is not installed. Not pickled, not copied: close it when done.
    """

    def __init__(
        self, actions: int, *, reward_sd: float, floor: float = 0.02, seed: int = 0, arguments: str = SQUARECB
    ) -> None:
        try:
            import vowpalwabbit  # type: ignore[import-untyped]
        except ModuleNotFoundError:
            raise InvalidInput("the challenger needs Vowpal Wabbit: pip install 'cvo[vw]'") from None
        self._workspace: Any = vowpalwabbit.Workspace(f"{arguments} --quiet --random_seed {seed}")
        self._reward_sd, self._floor = _positive(reward_sd), floor
        self._lines = [f"|A a{number}" for number in range(actions)] + ["|A nothing"]

    def probabilities(self, row: FloatArray, qualified: BoolArray) -> FloatArray:
        """Return P(option), (k + 1,), the floor mixed in."""
        options = [*np.flatnonzero(qualified).tolist(), len(qualified)]
        given = self._workspace.predict([_shared(row), *(self._lines[option] for option in options)])
        result = np.zeros(len(qualified) + 1)
        # Its numbers are of single precision, and sum to one but for that.
        result[options] = with_floor(np.array(given, dtype=np.float64), self._floor)
        return result

    def learn(
        self, row: FloatArray, qualified: BoolArray, option: int, propensity: float, reward: float
    ) -> None:
        """Learn from one draw, weighted by its propensity as `arguments` say."""
        _check(qualified, option, propensity, reward)
        options = [*np.flatnonzero(qualified).tolist(), len(qualified)]
        cost = f"0:{-reward / self._reward_sd!r}:{propensity!r} "
        lines = [(cost if each == option else "") + self._lines[each] for each in options]
        self._workspace.learn([_shared(row), *lines])

    def close(self) -> None:
        """Give its memory back."""
        self._workspace.finish()


def _shared(row: FloatArray) -> str:
    return "shared |x " + " ".join(f"{n}:{value!r}" for n, value in enumerate(row.tolist()) if value)


def _positive(reward_sd: float) -> float:
    if not (reward_sd > 0 and math.isfinite(reward_sd)):
        raise InvalidInput(f"reward_sd is {reward_sd}; it has to be above 0")
    return reward_sd


def _check(qualified: BoolArray, option: int, propensity: float, reward: float) -> None:
    if not 0 <= option <= len(qualified) or (option < len(qualified) and not qualified[option]):
        raise InvalidInput(f"option {option} is not among those that qualified")
    if not 0 < propensity <= 1 or not math.isfinite(reward):
        raise InvalidInput(
            f"a draw of probability {propensity} brought {reward}; give a probability and a number"
        )
