"""Three usual ways of choosing, as policies of the product: only how actions are ranked differs from the arbiter.

What qualifies, contact limits and volumes are the product's, and P×V ranking has its models as well. Rivals leave
nobody alone for the sake of measuring, and pay no price for what is scarce: they use it until it is gone.
"""

from collections.abc import Callable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from cvo.actions.catalogue import Action, Catalogue
from cvo.actions.settings import Settings
from cvo.actions.situation import Situation
from cvo.app.company import Company
from cvo.app.history import moments
from cvo.app.learn import windows_of
from cvo.app.simulate.drive import learned
from cvo.app.simulate.messages import START
from cvo.app.state import running_policy
from cvo.core.clock import DAY
from cvo.decisions.policy import Policy
from cvo.events.event import Delivery
from cvo.ledger.attributed import responses_to_deliveries
from cvo.ledger.margin import margins
from cvo.ledger.tables import tabulate
from cvo.profiles.facts import Argument, fact
from cvo.valuation.assumptions import assumptions_of
from cvo.valuation.models import Models
from cvo.valuation.score import Scores, Valuer

FloatArray = NDArray[np.float64]

BEFORE_ANY_PRICE = 1e200
"""Rivals use a volume until it is gone: no price comes near such a score."""

PLANNING_WEEKS = 4
"""How often models are learned, and campaigns planned, anew."""


class RankedValuer(Valuer):
    """Scores actions in another way than by what they cause; what scores 0 or less is not done."""

    def __init__(self, catalogue: Catalogue, models: Models, currency: str, rank: "Rank") -> None:
        super().__init__(catalogue, models, currency)
        self._rank = rank
        self._situations: Sequence[Situation] = ()

    def design(self, situations: Sequence[Situation]) -> FloatArray:
        """Return the rows that the models see, and keep the situations that they are of."""
        self._situations = situations
        return super().design(situations)

    def score(self, design: FloatArray, wanted: NDArray[np.bool_]) -> Scores:
        """Score the wanted cells, surely: nothing is drawn but from the floor."""
        scores = super().score(design, wanted)
        mean = np.where(wanted, self._rank(self, scores, self._situations), np.nan)
        return msgspec.structs.replace(scores, mean=mean, sd=np.where(wanted, 0.0, np.nan))


Rank = Callable[[RankedValuer, Scores, Sequence[Situation]], FloatArray]
"""Returns a score (n, k) of every action for every situation."""


class Ranked(Policy):
    """A policy that does what ranks first, but for a small share for learning what is responded to."""

    def __init__(self, catalogue: Catalogue, models: Models, settings: Settings, rank: Rank) -> None:
        greedy = msgspec.structs.replace(settings, exploration=0.0, withheld_rate=0.0, control_rate=0.0)
        super().__init__(catalogue, models, greedy)
        self._valuer = RankedValuer(catalogue, models, settings.currency, rank)

    @property
    def valuer(self) -> Valuer:
        """Return what ranks the actions."""
        return self._valuer


class Learning:
    """The product as it is, learning from its own log every four weeks: a year of weekly learning takes long."""

    def __init__(self) -> None:
        self._policy: Policy | None = None

    def __call__(self, company: Company) -> Policy:
        """Return the policy of the week that begins."""
        if self._policy is None or _week(company) % PLANNING_WEEKS == 0:
            self._policy = self._made(learned(company))
        return self._policy

    def _made(self, policy: Policy) -> Policy:
        return policy


class ResponseTimesValue(Learning):
    """P×V: response probability × margin of a response less the cost of a contact, with the product's own models."""

    def _made(self, policy: Policy) -> Policy:
        def rank(_valuer: RankedValuer, scores: Scores, _situations: Sequence[Situation]) -> FloatArray:
            return BEFORE_ANY_PRICE * (scores.response_probability * scores.margin_per_response - scores.cost)

        return Ranked(policy.catalogue, policy.models, policy.settings, rank)


class Calendar:
    """Business as usual: every week another action for everybody, and the lifecycle programmes all year round.

    Actions take turns on each placement, in the catalogue's order. A programme is an action with engagement rules; it
    goes to those who qualify where the week's action does not.
    """

    def __call__(self, company: Company) -> Policy:
        """Return the policy of the week that begins."""
        policy = running_policy(company.store, company.config.settings)
        week = _week(company)
        actions = policy.catalogue.actions
        programmes = np.array([bool(action.eligible) for action in actions.values()])
        turns = {
            placement: [
                key for key, action in actions.items() if _goes_to(action, placement) and not action.eligible
            ]
            for placement in policy.catalogue.placements
        }
        promoted = {
            placement: np.array([key == keys[week % len(keys)] for key in actions])
            for placement, keys in turns.items()
        }

        def rank(_valuer: RankedValuer, _scores: Scores, situations: Sequence[Situation]) -> FloatArray:
            now = np.array([promoted[situation.placement] for situation in situations])
            return BEFORE_ANY_PRICE * (now + 0.5 * programmes)

        return Ranked(policy.catalogue, policy.models, policy.settings, rank)


