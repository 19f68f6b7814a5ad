"""Small worlds of arrays: a log with known propensities, and the truth that it should give back.

Cheap enough for thousands of worlds in one test. What the customer would have done under every action is
drawn once, so a policy's value on the very same customers is known beside its expectation.
"""

from typing import Literal

import msgspec
import numpy as np
from scipy.special import expit, softmax

from cvo.core.errors import InvalidInput
from cvo.simulate.draws import Bools, Draws, Floats, Ints


class BanditWorld(msgspec.Struct, frozen=True, eq=False):
    """n customers and k actions; the last column stands for nothing.

    `features` is (n, d) with a leading one; `mean` (n, k+1) the expected reward of every option and `reward`
    (n, k+1) what would come of it; `effect` (n, k) is τ, the mean less that of doing nothing.
    """

    features: Floats
    mean: Floats
    reward: Floats

    @property
    def effect(self) -> Floats:
        """Return τ of every action for every customer, (n, k)."""
        return self.mean[:, :-1] - self.mean[:, -1:]

    def value(self, probabilities: Floats) -> float:
        """Return the expected reward per customer of a policy given as (n, k+1) probabilities."""
        return float((self.mean * probabilities).sum(axis=1).mean())

    def best(self) -> Floats:
        """Return the probabilities (n, k+1) of the best policy: all on the option of the largest mean."""
        one_hot: Floats = np.eye(self.mean.shape[1])[np.argmax(self.mean, axis=1)]
        return one_hot


class BanditLog(msgspec.Struct, frozen=True, eq=False):
    """What a randomised policy left behind: `option` drawn from `probabilities` (n, k+1) at `propensity`."""

    features: Floats
    option: Ints
    propensity: Floats
    probabilities: Floats
    reward: Floats


def linear_world(
    customers: int,
    features: int,
    actions: int,
    seed: int | str,
    *,
    effect_sd: float = 0.2,
    mean_effect: float = 0.0,
    baseline_sd: float = 1.0,
    noise_sd: float = 1.0,
    null_actions: int = 0,
    cost: float = 0.0,
) -> BanditWorld:
    """Return a world whose rewards are linear in the features, plus normal noise.

    Over customers τ of an action has mean `mean_effect − cost` and standard deviation `effect_sd`, in units
    of the reward; the last `null_actions` have no effect but their `cost`. Of `features` numbers one is the
    constant; the same noise reaches a customer whatever is done.

    >>> world = linear_world(customers=2000, features=5, actions=3, seed=1, effect_sd=0.1)
    >>> world.effect.shape, round(float(world.effect.std(axis=0).mean()), 1)
    ((2000, 3), 0.1)
    """
    draws, x, directions = _contexts(customers, features, actions, seed)
    causes = _causes(actions, null_actions)
    effect = (mean_effect + effect_sd * (x[:, 1:] @ directions[:-1].T)) * causes - cost
    baseline = baseline_sd * (x[:, 1:] @ directions[-1])
    mean = np.column_stack([baseline[:, None] + effect, baseline])
    noise = noise_sd * draws.normal(customers, "bandit noise")
    return BanditWorld(x, mean, mean + noise[:, None])


def logistic_world(
    customers: int,
    features: int,
    actions: int,
    seed: int | str,
    *,
    base_rate: float = 0.1,
    effect_sd: float = 0.5,
    mean_effect: float = 0.0,
    baseline_sd: float = 0.5,
    null_actions: int = 0,
) -> BanditWorld:
    """Return a world whose rewards are 0 or 1 with log-odds linear in the features; effects are in log-odds.

    One uniform number per customer decides under every option, so an action that helps never hurts by luck.
    """
    draws, x, directions = _contexts(customers, features, actions, seed)
    if not 0 < base_rate < 1:
        raise InvalidInput(f"a base rate of {base_rate} leaves nothing to chance; choose one between 0 and 1")
    effect = (mean_effect + effect_sd * (x[:, 1:] @ directions[:-1].T)) * _causes(actions, null_actions)
    odds = np.log(base_rate / (1 - base_rate)) + baseline_sd * (x[:, 1:] @ directions[-1])
    mean: Floats = expit(np.column_stack([odds[:, None] + effect, odds]))
    luck = draws.uniform(customers, "bandit noise")
    return BanditWorld(x, mean, (luck[:, None] < mean).astype(np.float64))


