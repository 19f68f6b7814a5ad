"""A reference period, and each full week since: features and propensities, each customer once in any of them."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from cvo.actions.situation import Situation
from cvo.app.drift.alarm import DriftAlarm, Watched
from cvo.core.clock import DAY, Instant
from cvo.core.evidence import NotEstimable
from cvo.core.ids import PersonId
from cvo.decisions.decision import NOTHING, Decision
from cvo.learning import MassShift, Shift, mass_shift, stability
from cvo.valuation.features import FeatureReader

FloatArray = NDArray[np.float64]

WEEK = 7 * DAY
CHANCE = 0.01
"""Of a false alarm at one look over all features together, and over all actions together."""

_MOST_BINS = 10


class Seen(msgspec.Struct, frozen=True):
    """A decision of our own, by whom it is about now, and the situation it was made in."""

    person_id: PersonId
    situation: Situation
    decision: Decision


Group = dict[PersonId, list[Seen]]


class Weeks:
    """The decisions from `first` to `last`, the latter left out; those before `current` are the reference."""

    def __init__(self, seen: Iterable[Seen], first: int, current: int, last: int) -> None:
        self.first, self.numbers = first, range(current, last)
        self.reference: Group = {}
        self.since: dict[int, Group] = {number: {} for number in self.numbers}
        for each in seen:
            week = each.situation.at // WEEK
            if first <= week < last:
                group = self.reference if week < current else self.since[week]
                group.setdefault(each.person_id, []).append(each)

    def alarm(
        self, what: Watched, name: str, shifts: Mapping[int, Shift | MassShift | NotEstimable], said: str
    ) -> list[DriftAlarm]:
        """Return an alarm if the last week is drifted, since the unbroken run of drifted weeks before it."""
        begun = None
        for week in reversed(self.numbers):
            found = shifts[week]
            if isinstance(found, NotEstimable) or not found.drifted:
                break
            begun = week
        if begun is None:
            return []
        return [DriftAlarm(what=what, name=name, since=Instant(begun * WEEK), said=said)]


def feature_shifts(
    weeks: Weeks, reader: FeatureReader
) -> tuple[dict[str, Shift | NotEstimable], list[DriftAlarm]]:
    """Return how far each feature moved by the last week, and the alarms; a customer counts as first seen."""
    before = _values(reader, weeks.reference)
    weekly = {week: _values(reader, group) for week, group in weeks.since.items()}
    found: dict[str, Shift | NotEstimable] = {}
    told: list[DriftAlarm] = []
    for name, kind in reader.kinds.items():
        counts = _by_tenth(before[name]) if kind == "number" else _by_level(before[name])
        chance = CHANCE / len(reader.kinds)
        shifts = {
            week: stability(counts(before[name]), counts(values[name]), chance=chance)
            for week, values in weekly.items()
        }
        found[name] = now = shifts[weeks.numbers[-1]]
        if not isinstance(now, NotEstimable):
            said = f"its distribution moved: stability index {now.index:.2f}, up to {now.by_chance:.2f} by chance"
            told += weeks.alarm(Watched.FEATURE, name, shifts, said)
    return found, told


def mass_shifts(weeks: Weeks) -> tuple[dict[str, MassShift | NotEstimable], list[DriftAlarm]]:
    """Return how the share of probability of each action moved by the last week, and the alarms."""
    groups = [weeks.reference, *weeks.since.values()]
    actions = sorted(
        {
            option
            for group in groups
            for rows in group.values()
            for each in rows
            for option in each.decision.slots[0].options
            if option != NOTHING
        }
    )
    found: dict[str, MassShift | NotEstimable] = {}
    told: list[DriftAlarm] = []
    for action in actions:
        before, chance = _shares(weeks.reference, action), CHANCE / len(actions)
        shifts = {
            week: mass_shift(before, _shares(group, action), chance=chance)
            for week, group in weeks.since.items()
        }
        found[action] = now = shifts[weeks.numbers[-1]]
        if not isinstance(now, NotEstimable):
            way = "collapsed" if now.now < now.before else "ran away"
            said = f"its share of probability {way}: from {now.before:.1%} to {now.now:.1%}"
            told += weeks.alarm(Watched.PROPENSITY, action, shifts, said)
    return found, told


def _shares(group: Group, action: str) -> FloatArray:
    """Return the mean propensity of an action for each customer; 0 where it did not qualify."""
    return np.array(
        [np.mean([_propensity(each.decision, action) for each in rows]) for rows in group.values()]
    )


def _propensity(decision: Decision, action: str) -> float:
    slot = decision.slots[0]
    return slot.propensities[slot.options.index(action)] if action in slot.options else 0.0


def _values(reader: FeatureReader, group: Group) -> Mapping[str, Sequence[object]]:
    return reader.values([rows[0].situation for rows in group.values()])


Counts = Callable[[Sequence[object]], FloatArray]


def _by_tenth(reference: Sequence[object]) -> Counts:
    """Return what counts numbers by the tenths of a reference, missing ones last."""
    known = [float(value) for value in reference if isinstance(value, int | float)]
    cuts = np.unique(np.quantile(known, np.arange(1, _MOST_BINS) / _MOST_BINS)) if known else np.empty(0)

    def counts(values: Sequence[object]) -> FloatArray:
        present = [float(value) for value in values if isinstance(value, int | float)]
        places = np.searchsorted(cuts, present, side="right")
        return np.append(np.bincount(places, minlength=len(cuts) + 1), len(values) - len(present)).astype(
            float
        )

    return counts


def _by_level(reference: Sequence[object]) -> Counts:
    """Return what counts values by the commonest levels of a reference, all others together, missing ones last."""
    names, sizes = np.unique([str(value) for value in reference if value is not None], return_counts=True)
    common = names[np.argsort(-sizes, kind="stable")][: _MOST_BINS - 1].tolist()

    def counts(values: Sequence[object]) -> FloatArray:
        given = [str(value) for value in values if value is not None]
        of = [given.count(name) for name in common]
        return np.array([*of, len(given) - sum(of), len(values) - len(given)], dtype=np.float64)

    return counts
