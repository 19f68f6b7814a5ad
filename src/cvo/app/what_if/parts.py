"""Where a difference comes from: which rows a segment has, and what each team's actions contribute."""

from collections.abc import Mapping

import msgspec
import numpy as np
from numpy.typing import NDArray

from cvo.actions.catalogue import Action
from cvo.app.what_if.log import FloatArray, Log
from cvo.core.evidence import Estimate, Grade, NotEstimable
from cvo.inference import clustered_mean, discoveries

LEAST_CUSTOMERS = 100
"""Fewest customers of a segment of which a difference is told."""
FALSE_DISCOVERIES = 0.1

_MOST_LEVELS = 12
_PARTS = 3


class Part(msgspec.Struct, frozen=True):
    """A difference for one level of a feature, or made by one team's actions.

    `share` is of the decisions, 1 for a team; `stands_out` tells whether it differs from 0 where a tenth of all such
    claims may be false (Benjamini and Hochberg).
    """

    by: str
    name: str
    share: float
    difference: Estimate | NotEstimable
    stands_out: bool


def segments(log: Log) -> dict[tuple[str, str], NDArray[np.bool_]]:
    """Return the rows (n,) of every level of every feature; numbers are cut into thirds."""
    found: dict[tuple[str, str], NDArray[np.bool_]] = {}
    for name, values in log.features.items():
        levels = _thirds(values) if log.kinds[name] == "number" else [level(value) for value in values]
        names = np.array(levels)
        kept, counts = np.unique(names, return_counts=True)
        for each in kept[np.argsort(-counts, kind="stable")][:_MOST_LEVELS].tolist():
            found[name, each] = names == each
    return found


def level(value: object) -> str:
    """Return the name of a category's value."""
    return "unknown" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _thirds(values: list[object]) -> list[str]:
    numbers = np.array([float(v) if isinstance(v, int | float) else np.nan for v in values])
    known = numbers[np.isfinite(numbers)]
    cuts = np.unique(np.quantile(known, np.arange(1, _PARTS) / _PARTS)) if len(known) else np.empty(0)
    ends = [
        *(f"up to {cut:g}" if not i else f"{cuts[i - 1]:g} to {cut:g}" for i, cut in enumerate(cuts)),
        f"above {cuts[-1]:g}" if len(cuts) else "known",
    ]
    part = np.searchsorted(cuts, numbers, side="left")
    return [ends[p] if np.isfinite(n) else "unknown" for p, n in zip(part.tolist(), numbers, strict=True)]


def team_scores(
    log: Log,
    predicted: FloatArray,
    targets: Mapping[str, FloatArray],
    costs: Mapping[str, FloatArray],
    actions: Mapping[str, Action],
) -> dict[str, FloatArray]:
    """Return (n,) doubly robust scores of what each team's change of probabilities causes, less its contacts.

    With Δ = π − π′, the score of the actions of a team is `Σ_a Δ_a·(q̂_a − q̂_∅) + 1[A=a]·Δ_a/P_a·(r − q̂_a) −
    1[A=∅]·Δ_a/P_∅·(r − q̂_∅)`. Since Δ sums to 0, so do the teams to the doubly robust difference
    (Dudík et al. 1103.4601, eq. 1), row by row.
    """
    rows = np.arange(len(log.got))
    candidate, current = targets["candidate"], targets["current"]
    change = candidate - current
    nothing = len(log.options) - 1
    surprise = (log.margin - predicted[rows, log.got]) / log.probabilities[rows, log.got]
    over_nothing = predicted - predicted[:, [nothing]]
    spent = candidate * costs["candidate"] - current * costs["current"]
    teams: dict[str, FloatArray] = {}
    for column, option in enumerate(log.options[:-1]):
        got = (log.got == column).astype(np.float64) - (log.got == nothing)
        score = change[:, column] * (over_nothing[:, column] + got * surprise) - spent[:, column]
        team = actions[option].team if option in actions else "no longer there"
        teams[team] = teams.get(team, np.zeros(len(rows))) + score
    return dict(sorted(teams.items()))


def segment_parts(
    rows_of: Mapping[tuple[str, str], NDArray[np.bool_]],
    changed: FloatArray,
    customers: NDArray[np.str_],
    unit: str,
    grade: Grade,
) -> list[Part]:
    """Return the difference within each segment, from scores (n,) of it in `unit`, of the grade of the whole."""
    differences = [_within(changed[rows], customers[rows], unit, grade) for rows in rows_of.values()]
    found = discoveries(differences, rate=FALSE_DISCOVERIES)
    return [
        Part(by, name, float(rows.mean()), difference, bool(stands_out))
        for ((by, name), rows), difference, stands_out in zip(
            rows_of.items(), differences, found, strict=True
        )
    ]


def team_parts(scores_of: Mapping[str, FloatArray], customers: NDArray[np.str_], unit: str) -> list[Part]:
    """Return the difference that each team's actions make, from its scores (n,) in `unit`."""
    differences = [_within(scores, customers, unit, Grade.MEASURED) for scores in scores_of.values()]
    found = discoveries(differences, rate=FALSE_DISCOVERIES)
    return [
        Part("team", name, 1.0, difference, bool(stands_out))
        for name, difference, stands_out in zip(scores_of, differences, found, strict=True)
    ]


def _within(
    changed: FloatArray, customers: NDArray[np.str_], unit: str, grade: Grade
) -> Estimate | NotEstimable:
    count = len(np.unique(customers))
    if count < LEAST_CUSTOMERS:
        return NotEstimable("too few customers", f"{count} customers; at least {LEAST_CUSTOMERS} are needed")
    return clustered_mean(changed, clusters=customers, unit=unit, grade=grade)
