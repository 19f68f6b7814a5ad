"""A policy: everything that turns a request into probabilities over options, named by its content."""

from functools import cached_property
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from cvo.actions.bundles import Bundles, sharing
from cvo.actions.catalogue import Catalogue
from cvo.actions.levers import Levers
from cvo.actions.qualify import Qualifier
from cvo.actions.settings import Settings
from cvo.core.digest import digest
from cvo.decisions.creative import Rendering
from cvo.decisions.decision import Pins, Subject
from cvo.decisions.legend import Legend
from cvo.decisions.scored import packed_grades
from cvo.decisions.withholding import Withholding
from cvo.learning import Thompson
from cvo.valuation.models import Models
from cvo.valuation.score import Valuer


class Side(msgspec.Struct, frozen=True, eq=False):
    """A policy that decides for a share of the customers, and has that share of every resource to itself."""

    policy: "Policy"
    share: float


class Deciding(Protocol):
    """What decides at a time: one policy for all, or, while a rollout runs, one of two."""

    @property
    def policies(self) -> "tuple[Policy, ...]":
        """Return every policy that may decide."""
        ...

    @property
    def sides(self) -> tuple[Side, ...]:
        """Return the same with their shares, what runs first."""
        ...

    @property
    def step(self) -> str:
        """Return the name of the stretch of time in which the shares are these; empty with one policy for all."""
        ...

    def of(self, subject: Subject) -> "Policy":
        """Return the policy that decides for a customer."""
        ...


class Policy:
    """A catalogue, a snapshot of models and the decision settings, compiled once and then only read."""

    def __init__(self, catalogue: Catalogue, models: Models, settings: Settings) -> None:
        self.catalogue = catalogue
        self.models = models
        self.settings = settings
        self.choice = Thompson(settings.exploration, settings.optimistic, settings.floor)
        self._qualifiers: dict[str, Qualifier] = {}
        self._legends: dict[str, Legend] = {}
        self._levers: dict[str, Levers] = {}
        self._later_grades: dict[str, NDArray[np.uint8]] = {}

    @property
    def policies(self) -> "tuple[Policy, ...]":
        """Return this policy, which decides for everybody."""
        return (self,)

    @property
    def sides(self) -> tuple[Side, ...]:
        """Return this policy, which has everything to itself."""
        return (Side(self, 1.0),)

    @property
    def step(self) -> str:
        """Return nothing: nothing is shared."""
        return ""

    def of(self, _subject: Subject) -> "Policy":
        """Return this policy, whoever the customer is."""
        return self

    @cached_property
    def valuer(self) -> Valuer:
        """Return what scores the actions."""
        return Valuer(self.catalogue, self.models, self.settings.currency)

    @cached_property
    def rendering(self) -> Rendering:
        """Return what chooses the creative of an action."""
        return Rendering(self.catalogue, self.models.creatives, self.valuer, self.settings)

    def qualifier(self, placement: str) -> Qualifier:
        """Return what judges the actions at a placement; an unknown one raises `InvalidInput`."""
        if placement not in self._qualifiers:
            self._qualifiers[placement] = Qualifier(self.catalogue, placement, self.settings.currency)
        return self._qualifiers[placement]

    def legend(self, placement: str) -> Legend:
        """Return what the numbers in records of a placement stand for."""
        if placement not in self._legends:
            known = self.qualifier(placement)
            terms = self._same_for_all(known.bundles, known.channel)
            self._legends[placement] = Legend(known.actions, known.refusals, terms)
        return self._legends[placement]

    def _same_for_all(self, bundles: Bundles, channel: str) -> dict[str, bytes]:
        """Return the terms of scores that no customer changes: of a bundle those of its first action, and all costs."""
        valuer, lead = self.valuer, bundles.lead
        later = valuer.later(channel)
        terms = {
            "margin_per_response": valuer.margin_per_response[lead],
            "cost": bundles.together(valuer.cost),
            "clv_change": later.clv_change[lead],
            "patience": np.full(len(lead), later.patience),
            **({} if valuer.draws_tell else {"incrementality": valuer.kappa.mean[lead]}),
        }
        return {name: values.astype("<f8").tobytes() for name, values in terms.items()}

    def levers(self, channel: str) -> Levers:
        """Return what levers add to scores on a channel."""
        if channel not in self._levers:
            self._levers[channel] = Levers(self.catalogue, channel)
        return self._levers[channel]

    @cached_property
    def dearest_uses(self) -> dict[str, float]:
        """Return the most of each resource that one delivery takes, wherever."""
        dearest: dict[str, float] = {}
        for placement in self.catalogue.placements:
            for uses in self.qualifier(placement).uses.values():
                for resource, use in uses.items():
                    dearest[resource] = max(dearest.get(resource, 0.0), use)
        return dearest

    @cached_property
    def kept_back(self) -> frozenset[str]:
        """Return the resources of which rules anywhere ask how much is left, beside whether it reaches."""
        return frozenset().union(
            *(self.qualifier(placement).kept_back for placement in self.catalogue.placements)
        )

    @cached_property
    def names(self) -> NDArray[np.object_]:
        """Return the actions of the catalogue in their order, to be picked by an array of positions."""
        return np.array(self.catalogue.action_ids, dtype=np.object_)

    @cached_property
    def grades(self) -> NDArray[np.uint8]:
        """Return how the value of each action is known, as records have it, in the order of `names`."""
        return np.frombuffer(packed_grades(self.valuer.grades), dtype=np.uint8)

    def later_grades(self, channel: str) -> NDArray[np.uint8]:
        """Return how what comes after the window is known on a channel, in the order of `names`."""
        if channel not in self._later_grades:
            grades = packed_grades(self.valuer.later(channel).grades)
            self._later_grades[channel] = np.frombuffer(grades, dtype=np.uint8)
        return self._later_grades[channel]

    @cached_property
    def withheld_rates(self) -> NDArray[np.float64]:
        """Return with what probability the delivery of each action is withheld, in the order of `names`."""
        return np.array([self.withholding[action].rate for action in self.catalogue.action_ids])

    @cached_property
    def withholding(self) -> dict[str, Withholding]:
        """Return how deliveries of each action are withheld."""
        usual, shared = self.settings.withheld_rate, sharing(self.catalogue)
        return {
            key: Withholding(
                action.window_days,
                usual if action.withheld_rate is None else action.withheld_rate,
                shared.get(key, ()),
            )
            for key, action in self.catalogue.actions.items()
        }

    @cached_property
    def _settings_version(self) -> str:
        return digest(self.settings)

    def pins(self, person_version: int, stock_version: int = 0) -> Pins:
        """Return the names of all state a decision of this policy uses."""
        own = (self.catalogue.version, self.models.version, self._settings_version)
        return Pins(person_version, *own, stock_version)
