"""Whether predicted responses come true, on customers whose outcomes taught nothing."""

from collections.abc import Sequence
from math import sqrt
from statistics import NormalDist

import msgspec
import numpy as np
from numpy.typing import NDArray

from cvo.app.company import Company
from cvo.app.history import Customers
from cvo.app.state import running_catalogue
from cvo.core.evidence import Estimate, Grade, Interval
from cvo.decisions.decision import Decision
from cvo.ledger.attributed import responses_to_deliveries
from cvo.ledger.margin import margins
from cvo.ledger.tables import tabulate
from cvo.valuation.assumptions import assumptions_of

BINS = 10
_LEVEL = 0.95
_Z = NormalDist().inv_cdf(0.5 + _LEVEL / 2)


class Bin(msgspec.Struct, frozen=True):
    """A tenth of an action's deliveries: the mean predicted response probability, and the actual rate."""

    predicted: float
    actual: Estimate


class Calibration(msgspec.Struct, frozen=True):
    """An action's predictions beside what followed, overall and in bins of rising prediction.

    `p_value` is the probability of bins that deviate at least this much if every prediction were right.
    """

    action: str
    overall: Bin
    bins: list[Bin]
    p_value: float


def calibrations(company: Company, decisions: Sequence[Decision], customers: Customers) -> list[Calibration]:
    """Compare what `decisions` predicted for each customer with how they answered what they really got.

    One delivery a customer is expected, decided by someone else than `decisions`: by lot, in a trial.
    """
    catalogue = running_catalogue(company.store)
    facts = (event for event in company.store.events() if customers(event.person_id))
    tables = tabulate(facts, company.config.currency)
    rows = responses_to_deliveries(
        tables.decisions,
        tables.responses,
        margins(tables.orders, tables.refunds, assumptions_of(catalogue)["margin_rate"].value),
        response_of={key: action.response for key, action in catalogue.actions.items()},
        window_days={key: action.window_days for key, action in catalogue.actions.items()},
        as_of=company.clock.now(),
    ).sort("person_id")
    predicted = {
        (decision.person_id, action): probability
        for decision in decisions
        for action, probability in zip(
            decision.scored.actions, decision.scored.response_probability, strict=True
        )
    }
    found: dict[str, list[tuple[float, bool]]] = {}
    for person_id, action, responded in rows.select("person_id", "delivered", "responded").iter_rows():
        if (person_id, action) in predicted:
            found.setdefault(action, []).append((predicted[person_id, action], responded))
    return [
        calibration(action, np.array([p for p, _ in pairs]), np.array([answer for _, answer in pairs]))
        for action, pairs in sorted(found.items())
    ]


def calibration(action: str, predicted: NDArray[np.float64], responded: NDArray[np.bool_]) -> Calibration:
    """Compare (n,) predicted probabilities in (0, 1) with n answers, in ten bins of rising prediction.

    The p value is the test of Hosmer and Lemeshow (1980), on as many degrees of freedom as there are bins
    because nothing was fitted to these answers.

    >>> chance = np.full(1_000, 0.2)
    >>> calibration("mail", chance, np.arange(1_000) % 5 == 0).p_value
    1.0
    """
    from scipy.special import chdtrc

    order = np.argsort(predicted, kind="stable")
    parts = [part for part in np.array_split(order, BINS) if len(part)]
    bins = [_bin(predicted[part], responded[part]) for part in parts]
    statistic = sum(
        each.actual.sample_size
        * (each.actual.value - each.predicted) ** 2
        / (each.predicted * (1 - each.predicted))
        for each in bins
    )
    return Calibration(action, _bin(predicted, responded), bins, float(chdtrc(len(bins), statistic)))


def _bin(predicted: NDArray[np.float64], responded: NDArray[np.bool_]) -> Bin:
    return Bin(float(predicted.mean()), _rate(int(responded.sum()), len(responded)))


def _rate(successes: int, count: int) -> Estimate:
    """Return a rate with Wilson's score interval (1927), which holds for few successes, too."""
    rate, z2 = successes / count, _Z * _Z
    centre = (successes + z2 / 2) / (count + z2)
    reach = _Z / (count + z2) * sqrt(successes * (1 - rate) + z2 / 4)
    return Estimate(
        value=rate,
        standard_error=sqrt(rate * (1 - rate) / count),
        interval=Interval(max(centre - reach, 0.0), min(centre + reach, 1.0), _LEVEL),
        grade=Grade.MEASURED,
        unit="responses a delivery",
        sample_size=count,
    )
