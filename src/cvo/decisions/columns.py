"""What a batch computed, column by column, and read row by row as the bytes and lists that records are made of.

A list is cut out of a longer one a hundred times faster than it is made of a row of an array.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

from cvo.actions.bundles import NO_BUNDLES, Bundles
from cvo.actions.qualify import QUALIFIED, CodeArray
from cvo.decisions.decision import LEAD, NOTHING, Scored
from cvo.decisions.packed import WIDTH
from cvo.decisions.policy import Policy
from cvo.valuation.later import Later
from cvo.valuation.score import Scores

FloatArray = NDArray[np.float64]


class Columns:
    """A batch's scores with what comes later, less `charges` plus `levers` (n, k), and what follows.

    A bundle's actions all have its score: what its first action is expected to bring, and later.

    `qualified` and `among`, the options, are (n, k), `probabilities` (n, k + 1).
    """

    def __init__(
        self,
        policy: Policy,
        codes: CodeArray,
        scores: Scores,
        channel: str,
        *,
        charges: FloatArray | None = None,
        levers: FloatArray | None = None,
        bundles: Bundles = NO_BUNDLES,
    ) -> None:
        later = policy.valuer.later(channel)
        scores = with_later(scores, later)
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
        # What is known of a bundle is what is known of its first action.
        own = later.clv_change[bundles.lead] if bundles else later.clv_change
        shown = own if own.any() else None
        terms = {
            "response_probability": scores.response_probability,
            "margin_per_response": scores.margin_per_response,
            "incrementality": scores.incrementality,
            "uplift": scores.uplift,
            **({} if shown is None else {"clv_change": shown}),
            **({"patience": later.patience} if later.patience else {}),
            "cost": scores.cost,
            **({} if levers is None else {"lever": levers}),
            **({} if charges is None else {"price": charges}),
            "score": scores.mean,
            "score_sd": scores.sd,
            **({} if not bundles else {LEAD: _leads(self.qualified, bundles)}),
        }
        tables = np.empty((len(terms), *codes.shape))
        for table, values in zip(tables, terms.values(), strict=True):
            table[:] = values
        self._rows, self._bundles = list(terms), bundles
        self._lay_out(policy, codes, tables, channel)

    def _lay_out(self, policy: Policy, codes: CodeArray, tables: FloatArray, channel: str) -> None:
        # Imported late: the compiler takes a third of a second, and `import cvo` has less.
        from cvo.decisions.columns_loops import laid_out

        names, rates = policy.names, policy.withheld_rates
        scored, terms, options, chances, delivered, refused, refused_by, found, ends = laid_out(
            codes,
            self.qualified,
            self.among,
            self.probabilities,
            tables,
            rates,
            int(codes.max(initial=QUALIFIED)) - QUALIFIED,
        )
        self._ends = _ends(self.qualified)
        self._actions: list[str] = names.take(scored).tolist()
        self._terms = _bytes(terms)
        leads = self._bundles.lead.take(scored) if self._bundles else scored
        self._grades = policy.grades.take(leads).tobytes()
        self._later_grades = policy.later_grades(channel).take(leads).tobytes()
        self._option_ends, self._options = self._ends, self._actions
        if self._bundles:
            self._option_ends, self._options = _ends(self.among), names.take(options).tolist()
        self._chances, self._delivered = _bytes(chances), _bytes(delivered)
        self._refused_actions: list[str] = names.take(refused).tolist()
        self._refused_by: list[int] = refused_by.tolist()
        self._codes: list[int] = found.tolist()
        self._code_ends: list[int] = [0, *ends.tolist()]

    def scored(self, row: int) -> Scored:
        """Return the scores of a row's qualified actions, term by term."""
        start, end = self._ends[row], self._ends[row + 1]
        width = WIDTH * len(self._rows)
        table = self._terms[width * start : width * end]
        grades, later = self._grades[start:end], self._later_grades[start:end]
        return Scored(self._actions[start:end], self._rows, table, grades, later)

    def options(self, row: int) -> tuple[list[str], bytes, bytes]:
        """Return a row's options, nothing last; the policy's probabilities, and of delivery as long as no coin fell."""
        start, end = self._option_ends[row], self._option_ends[row + 1]
        # Every row has nothing besides.
        mine = slice(WIDTH * (start + row), WIDTH * (end + row + 1))
        return [*self._options[start:end], NOTHING], self._chances[mine], self._delivered[mine]

    def refused(self, row: int) -> tuple[list[str], list[int], list[int]]:
        """Return a row's refused actions, for each a number, and the codes of refusals that numbers stand for."""
        # What comes before the row and is not scored.
        width = self.qualified.shape[1]
        mine = slice(row * width - self._ends[row], (row + 1) * width - self._ends[row + 1])
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


def with_later(scores: Scores, later: Later) -> Scores:
    """Return scores of a window with what each action changes after it."""
    sd = scores.sd
    if later.variance.any():
        sd = np.sqrt(sd * sd + later.variance)
    return msgspec.structs.replace(scores, mean=scores.mean + later.mean, sd=sd)


def _bytes(numbers: FloatArray) -> bytes:
    return numbers.astype("<f8", copy=False).tobytes()


def _ends(cells: NDArray[np.bool_]) -> list[int]:
    """Return where each row's cells begin among all, and after the last where they end."""
    return [0, *cells.sum(axis=1).cumsum().tolist()]
