"""What a batch computed, column by column, and read row by row as the bytes and lists that records are made of.

A list is cut out of a longer one a hundred times faster than it is made of a row of an array.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

from cvo.actions.bundles import NO_BUNDLES, Bundles
from cvo.actions.qualify import QUALIFIED, CodeArray
from cvo.decisions.decision import LEAD, NOTHING, Scored
from cvo.decisions.policy import Policy
from cvo.valuation.score import Scores

FloatArray = NDArray[np.float64]


class Columns:
    """A batch's scores less `charges` plus `levers` (n, k), and what follows; a bundle's actions all have its score.

    `qualified` and `among`, the options, are (n, k), `probabilities` (n, k + 1).
    """

    def __init__(
        self,
        policy: Policy,
        codes: CodeArray,
        scores: Scores,
        *,
        charges: FloatArray | None = None,
        levers: FloatArray | None = None,
        bundles: Bundles = NO_BUNDLES,
    ) -> None:
        if bundles:
            scores = as_one(scores, bundles)
            charges, levers = (None if each is None else bundles.together(each) for each in (charges, levers))
        if charges is not None:
            scores = msgspec.structs.replace(scores, mean=scores.mean - charges)
        if levers is not None:
            scores = msgspec.structs.replace(scores, mean=scores.mean + levers)
        self.scores = scores
        self.qualified = np.isfinite(scores.mean)
        self.among = self.qualified & bundles.options if bundles else self.qualified
        self.probabilities = policy.choice.probabilities(scores.mean, scores.sd, among=self.among)
        # One index into a flat array is three times as fast as two into a table.
        names, cells = policy.names, np.flatnonzero(self.qualified)
        positions = cells % self.qualified.shape[1]
        self._ends = _ends(self.qualified)
        self._actions: list[str] = names.take(positions).tolist()
        terms = {
            "response_probability": scores.response_probability.take(cells),
            "margin_per_response": scores.margin_per_response.take(positions),
            "incrementality": scores.incrementality.take(cells),
            "uplift": scores.uplift.take(cells),
            "cost": scores.cost.take(positions),
            **({} if levers is None else {"lever": levers.take(cells)}),
            **({} if charges is None else {"price": charges.take(cells)}),
            "score": scores.mean.take(cells),
            "score_sd": scores.sd.take(cells),
            **({} if not bundles else {LEAD: _leads(self.qualified, bundles).take(cells)}),
        }
        self._rows, self._table = list(terms), np.array(list(terms.values()), dtype="<f8")
        self._grades = policy.grades.take(bundles.lead.take(positions) if bundles else positions)
        self._offered(policy)
        self._refused(names, codes)

    def _offered(self, policy: Policy) -> None:
        cells = np.flatnonzero(self.among)
        positions = cells % self.among.shape[1]
        self._option_ends = _ends(self.among)
        self._options: list[str] = policy.names.take(positions).tolist()
        here = np.ones(self.probabilities.shape, dtype=np.bool_)
        here[:, :-1] = self.among
        self._chances = self.probabilities.take(np.flatnonzero(here)).astype("<f8")
        chances = self.probabilities[:, :-1].take(cells)
        self._delivered: list[float] = (chances * (1.0 - policy.withheld_rates.take(positions))).tolist()

    def _refused(self, names: NDArray[np.object_], codes: CodeArray) -> None:
        others = ~self.qualified
        cells = np.flatnonzero(others)
        rows, positions = np.divmod(cells, codes.shape[1])
        found = codes.take(cells) - QUALIFIED
        seen = np.zeros((len(codes), found.max(initial=0) + 1), dtype=np.bool_)
        seen[rows, found] = True
        self._refused_ends, self._code_ends = _ends(others), _ends(seen)
        self._refused_actions: list[str] = names.take(positions).tolist()
        self._refused_by: list[int] = (seen.cumsum(axis=1) - 1)[rows, found].tolist()
        self._codes: list[int] = (np.nonzero(seen)[1] + QUALIFIED).tolist()

    def scored(self, row: int) -> Scored:
        """Return the scores of a row's qualified actions, term by term."""
        start, end = self._ends[row], self._ends[row + 1]
        table, grades = self._table[:, start:end].tobytes(), self._grades[start:end].tobytes()
        return Scored(self._actions[start:end], self._rows, table, grades)

    def options(self, row: int) -> tuple[list[str], bytes, list[float]]:
        """Return a row's options, nothing last; the policy's probabilities; those of delivery but of nothing."""
        start, end = self._option_ends[row], self._option_ends[row + 1]
        chances = self._chances[start + row : end + row + 1].tobytes()
        return [*self._options[start:end], NOTHING], chances, self._delivered[start:end]

    def refused(self, row: int) -> tuple[list[str], list[int], list[int]]:
        """Return a row's refused actions, for each a number, and the codes of refusals that numbers stand for."""
        mine = slice(self._refused_ends[row], self._refused_ends[row + 1])
        codes = self._codes[self._code_ends[row] : self._code_ends[row + 1]]
        return self._refused_actions[mine], self._refused_by[mine], codes


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


def _ends(cells: NDArray[np.bool_]) -> list[int]:
    """Return where each row's cells begin among all, and after the last where they end."""
    return [0, *cells.sum(axis=1).cumsum().tolist()]
