"""What a batch computed, column by column, and read row by row as the bytes and lists that records are made of.

A list is cut out of a longer one a hundred times faster than it is made of a row of an array.
"""

from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from cvo.actions.bundles import Bundles
from cvo.actions.qualify import CodeArray, Qualifier
from cvo.core.lazy import Lazy
from cvo.decisions.legend import Legend
from cvo.decisions.packed import WIDTH
from cvo.decisions.policy import Policy
from cvo.decisions.scored import LEAD, Scored
from cvo.valuation.later import Later
from cvo.valuation.score import Scores

if TYPE_CHECKING:
    from cvo.decisions import columns_loops
else:
    columns_loops = Lazy("cvo.decisions.columns_loops")

FloatArray = NDArray[np.float64]


_TYPES = {kind: np.dtype(f"<{kind}") for kind in "BHI"}


class Columns:
    """A batch's scores with what comes later, less `charges` plus `levers` (n, k), and what follows.

    A bundle's actions all have its score: what its first action is expected to bring, and later.

    `qualified` and `among`, the options, are (n, k), `probabilities` (n, k + 1). The numbers `first` (n,) in [0, 1)
    draw what each first slot gets.
    """

    def __init__(
        self,
        policy: Policy,
        qualifier: Qualifier,
        legend: Legend,
        codes: CodeArray,
        scores: Scores,
        *,
        first: FloatArray,
        charges: FloatArray | None = None,
        levers: FloatArray | None = None,
    ) -> None:
        scores, bundles = with_later(scores, policy.valuer.later(qualifier.channel)), qualifier.bundles
        if bundles:
            scores = as_one(scores, bundles)
            charges, levers = (None if each is None else bundles.together(each) for each in (charges, levers))
        if charges is not None:
            scores = msgspec.structs.replace(scores, mean=scores.mean - charges)
        if levers is not None:
            scores = msgspec.structs.replace(scores, mean=scores.mean + levers)
        self.scores, self._legend = scores, legend
        self.qualified = np.isfinite(scores.mean)
        self.among = self.qualified & bundles.options if bundles else self.qualified
        self.probabilities = policy.choice.probabilities(scores.mean, scores.sd, among=self.among)
        terms = {
            "response_probability": scores.response_probability,
            **({} if "incrementality" in legend.terms else {"incrementality": scores.incrementality}),
            "uplift": scores.uplift,
            **({} if levers is None else {"lever": levers}),
            **({} if charges is None else {"price": charges}),
            "score": scores.mean,
            "score_sd": scores.sd,
            **({} if not bundles else {LEAD: _leads(self.qualified, bundles)}),
        }
        tables = np.empty((len(terms), *codes.shape))
        for table, values in zip(tables, terms.values(), strict=True):
            table[:] = values
        self._rows = list(terms)
        self._lay_out(policy, qualifier, codes, first, tables)

    def _lay_out(
        self, policy: Policy, qualifier: Qualifier, codes: CodeArray, first: FloatArray, tables: FloatArray
    ) -> None:
        scored, terms, options, chances, delivered, refused, ends, drawn = columns_loops.laid_out(
            codes, self.qualified, self.among, self.probabilities, first, tables, policy.withheld_rates
        )
        place, code = _TYPES[self._legend.place_type], _TYPES[self._legend.code_type]
        self._place_width, self._code_width = place.itemsize, code.itemsize
        self._ends, self._option_ends = ends.tolist()
        self._drawn: list[int] = drawn.tolist()
        self._places = self._options = scored.astype(place).tobytes()
        bundles, channel = qualifier.bundles, qualifier.channel
        leads = bundles.lead.take(scored) if bundles else scored
        self._grades = policy.grades.take(leads).tobytes()
        self._later_grades = policy.later_grades(channel).take(leads).tobytes()
        if bundles:
            self._options = options.astype(place).tobytes()
        self._terms, self._chances, self._delivered = map(_bytes, (terms, chances, delivered))
        self._codes = refused.astype(code).tobytes()

    def scored(self, row: int) -> Scored:
        """Return the scores of a row's qualified actions, term by term."""
        start, end = self._ends[row], self._ends[row + 1]
        width, place = WIDTH * len(self._rows), self._place_width
        return Scored(
            self._legend,
            self._places[place * start : place * end],
            self._rows,
            self._terms[width * start : width * end],
            self._grades[start:end],
            self._later_grades[start:end],
        )

    def options(self, row: int) -> tuple[bytes, bytes, bytes]:
        """Return a row's options but nothing; the policy's probabilities; those of delivery as long as no coin fell."""
        start, end = self._option_ends[row], self._option_ends[row + 1]
        # Every row has nothing besides.
        mine, place = slice(WIDTH * (start + row), WIDTH * (end + row + 1)), self._place_width
        return self._options[place * start : place * end], self._chances[mine], self._delivered[mine]

    def drawn(self, row: int) -> int:
        """Return the number of the action that is drawn for a row's first slot; the number of actions for nothing."""
        return self._drawn[row]

    def refused(self, row: int) -> bytes:
        """Return what refuses each action of a row that is not scored."""
        # What comes before the row and is not scored.
        width, code = self.qualified.shape[1], self._code_width
        start, end = row * width - self._ends[row], (row + 1) * width - self._ends[row + 1]
        return self._codes[code * start : code * end]


def as_one(scores: Scores, bundles: Bundles) -> Scores:
    """Return scores (n, k) with those of a bundle at each of its actions.

    It brings what its first action is known to bring, with the others in its window, and costs what all of them cost.
    """
    lead, cost = bundles.lead, bundles.together(scores.cost)
    return msgspec.structs.replace(
        scores,
        mean=scores.mean[:, lead] - (cost - scores.cost[lead]),
        cost=cost,
        margin_per_response=scores.margin_per_response[lead],
        **{
            name: getattr(scores, name)[:, lead]
            for name in ("sd", "uplift", "response_probability", "incrementality")
        },
    )


def _leads(qualified: NDArray[np.bool_], bundles: Bundles) -> FloatArray:
    """Return for each action (n, k) which of a row's qualified ones stands for it among the options."""
    return (qualified.cumsum(axis=1) - 1)[:, bundles.lead].astype(np.float64)


def with_later(scores: Scores, later: Later) -> Scores:
    """Return scores of a window with what each action changes after it."""
    sd = scores.sd if later.certain else np.sqrt(scores.sd * scores.sd + later.variance)
    return msgspec.structs.replace(scores, mean=scores.mean + later.mean, sd=sd)


def _bytes(numbers: FloatArray) -> bytes:
    return numbers.astype("<f8", copy=False).tobytes()
