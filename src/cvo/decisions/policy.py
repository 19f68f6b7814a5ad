"""A policy: everything that turns a request into probabilities over options, named by its content."""

from functools import cached_property

from cvo.actions.catalogue import Catalogue
from cvo.actions.qualify import Qualifier
from cvo.actions.settings import Settings
from cvo.core.digest import digest
from cvo.decisions.decision import Pins
from cvo.learning import Thompson
from cvo.valuation.models import Models
from cvo.valuation.score import Valuer


class Policy:
    """A catalogue, a snapshot of models and the decision settings, compiled once and then only read."""

    def __init__(self, catalogue: Catalogue, models: Models, settings: Settings) -> None:
        self.catalogue = catalogue
        self.models = models
        self.settings = settings
        self.choice = Thompson(scale=settings.exploration, floor=settings.floor)
        self._qualifiers: dict[str, Qualifier] = {}

    @cached_property
    def valuer(self) -> Valuer:
        """Return what scores the actions."""
        return Valuer(self.catalogue, self.models, self.settings.currency)

    def qualifier(self, placement: str) -> Qualifier:
        """Return what judges the actions at a placement; an unknown one raises `InvalidInput`."""
        if placement not in self._qualifiers:
            self._qualifiers[placement] = Qualifier(self.catalogue, placement, self.settings.currency)
        return self._qualifiers[placement]

    def withheld_rate(self, action: str) -> float:
        """Return the probability with which a chosen delivery of the action is withheld."""
        own = self.catalogue.actions[action].withheld_rate
        return self.settings.withheld_rate if own is None else own

    def pins(self, person_version: int) -> Pins:
        """Return the names of all state a decision of this policy uses."""
        return Pins(person_version, self.catalogue.version, self.models.version, digest(self.settings))