class Segments:
    """Segment campaigns: each segment by recency, frequency and spend gets what it responded to best so far.

    Campaigns are planned every four weeks, from the responses to all deliveries until then; an action that a segment
    hardly had counts as responded to like the action by all, and before there is anything, by all actions alike.
    """

    _weight = 20.0
    """How many deliveries the usual response counts for."""

    def __init__(self) -> None:
        self._rates: FloatArray = np.zeros((SEGMENTS, 0))

    def __call__(self, company: Company) -> Policy:
        """Return the policy of the week that begins."""
        policy = running_policy(company.store, company.config.settings)
        if _week(company) % PLANNING_WEEKS == 0:
            self._rates = self._planned(company, policy)
        rates = self._rates

        def rank(_valuer: RankedValuer, _scores: Scores, situations: Sequence[Situation]) -> FloatArray:
            return BEFORE_ANY_PRICE * rates[_segments(situations)]

        return Ranked(policy.catalogue, policy.models, policy.settings, rank)

    def _planned(self, company: Company, policy: Policy) -> FloatArray:
        """Return the response rate (segments, k), pulled to the action's own where there is little."""
        shown, responded = _responses(company, policy.catalogue)
        usual = (responded.sum() + 1) / (shown.sum() + 20)
        of_action = (responded.sum(axis=0) + usual * self._weight) / (shown.sum(axis=0) + self._weight)
        rates: FloatArray = (responded + of_action * self._weight) / (shown + self._weight)
        return rates


SEGMENTS = 12
"""Recency (no order yet, within 60 days, longer) × orders in 90 days (up to one, more) × spend of these (low, high)."""


RECENT_DAYS, MUCH_SPENT = 60, 60.0
_RFM: list[tuple[str, tuple[Argument, ...]]] = [
    ("days_since", ("order",)),
    ("orders", (90,)),
    ("spend", (90,)),
]


def _segments(situations: Sequence[Situation]) -> NDArray[np.int64]:
    """Return the segment of each situation's customer, as they stood then."""
    return np.array([_segment(situation) for situation in situations], dtype=np.int64)


def _segment(situation: Situation) -> int:
    asked = (fact(name, given, currency="EUR")(situation.profile, situation.at) for name, given in _RFM)
    days, orders, spent = (answer if isinstance(answer, float | int) else None for answer in asked)
    recency = 0 if days is None else 1 if days <= RECENT_DAYS else 2
    return recency * 4 + ((orders or 0) > 1) * 2 + ((spent or 0) > MUCH_SPENT)


def _week(company: Company) -> int:
    return (company.clock.now() - START) // (7 * DAY)


def _goes_to(action: Action, placement: str) -> bool:
    return any(creative.placement == placement for creative in action.creatives.values())


def _responses(company: Company, catalogue: Catalogue) -> tuple[FloatArray, FloatArray]:
    """Return how often each segment was shown each action, and responded (segments, k), windows closed by now."""
    facts = list(company.store.events())
    tables = tabulate(facts, company.config.currency)
    rate = assumptions_of(catalogue)["margin_rate"].value
    resolved = responses_to_deliveries(
        tables.decisions,
        tables.responses,
        margins(tables.orders, tables.refunds, rate, tables.costs),
        response_of={key: action.response for key, action in catalogue.actions.items()},
        window_days=windows_of(catalogue),
        as_of=company.clock.now(),
    )
    answers = {
        (person, decision): responded
        for person, decision, responded in resolved.select(
            "person_id", "decision_id", "responded"
        ).iter_rows()
    }
    shown, answered = np.zeros((2, SEGMENTS, len(catalogue.actions)))
    for moment in moments(facts):
        answer = answers.get((moment.person_id, moment.decided.decision_id))
        if moment.decided.delivery is Delivery.DELIVERED and answer is not None:
            cell = _segment(moment.situation), catalogue.action_ids.index(moment.decided.delivered)
            shown[cell] += 1
            answered[cell] += answer
    return shown, answered
