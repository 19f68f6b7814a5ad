"""Choosing the creative of the action that was picked: a draw of its own, of a known probability."""

from collections.abc import Callable, Sequence
from functools import cache

import msgspec
import numpy as np
from numpy.typing import NDArray

from cvo.actions.catalogue import Catalogue
from cvo.actions.settings import Settings
from cvo.actions.situation import Situation
from cvo.learning import draw, winning, with_floor
from cvo.valuation.creatives import Creatives, CreativeScorer
from cvo.valuation.score import Valuer


class Rendered(msgspec.Struct, frozen=True):
    """The creative that was drawn, and the probability it was drawn with, given the action."""

    key: str
    propensity: float


class Rendering:
    """Chooses creatives under one policy; an action's are compiled when it is first picked."""

    def __init__(
        self, catalogue: Catalogue, creatives: Creatives | None, valuer: Valuer, settings: Settings
    ) -> None:
        self._catalogue, self._creatives = catalogue, creatives
        self._valuer, self._settings = valuer, settings
        self._fitting, self._scorer = cache(self._fits), cache(self._compiled)

    def choose(
        self, action: str, left: Sequence[str], situation: Situation, uniform: Callable[[], float]
    ) -> Rendered:
        """Choose among the creatives that rules leave in a situation, with a number in [0, 1) where there is a choice.

        The one drawn has the largest of independent draws of its expected response (Thompson sampling); the policy's
        floor is spread over all.
        """
        if len(left) == 1:
            return Rendered(left[0], 1.0)
        probabilities = self._probabilities(action, left, situation)
        chosen = int(draw(probabilities, uniform()))
        return Rendered(left[chosen], float(probabilities[chosen]))

    def _probabilities(self, action: str, left: Sequence[str], situation: Situation) -> NDArray[np.float64]:
        scorer = self._scorer(action, situation.placement)
        if scorer is None:
            return np.full(len(left), 1.0 / len(left))
        mean, variance = scorer(self._valuer.design([situation]))
        every = self._fitting(action, situation.placement)
        columns = [every.index(key) for key in left]
        won = winning(mean[:, columns], self._settings.exploration * np.sqrt(variance[:, columns]))
        return np.asarray(with_floor(won, self._settings.floor)[0])

    def _fits(self, action: str, placement: str) -> list[str]:
        creatives = self._catalogue.actions[action].creatives
        return sorted(key for key, creative in creatives.items() if creative.placement == placement)

    def _compiled(self, action: str, placement: str) -> CreativeScorer | None:
        if self._creatives is None:
            return None
        names = [(action, key) for key in self._fitting(action, placement)]
        return CreativeScorer(self._catalogue, self._creatives, names)
