"""Policies that know less: what runs, but for what it sees of the moment, of a customer's history, or of the person.

Rules are kept: what they refuse stays refused. What only something unknown could allow is refused as well.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial

import msgspec
import numpy as np
from numpy.typing import NDArray

from cvo.actions.catalogue import Catalogue
from cvo.actions.qualify import QUALIFIED, Qualifier
from cvo.actions.settings import Settings
from cvo.actions.situation import Situation
from cvo.actions.stock import NO_STOCK
from cvo.app.what_if.log import Log
from cvo.app.what_if.parts import LEAST_CUSTOMERS, level
from cvo.app.what_if.reach import Made, picking
from cvo.decisions.decision import Slot
from cvo.decisions.policy import Policy
from cvo.profiles.profile import Profile
from cvo.valuation.models import Models
from cvo.valuation.score import Valuer

Forget = Callable[[Situation], Situation]


def _no_context(here: Situation) -> Situation:
    return msgspec.structs.replace(here, context={}, stock=NO_STOCK)


def _no_history(here: Situation) -> Situation:
    """Keep what customers said of themselves, and what they allow."""
    known = Profile(traits=here.profile.traits, consent=here.profile.consent)
    return msgspec.structs.replace(here, profile=known)


FORGOTTEN: Mapping[str, Forget] = {"context": _no_context, "history": _no_history}
"""What a policy can be asked without: the moment's context with stock, and what the customer did and got."""
PERSON = "person"
"""Without the person everybody gets what is usual in their segment."""


class Unknowing(Policy):
    """A policy on situations from which something was taken away; for questions alone, its decisions are not kept."""

    def __init__(self, catalogue: Catalogue, models: Models, settings: Settings, forget: Forget) -> None:
        super().__init__(catalogue, models, settings)
        self._forget = forget
        self._judges: dict[str, Qualifier] = {}

    @cached_property
    def valuer(self) -> Valuer:
        """Return what scores the actions."""
        return _Valuer(self.catalogue, self.models, self.settings.currency, self._forget)

    def qualifier(self, placement: str) -> Qualifier:
        """Return what judges the actions at a placement."""
        if placement not in self._judges:
            judge = _Qualifier(self.catalogue, placement, self.settings.currency, self._forget)
            self._judges[placement] = judge
        return self._judges[placement]


class _Valuer(Valuer):
    def __init__(self, catalogue: Catalogue, models: Models, currency: str, forget: Forget) -> None:
        super().__init__(catalogue, models, currency)
        self._forget = forget

    def design(self, situations: Sequence[Situation]) -> NDArray[np.float64]:
        return super().design([self._forget(here) for here in situations])


class _Qualifier(Qualifier):
    def __init__(self, catalogue: Catalogue, placement: str, currency: str, forget: Forget) -> None:
        super().__init__(catalogue, placement, currency)
        self._forget = forget

    def codes(self, situations: Sequence[Situation]) -> NDArray[np.int32]:
        really = super().codes(situations)
        unknowing = super().codes([self._forget(here) for here in situations])
        return np.where(really == QUALIFIED, unknowing, really)


def knowing(unknown: Sequence[str]) -> Made:
    """Return what makes policies that don't see what is named, as far as it is among `FORGOTTEN`."""
    taken = [FORGOTTEN[name] for name in unknown if name in FORGOTTEN]

    def forget(here: Situation) -> Situation:
        for each in taken:
            here = each(here)
        return here

    return partial(Unknowing, forget=forget) if taken else Policy


def usual(log: Log, slots: Sequence[Slot | None]) -> list[Slot | None]:
    """Return the slots with what was usual in the segment: how likely each option was where it qualified, on average.

    Every decision is a draw, so the most frequent option would be chance and, among many actions, mostly nothing.
    The average is of decisions up to each one: later ones know outcomes that nobody knew then.
    """
    segments = segments_of(log)
    sums: dict[tuple[str, str], list[float]] = {}
    found: list[Slot | None] = [None] * len(slots)
    for position in sorted(range(len(slots)), key=lambda number: log.at[number]):
        slot, segment = slots[position], segments[position]
        if slot is None:
            continue
        totals = [sums.setdefault((segment, option), [0.0, 0.0]) for option in slot.options]
        for total, chance in zip(totals, slot.propensities, strict=True):
            total[0] += chance
            total[1] += 1.0
        found[position] = _as_usual(slot, [chance / count for chance, count in totals])
    return found


def _as_usual(slot: Slot, chances: Sequence[float]) -> Slot:
    whole = sum(chances)
    return picking(slot, [chance / whole for chance in chances])


def segments_of(log: Log) -> list[str]:
    """Return the segment of each decision: its placement, and the levels of the catalogue's category features.

    Levels that fewer than a hundred decisions share are one segment of their placement.
    """
    columns = [log.features[name] for name, kind in log.kinds.items() if kind == "category"]
    places = [case.request.placement for case in log.cases]
    full = [
        ", ".join([place, *(level(column[row]) for column in columns)]) for row, place in enumerate(places)
    ]
    names, sizes = np.unique(np.array(full), return_counts=True)
    large = set(names[sizes >= LEAST_CUSTOMERS].tolist())
    return [name if name in large else place for name, place in zip(full, places, strict=True)]
