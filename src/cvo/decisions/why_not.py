"""Why an action was not done: one logged decision after the other, where it fell out, to whom, and by how much.

Pure over records: nothing is estimated here and nothing made again. A record names the first rule that refused, so
every decision falls out at exactly one step, and the steps form a funnel.
"""

from collections import Counter
from collections.abc import Iterable
from statistics import fmean, median

import msgspec

from cvo.actions.qualify import Refusal
from cvo.core.clock import Instant
from cvo.decisions.decision import NOTHING, Arm, Decision
from cvo.decisions.scored import Terms
from cvo.events.event import Delivery

_TIERS: dict[str, str] = {
    "status": "live here",
    "placement": "live here",
    "dates": "live here",
    "consent": "allowed",
    "eligible": "eligible",
    "applicable": "applicable",
    "suitable": "suitable",
    "conversation": "not held back",
    "quiet hours": "not held back",
    "contact limit": "within limits",
    "rest": "rested",
    "capacity": "affordable",
    "bundle": "with its bundle",
    "value": "valued",
}
STEPS = (*dict.fromkeys(_TIERS.values()), "not in control", "worth it", "chosen", "delivered")
"""What an action has to pass, in order."""


class Step(msgspec.Struct, frozen=True):
    """How many decisions reached a step of the funnel, and how many passed it."""

    name: str
    reached: int
    passed: int


class Stop(msgspec.Struct, frozen=True):
    """A rule that refused the action, how often, and when the last rest of them ends."""

    step: str
    tier: str
    rule: str
    decisions: int
    until: Instant | None


class Rival(msgspec.Struct, frozen=True):
    """What was chosen where the action could have been: how often, and means over these decisions.

    `gap` is the rival's score less the action's, in money; nothing has the score 0. `propensity` is the action's.
    `by_levers` counts the decisions in which the action would have been ahead had nobody's lever been pulled.
    """

    option: str
    decisions: int
    gap: float
    propensity: float
    by_levers: int = 0


class Shortfall(msgspec.Struct, frozen=True):
    """Decisions in which the action was expected to bring less than it takes: by prices alone, or at all.

    `lacking` is the median of what it lacks to break even, in money.
    """

    decisions: int
    priced_out: int
    lacking: float


class WhyNot(msgspec.Struct, frozen=True):
    """What became of an action in many decisions.

    `lever` is the median of what its score lacked against what was chosen, in money: with it, it would have led in half
    of these decisions. `None` where it was outranked in none.
    """

    action: str
    decisions: int
    customers: int
    currency: str
    funnel: list[Step]
    stops: list[Stop]
    shortfall: Shortfall | None
    rivals: list[Rival]
    lever: float | None


class _Fate(msgspec.Struct, frozen=True):
    """What became of the action in one decision: the step at which it fell out, if any."""

    step: str | None
    refusal: Refusal | None = None
    terms: Terms | None = None
    rival: str | None = None
    gap: float = 0.0
    propensity: float = 0.0
    by_lever: bool = False


def why_not(action: str, decisions: Iterable[Decision]) -> WhyNot:
    """Tell what became of an action in decisions whose catalogues had it; others are passed over."""
    fates: list[_Fate] = []
    customers: set[bytes] = set()
    currency = ""
    for decision in decisions:
        fate = _fate(action, decision)
        if fate is not None:
            fates.append(fate)
            customers.add(decision.person_id)
            currency = decision.currency
    outranked = [fate for fate in fates if fate.rival is not None]
    return WhyNot(
        action=action,
        decisions=len(fates),
        customers=len(customers),
        currency=currency,
        funnel=_funnel(fates),
        stops=_stops(fates),
        shortfall=_shortfall(fates),
        rivals=_rivals(outranked),
        lever=median(fate.gap for fate in outranked) if outranked else None,
    )


def _fate(action: str, decision: Decision) -> _Fate | None:
    refusal = decision.refused.get(action)
    if refusal is not None:
        return _Fate(_TIERS[refusal.tier], refusal)
    scores = dict(zip(decision.scored.actions, decision.scored.score, strict=True))
    if action not in scores:
        return None
    if decision.arm is Arm.CONTROL:
        return _Fate("not in control")
    for slot in decision.slots:
        if slot.chosen == action:
            return _Fate(None if slot.delivery is Delivery.DELIVERED else "delivered")
    terms = decision.scored.terms()[action]
    if terms.score <= 0:
        return _Fate("worth it", terms=terms)
    first, option = decision.slots[0], decision.scored.lead(action)
    worth = dict(zip(decision.scored.actions, decision.scored.worth(), strict=True))
    gap = scores.get(first.chosen, 0.0) - terms.score
    return _Fate(
        "chosen",
        rival=first.chosen,
        gap=gap,
        propensity=first.propensities[first.options.index(option)],
        by_lever=worth.get(first.chosen, 0.0) < worth[action] and gap > 0,
    )


def _funnel(fates: list[_Fate]) -> list[Step]:
    fallen = Counter(fate.step for fate in fates)
    steps, reached = [], len(fates)
    for name in STEPS:
        passed = reached - fallen[name]
        steps.append(Step(name, reached, passed))
        reached = passed
    return steps


def _stops(fates: list[_Fate]) -> list[Stop]:
    counts: Counter[tuple[str, str, str]] = Counter()
    ends: dict[tuple[str, str, str], Instant] = {}
    for fate in fates:
        if fate.refusal is not None and fate.step is not None:
            key = (fate.step, fate.refusal.tier, fate.refusal.rule)
            counts[key] += 1
            if fate.refusal.until is not None:
                ends[key] = max(fate.refusal.until, ends.get(key, fate.refusal.until))
    return [Stop(*key, count, ends.get(key)) for key, count in counts.most_common()]


def _shortfall(fates: list[_Fate]) -> Shortfall | None:
    short = [fate.terms for fate in fates if fate.terms is not None]
    if not short:
        return None
    priced_out = sum(terms.score + terms.price > 0 for terms in short)
    return Shortfall(len(short), priced_out, median(-terms.score for terms in short))


def _rivals(outranked: list[_Fate]) -> list[Rival]:
    by_option: dict[str, list[_Fate]] = {}
    for fate in outranked:
        by_option.setdefault(fate.rival or NOTHING, []).append(fate)
    rivals = [
        Rival(
            option,
            len(some),
            fmean(each.gap for each in some),
            fmean(each.propensity for each in some),
            sum(each.by_lever for each in some),
        )
        for option, some in by_option.items()
    ]
    return sorted(rivals, key=lambda rival: (-rival.decisions, rival.option))
