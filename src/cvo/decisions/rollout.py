"""A rollout: a new policy goes live on more and more customers, and is stopped or promoted by what they bring.

At every step customers fall to the new policy by a coin of their own for that step, so that who gets it depends
on nothing that happened before; each is scored once a step, by all that they brought in one outcome window.
With share s, coin A and outcome Y less a prediction b made before, the score (Y − b)(A − s) has mean s(1 − s)·Δ
given everything earlier. The sums of both give Δ, weighting steps by what they tell, and the asymptotic confidence
sequence of Waudby-Smith et al. (2103.06476, Proposition 2.5) an interval for it that holds whenever one looks.
"""

from enum import StrEnum

import msgspec
import numpy as np
import numpy.typing as npt

from cvo.core.errors import InvalidInput
from cvo.core.evidence import Interval, NotEstimable
from cvo.core.ids import PersonId
from cvo.core.random import keyed_uniform
from cvo.inference import ConfidenceSequence, planned_sequence, sample_ratio_refusal

STEPS = (0.01, 0.05, 0.25, 1.0)


class Verdict(StrEnum):
    """Where a rollout stands."""

    RUNNING = "running"
    STOPPED = "stopped"
    PROMOTED = "promoted"


class RolloutPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What is decided before the first customer: how much worse is too much, and in which steps.

    `delta` is money a scored window: the loss that must not go unnoticed. `outcome_sd` is the standard deviation of
    outcomes less their predictions, from before; a wrong one makes the rollout slower, never wrong.
    `first_look` is how many customers of the new policy have to be scored before anything is judged.
    """

    delta: float
    outcome_sd: float
    steps: tuple[float, ...] = STEPS
    alpha: float = 0.05
    first_look: int = 100

    def __post_init__(self) -> None:
        if not (self.delta > 0 and self.outcome_sd > 0):
            raise InvalidInput(
                f"delta {self.delta} and outcome_sd {self.outcome_sd} plan nothing; both must be above 0"
            )
        rising = all(a < b for a, b in zip(self.steps, self.steps[1:], strict=False))
        if len(self.steps) < 2 or not rising or not self.steps[0] > 0 or self.steps[-1] != 1.0:
            raise InvalidInput(f"steps {self.steps} have to rise from above 0 to 1.0")

    @property
    def sequence(self) -> ConfidenceSequence:
        """Return the sequence that is narrowest about when a difference of `delta` can be told from none."""
        one = planned_sequence(planned_count=1, planned_variance=1.0, alpha=self.alpha)
        width = float(one.radius(np.float64(1.0), np.float64(1.0)))
        needed = (width * self.outcome_sd / self.delta) ** 2
        return planned_sequence(
            planned_count=max(1, round(needed)), planned_variance=self.outcome_sd**2, alpha=self.alpha
        )


class Rollout(msgspec.Struct, frozen=True, kw_only=True):
    """A rollout so far: its step, and sums over all customers scored. Start with `Rollout()`.

    `reason` says why it was stopped. `signal` sums scores, `information` their s(1 − s); the others are sums of
    squares and products of the two.
    """

    step: int = 0
    verdict: Verdict = Verdict.RUNNING
    reason: str = ""
    scored: int = 0
    candidates: int = 0
    step_scored: int = 0
    step_candidates: int = 0
    signal: float = 0.0
    information: float = 0.0
    squares: float = 0.0
    products: float = 0.0
    information_squares: float = 0.0


def share(plan: RolloutPlan, rollout: Rollout) -> float:
    """Return the share of customers that gets the new policy now."""
    if rollout.verdict is Verdict.STOPPED:
        return 0.0
    return 1.0 if rollout.verdict is Verdict.PROMOTED else plan.steps[rollout.step]


def gets_candidate(plan: RolloutPlan, rollout: Rollout, seed: str, name: str, person_id: PersonId) -> bool:
    """Tell whether a customer gets the new policy in the current step of the rollout called `name`."""
    return keyed_uniform(seed, "rollout", name, rollout.step, person_id) < share(plan, rollout)


def difference(plan: RolloutPlan, rollout: Rollout) -> Interval | NotEstimable:
    """Return an interval for what the new policy brings more a scored window, valid at every look."""
    if rollout.candidates < plan.first_look or rollout.information == 0:
        detail = f"{rollout.candidates} customers of the new policy are scored; judging begins at {plan.first_look}"
        return NotEstimable("too early", detail)
    value = rollout.signal / rollout.information
    spread = rollout.squares - 2 * value * rollout.products + value * value * rollout.information_squares
    reach = float(plan.sequence.radius(np.float64(max(spread, 0.0)), np.float64(rollout.information)))
    return Interval(value - reach, value + reach, 1 - plan.alpha)


def observe(
    plan: RolloutPlan,
    rollout: Rollout,
    candidate: npt.ArrayLike,
    outcomes: npt.ArrayLike,
    predicted: npt.ArrayLike = 0.0,
) -> Rollout:
    """Score customers whose windows have closed, and stop, stay, or go on.

    `candidate` (n,) tells who got the new policy at the current share, `outcomes` (n,) what they brought,
    `predicted` (n,) or one number what had been expected of each before the coin fell. Customers are scored once
    a step. Stops when the interval lies below 0; goes on to share s′ when the most that could cost the
    company, s′ times the interval's lower end, is less than `delta`: so to everybody when that end passes −`delta`.
    Raises `InvalidInput` for lengths that differ, or after the verdict.

    >>> plan = RolloutPlan(delta=1.0, outcome_sd=1.0, first_look=50)
    >>> luck = np.random.default_rng(1)
    >>> coin = luck.random(10_000) < 0.01
    >>> worse = observe(plan, Rollout(), coin, luck.normal(size=10_000) - 3 * coin)
    >>> worse.verdict, share(plan, worse)
    (<Verdict.STOPPED: 'stopped'>, 0.0)
    """
    if rollout.verdict is not Verdict.RUNNING:
        raise InvalidInput(f"the rollout was {rollout.verdict}; start another one")
    got, y = np.asarray(candidate, dtype=np.bool_), np.asarray(outcomes, dtype=np.float64)
    if got.shape != y.shape or y.ndim != 1 or not np.isfinite(y).all():
        raise InvalidInput(f"{got.shape} coins and {y.shape} outcomes; give one finite outcome a customer")
    s = plan.steps[rollout.step]
    score, told = (y - np.asarray(predicted, dtype=np.float64)) * (got - s), s * (1 - s)
    seen = msgspec.structs.replace(
        rollout,
        scored=rollout.scored + len(y),
        candidates=rollout.candidates + int(got.sum()),
        step_scored=rollout.step_scored + len(y),
        step_candidates=rollout.step_candidates + int(got.sum()),
        signal=rollout.signal + float(score.sum()),
        information=rollout.information + told * len(y),
        squares=rollout.squares + float(score @ score),
        products=rollout.products + told * float(score.sum()),
        information_squares=rollout.information_squares + told * told * len(y),
    )
    return _judged(plan, seen)


def _judged(plan: RolloutPlan, rollout: Rollout) -> Rollout:
    interval = difference(plan, rollout)
    if isinstance(interval, NotEstimable):
        return rollout
    if interval.high < 0:
        said = f"the new policy brings less: {interval.low:.4g} to {interval.high:.4g} a window"
        return msgspec.structs.replace(rollout, verdict=Verdict.STOPPED, reason=said)
    following = plan.steps[rollout.step + 1]
    if following * interval.low <= -plan.delta:
        return rollout
    uneven = sample_ratio_refusal(
        {"new": rollout.step_candidates, "old": rollout.step_scored - rollout.step_candidates},
        {"new": plan.steps[rollout.step], "old": 1 - plan.steps[rollout.step]},
    )
    if uneven is not None:
        return msgspec.structs.replace(rollout, verdict=Verdict.STOPPED, reason=uneven.detail)
    promoted = following == 1.0
    return msgspec.structs.replace(
        rollout,
        step=rollout.step + 1,
        verdict=Verdict.PROMOTED if promoted else Verdict.RUNNING,
        step_scored=0,
        step_candidates=0,
    )
