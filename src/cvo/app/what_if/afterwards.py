"""What a change does after the window, as scores count it: ΔCLV of what is delivered, less the patience it uses up."""

from collections.abc import Mapping

import numpy as np

from cvo.actions.bundles import Bundles
from cvo.actions.catalogue import Catalogue
from cvo.app.what_if.log import FloatArray, Log
from cvo.core.evidence import Estimate, Grade, NotEstimable, weakest
from cvo.inference import clustered_mean
from cvo.valuation.models import Models
from cvo.valuation.score import Valuer


def afterwards(
    log: Log,
    targets: Mapping[str, FloatArray],
    catalogues: Mapping[str, Catalogue],
    models: Models,
    currency: str,
    *,
    per: int,
) -> Estimate | NotEstimable:
    """Return what the candidate brings more than what runs once windows have closed, per so many decisions.

    `targets` (n, k) are probabilities of delivery, and `catalogues` what they were chosen from, by policy. The log has
    seen none of it: deliveries are counted, each at what the latest `models` take it to change afterwards. The interval
    is of who the customers are and leaves that value as it is; the grade says how the worst known of them is known.
    """
    changed = np.zeros(len(log.cases))
    moved = np.abs(targets["candidate"] - targets["current"]).max(axis=0) > 0
    grades = []
    for name, sign in (("candidate", 1.0), ("current", -1.0)):
        worth, known = _worth(log, catalogues[name], models, currency)
        changed += sign * (targets[name] * worth).sum(axis=1)
        grades += [grade for option, grade in known.items() if moved[log.options.index(option)]]
    return clustered_mean(
        per * changed,
        clusters=np.array(log.customers),
        unit=f"{currency} per {per:,} decisions",
        grade=weakest(Grade.MEASURED, *grades),
    )


def _worth(
    log: Log, catalogue: Catalogue, models: Models, currency: str
) -> tuple[FloatArray, dict[str, Grade]]:
    """Return what a delivery of each option changes afterwards (n, k), in major units, and how that is known.

    The first action of a bundle stands for all of it; one that the catalogue does not have changes nothing.
    """
    valuer = Valuer(catalogue, models, currency)
    asked = [case.request.placement for case in log.cases]
    rows, grades = {}, dict[str, Grade]()
    for placement in dict.fromkeys(asked):
        rows[placement] = np.zeros(len(log.options))
        if placement in catalogue.placements:
            later = valuer.later(catalogue.placements[placement].channel)
            lead = Bundles(catalogue, placement).lead
            for position, action in enumerate(valuer.actions):
                if action in log.options:
                    rows[placement][log.options.index(action)] = later.mean[lead[position]]
                    grades[action] = weakest(grades.get(action, Grade.MEASURED), later.grades[lead[position]])
    return np.array([rows[placement] for placement in asked]).reshape(-1, len(log.options)), grades
