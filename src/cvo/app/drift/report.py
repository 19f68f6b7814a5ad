"""The report on drift: responses against their predictions, features and propensities against the weeks before."""

import msgspec

from cvo.app.company import Company
from cvo.app.drift.alarm import DriftAlarm
from cvo.app.drift.responses import response_alarms
from cvo.app.drift.weeks import WEEK, Seen, Weeks, feature_shifts, mass_shifts
from cvo.app.history import moments
from cvo.app.records import records
from cvo.app.state import running_catalogue
from cvo.core.clock import Instant
from cvo.core.errors import InvalidInput
from cvo.core.evidence import NotEstimable
from cvo.decisions.decision import Arm, Purpose
from cvo.learning import MassShift, Shift
from cvo.ledger.tables import tabulate
from cvo.valuation.features import FeatureReader

WEEKS = 4
REFERENCE_WEEKS = 12


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """The last full weeks against those before: alarms, and everything that was looked at.

    `features` and `propensities` are of the last full week against the reference period, which ends where the current
    weeks begin; `deliveries` is how many were held to the response that had been predicted.
    """

    reference_from: Instant
    current_from: Instant
    until: Instant
    alarms: list[DriftAlarm]
    features: dict[str, Shift | NotEstimable]
    propensities: dict[str, MassShift | NotEstimable]
    deliveries: int


def drift(company: Company, *, weeks: int = WEEKS) -> Drift | NotEstimable:
    """Compare the last full weeks of our own decisions with up to twelve before them; nothing is written.

    `NotEstimable` before there are two full weeks, or where the last one has no decisions.
    """
    if weeks < 1:
        raise InvalidInput(f"{weeks} weeks; look at 1 at least")
    now = company.clock.now()
    last = now // WEEK
    earliest = last - weeks - REFERENCE_WEEKS
    recent = (each for each in company.store.decisions(Purpose.LIVE) if each.at >= earliest * WEEK)
    decided = {
        made.decision_id: made
        for made in map(records(company.store), (each.body for each in recent))
        if made.arm is Arm.TREATED
    }
    facts = list(company.store.events())
    seen = {
        moment.decided.decision_id: Seen(
            moment.person_id, moment.situation, decided[moment.decided.decision_id]
        )
        for moment in moments(facts)
        if moment.decided.decision_id in decided
    }
    numbers = [each.situation.at // WEEK for each in seen.values() if each.situation.at // WEEK < last]
    first = max(min(numbers, default=last), earliest)
    if last - first < 2 or max(numbers) < last - 1:
        return NotEstimable("too few weeks", "drift is told from two full weeks of decisions of our own on")
    catalogue, current = running_catalogue(company.store), max(last - weeks, first + 1)
    span = Weeks(seen.values(), first, current, last)
    count, responses = response_alarms(tabulate(facts, company.config.currency), decided, catalogue, now)
    features, moved = feature_shifts(span, FeatureReader(catalogue, company.config.currency))
    propensities, shifted = mass_shifts(span)
    return Drift(
        reference_from=Instant(first * WEEK),
        current_from=Instant(current * WEEK),
        until=Instant(last * WEEK),
        alarms=[*responses, *moved, *shifted],
        features=features,
        propensities=propensities,
        deliveries=count,
    )