def logging_policy(
    world: BanditWorld, seed: int | str, sharpness: float = 1.0, floor: float = 0.02
) -> Floats:
    """Return (n, k+1) probabilities of a policy that depends on the features but not on the truth.

    A softmax of random linear scores with standard deviation `sharpness`, mixed with `floor` on every option.
    """
    options = world.mean.shape[1]
    if not 0 <= floor * options <= 1:
        raise InvalidInput(f"a floor of {floor} on {options} options exceeds 1; lower it")
    weights = _unit(Draws(str(seed)).normal(options * (world.features.shape[1] - 1), "logging"), options)
    score: Floats = softmax(sharpness * (world.features[:, 1:] @ weights.T), axis=1)
    mixed: Floats = floor + (1 - floor * options) * score
    return mixed


def play(world: BanditWorld, probabilities: Floats, seed: int | str) -> BanditLog:
    """Draw one option per customer from `probabilities` (n, k+1) and log it with its propensity and reward.

    Raises `InvalidInput` where the probabilities of a customer do not sum to one.
    """
    total = probabilities.sum(axis=1)
    if probabilities.shape != world.mean.shape or not np.allclose(total, 1) or probabilities.min() < 0:
        raise InvalidInput(
            f"probabilities must be {world.mean.shape}, not negative and sum to 1 in every row"
        )
    luck = Draws(str(seed)).uniform(len(total), "play")
    option = (luck[:, None] * total[:, None] >= np.cumsum(probabilities, axis=1)).sum(axis=1)
    # Rounding may leave the last sum a hair below the number drawn: take the last option that can be drawn.
    last = probabilities.shape[1] - 1 - np.argmax(probabilities[:, ::-1] > 0, axis=1)
    option = np.minimum(option, last)
    row = np.arange(len(option))
    return BanditLog(
        world.features, option, probabilities[row, option], probabilities, world.reward[row, option]
    )


class Visits(msgspec.Struct, frozen=True, eq=False):
    """Decisions for one action at repeated visits, one per row, in the order of windows.

    `window` numbers a customer's outcome window; `outcome` is that of the whole window, repeated on its rows.
    """

    window: Ints
    withheld: Bools
    outcome: Floats


def thrown_coins(
    windows: int, visits: int, seed: int | str, *, per: Literal["window", "visit"], rate: float = 0.5
) -> Bools:
    """Return which of the visits to each window are withheld, (windows, visits).

    The coin is thrown once per window or, which is the mistake, anew at each visit.
    """
    throws = Draws(str(seed)).uniform(windows * visits, "coin").reshape(windows, visits) < rate
    return np.repeat(throws[:, :1], visits, axis=1) if per == "window" else throws


def repeated_visits(
    withheld: Bools, seed: int | str, *, effect: float = 0.10, base_rate: float = 0.10
) -> Visits:
    """Return what comes of windows with several visits each, at all of which the same action is chosen.

    `withheld` is (windows, visits). Being delivered at least once raises the probability of the window's
    outcome from `base_rate` by `effect`: that is the truth to find.
    """
    windows, visits = withheld.shape
    reached = (~withheld).any(axis=1)
    outcome = Draws(str(seed)).uniform(windows, "outcome") < base_rate + effect * reached
    return Visits(
        window=np.repeat(np.arange(windows), visits),
        withheld=withheld.ravel(),
        outcome=np.repeat(outcome, visits).astype(np.float64),
    )


def _contexts(customers: int, features: int, actions: int, seed: int | str) -> tuple[Draws, Floats, Floats]:
    """Return random numbers, features (n, d) with a constant, and unit directions (k+1, d−1)."""
    if customers < 1 or features < 2 or actions < 1:
        raise InvalidInput(
            f"{customers} customers, {features} features, {actions} actions make no world; "
            "have at least 1 customer, 2 features (one is the constant) and 1 action"
        )
    draws = Draws(str(seed))
    numbers = draws.normal(customers * (features - 1), "bandit features").reshape(customers, features - 1)
    directions = _unit(draws.normal((actions + 1) * (features - 1), "bandit directions"), actions + 1)
    return draws, np.column_stack([np.ones(customers), numbers]), directions


def _unit(numbers: Floats, rows: int) -> Floats:
    directions = numbers.reshape(rows, -1)
    normalised: Floats = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    return normalised


def _causes(actions: int, null_actions: int) -> Floats:
    if not 0 <= null_actions <= actions:
        raise InvalidInput(
            f"{null_actions} of {actions} actions cannot be without effect; choose 0 to {actions}"
        )
    return (np.arange(actions) < actions - null_actions).astype(np.float64)
