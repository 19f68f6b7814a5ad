"""Scores: what doing an action rather than nothing is expected to bring, term by term.

`score = τ + clv_change − patience − cost + lever − price`, with `τ = κ · p · m`: incrementality × response
probability × margin per response. Without draws κ is one number an action; draws make it the customer's own. What
comes after the window depends on action and channel, and is added by the decision, as levers and prices are.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from cvo.actions.catalogue import Catalogue
from cvo.actions.situation import Situation
from cvo.core.evidence import Grade, weakest
from cvo.core.lazy import Lazy
from cvo.learning import (
    Kappa,
    KappaAssumption,
    MarginModel,
    Predictor,
    ResponseModel,
    SharedPredictor,
    Stored,
    incrementality,
    mean_margin,
    pooled,
    response_probability,
    times,
    with_actions,
    with_new_actions,
)
from cvo.learning.moments import points
from cvo.valuation.assumptions import assumptions_of
from cvo.valuation.attributes import attribute_rows
from cvo.valuation.design import Design
from cvo.valuation.features import FeatureReader
from cvo.valuation.groups import Labels, groups_of, labels_of
from cvo.valuation.later import Later, later_by_channel
from cvo.valuation.models import Models
from cvo.valuation.uplift import UpliftScorer

if TYPE_CHECKING:
    from cvo.valuation import score_loops
else:
    score_loops = Lazy("cvo.valuation.score_loops")

FloatArray = NDArray[np.float64]
Moments = tuple[FloatArray, FloatArray]


class Scores(msgspec.Struct, frozen=True, eq=False):
    """Scores of n situations × k actions inside the window, in major units; per action where an array is (k,).

    `mean` and `sd` (n, k) are of the score, the rest its ingredients; `incrementality` (n, k) is the share of the
    attributed margin that is caused: times probability and margin it is the `uplift`. NaN stands where no score
    was wanted, and for an action that nothing gives a value.
    """

    mean: FloatArray
    sd: FloatArray
    uplift: FloatArray
    response_probability: FloatArray
    margin_per_response: FloatArray
    incrementality: FloatArray
    cost: FloatArray
    grades: tuple[Grade, ...]


class Valuer:
    """Scores the actions of one catalogue with one snapshot of models.

    An action the snapshot has not met is scored by what its team and stage have taught; one that the catalogue
    does not have is not scored, and still teaches what is common to all. `kappa` is the
    posterior of each action's incrementality.
    """

    def __init__(self, catalogue: Catalogue, models: Models, currency: str) -> None:
        self.actions = catalogue.action_ids
        self.reader = FeatureReader(catalogue, currency)
        self._encoder = models.encoder
        self._design = Design(self.reader, models.encoder)
        new = [action for action in self.actions if action not in models.actions]
        self._learned = [*models.actions, *new]
        self._columns = np.array([self._learned.index(a) for a in self.actions], dtype=np.int64)
        labels = labels_of(catalogue, self._learned)
        groups = groups_of(labels)
        self._predictor = self._responding(catalogue, models, labels)
        self._margin, margin_grades = self._margins(catalogue, models, len(new), groups)
        self.kappa = self._incrementality(catalogue, models, groups)
        self._caused = (self.kappa.mean, self.kappa.sd**2)
        self._uplift = None
        if models.uplift is not None:
            self._uplift = UpliftScorer(catalogue, models.uplift, self.actions)
        self.grades = self._grades(margin_grades)
        known = self._margin[0][np.isfinite(self._margin[0])]
        usual = float(np.median(known)) if len(known) else 0.0
        self._later = later_by_channel(catalogue, assumptions_of(catalogue), models.later, usual)
        self._cost = np.array([float(catalogue.actions[a].contact_cost) for a in catalogue.action_ids])

    @property
    def margin_per_response(self) -> FloatArray:
        """Return the margin of a response (k,), in major units; NaN for an action that nothing gives a value."""
        return self._margin[0]

    @property
    def cost(self) -> FloatArray:
        """Return the cost of a contact (k,), in major units."""
        return self._cost

    @property
    def draws_tell(self) -> bool:
        """Tell whether draws taught what an action causes for whom: without, κ is one number an action."""
        return self._uplift is not None

    def design(self, situations: Sequence[Situation]) -> FloatArray:
        """Return the n×d rows that the models see."""
        return self._design.rows(situations)

    def score(self, design: FloatArray, wanted: NDArray[np.bool_]) -> Scores:
        """Score the `wanted` (n, k) cells, the others NaN; a cell's result does not depend on the others."""
        rows, columns = np.nonzero(wanted)
        predicted = self._predictor.cells(design, rows, self._columns[columns])
        if self._uplift is None:
            tables = score_loops.valued(
                rows, columns, predicted, self._margin, self._caused, self._cost, len(design), points()
            )
        else:
            probability = response_probability(*predicted)
            attributed = times(probability, self._margin, columns)
            uplift, variance = self._uplift.cells(attributed, design, rows, columns)
            kappa = self.kappa.mean[columns]
            np.divide(uplift, attributed[0], out=kappa, where=attributed[0] > 0)
            cells = (uplift, variance, probability[0], kappa)
            tables = score_loops.placed(rows, columns, cells, self._cost, len(design))
        return Scores(
            mean=tables[0],
            sd=tables[1],
            uplift=tables[2],
            response_probability=tables[3],
            margin_per_response=self._margin[0],
            incrementality=tables[4],
            cost=self._cost,
            grades=self.grades,
        )

    def later(self, channel: str) -> Later:
        """Return what each action changes after its window when it is done on a channel."""
        return self._later[channel]

    def attributed(self, design: FloatArray) -> FloatArray:
        """Return p·m (n, k): the margin that the response model attributes to a delivery."""
        probability, _ = response_probability(*self._predictor(design, self._columns))
        return probability * self._margin[0]

    def _grades(self, margins: list[Grade]) -> tuple[Grade, ...]:
        """Return how each action's τ is known.

        Who responds is observed, never randomised: what rests on p·m can't be better than that.
        """
        caused = self.kappa.grade
        if self._uplift is not None:
            typical = np.eye(1, len(self._encoder.names))
            caused = self._uplift.grades(self.attributed(typical)[0])
        return tuple(
            grade
            if self._uplift is not None and grade is Grade.MEASURED
            else weakest(grade, margin, Grade.OBSERVATIONAL)
            for grade, margin in zip(caused, margins, strict=True)
        )

    def _responding(
        self, catalogue: Catalogue, models: Models, labels: Labels
    ) -> Predictor | SharedPredictor:
        """Return what predicts responses of all actions, those the models have not met after the others."""
        response, known = models.response, len(models.actions)
        if isinstance(response, ResponseModel):
            if labels == models.labels:
                return Predictor(response)
            return Predictor(
                pooled(with_new_actions(response, len(self._learned) - known), groups_of(labels))
            )
        rows = np.zeros((len(self._learned), response.attributes.shape[1]))
        rows[:known] = response.attributes.read()
        here = [number for number, action in enumerate(self._learned) if action in catalogue.actions]
        rows[here] = attribute_rows(models.attributes, catalogue, [self._learned[number] for number in here])
        return SharedPredictor(with_actions(response, rows))

    def _margins(
        self, catalogue: Catalogue, models: Models, new: int, groups: list[NDArray[np.int64]]
    ) -> tuple[Moments, list[Grade]]:
        stated = [catalogue.actions[action].value for action in catalogue.action_ids]
        mean = np.array([np.nan if value is None else float(value) for value in stated])
        variance = mean**2
        grades = [Grade.ASSUMED] * len(stated)
        if models.margins is None:
            return (mean, variance), grades
        learned = mean_margin(_with_new(models.margins, new), groups)
        for position, column in enumerate(self._columns):
            if stated[position] is None or learned.grade[column] is Grade.OBSERVATIONAL:
                mean[position] = learned.mean[column]
                variance[position] = learned.variance[column]
                grades[position] = learned.grade[column]
        return (mean, variance), grades

    def _incrementality(self, catalogue: Catalogue, models: Models, groups: list[NDArray[np.int64]]) -> Kappa:
        assumed = assumptions_of(catalogue)["incrementality"]
        kappa = incrementality(
            np.array([self._learned.index(effect.action) for effect in models.effects], dtype=np.int64),
            [effect.caused for effect in models.effects],
            [effect.standard_error for effect in models.effects],
            [effect.predicted for effect in models.effects],
            count=len(self._learned),
            groups=groups,
            assumption=KappaAssumption(assumed.value, assumed.standard_deviation),
        )
        grades = tuple(kappa.grade[column] for column in self._columns)
        return Kappa(kappa.mean[self._columns], kappa.sd[self._columns], grades)


def _with_new(margins: MarginModel, count: int) -> MarginModel:
    """Append actions without responses; pooling teaches them."""
    nothing = np.zeros(count)
    return msgspec.structs.replace(
        margins,
        **{
            name: Stored.of(np.concatenate([getattr(margins, name).read(), nothing]))
            for name in ("count", "total", "squares")
        },
    )
