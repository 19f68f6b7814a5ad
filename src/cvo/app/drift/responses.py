"""Whether as many customers respond as was predicted when an action was delivered."""

from bisect import bisect_right
from collections.abc import Mapping

import numpy as np
import polars as pl

from cvo.actions.catalogue import Catalogue
from cvo.app.drift.alarm import DriftAlarm, Watched
from cvo.app.learn import resolved_deliveries, windows_of
from cvo.core.clock import DAY, Instant
from cvo.core.ids import DecisionId
from cvo.decisions.decision import Decision
from cvo.learning import alarms, new_watch, watched
from cvo.ledger.margin import margins
from cvo.ledger.tables import Tables
from cvo.valuation.assumptions import assumptions_of

KNOWN_FROM = 300
"""Deliveries of an action whose windows closed before its predictions are held to what follows."""
ONE_IN = 100_000
"""One false alarm in so many deliveries of an action."""

_LEAST = 1e-6


def response_alarms(
    tables: Tables, decided: Mapping[DecisionId, Decision], catalogue: Catalogue, as_of: Instant
) -> tuple[int, list[DriftAlarm]]:
    """Return how many deliveries were held to their prediction, and the actions that it no longer fits.

    By the attributed join, as models learn; the prediction is the one that the decision logged. One order answers
    every delivery before it: one delivery a customer, action and window, picked by lot, is held to its prediction.
    """
    money = margins(tables.orders, tables.refunds, assumptions_of(catalogue)["margin_rate"].value)
    windows = windows_of(catalogue)
    resolved = resolved_deliveries(tables, money, catalogue, as_of)
    apart = ["person_id", "delivered", pl.col("at") // (pl.col("days") * DAY)]
    # A decision's id ends in digits that are drawn.
    lot = pl.col("decision_id").str.tail(8)
    picked = resolved.sort(lot, "person_id").unique(apart, keep="first").sort("at", "person_id", "delivered")
    actions = sorted(windows)
    ends_of: dict[str, list[int]] = {action: [] for action in actions}
    rows: list[tuple[int, float, bool, int]] = []
    columns = picked.select("delivered", "decision_id", "at", "responded")
    for action, decision_id, at, responded in columns.iter_rows():
        ends = ends_of[action]
        ends.append(at + windows[action] * DAY)
        made = decided.get(decision_id)
        if made is not None and bisect_right(ends, at) >= KNOWN_FROM:
            rows.append((actions.index(action), _predicted(made, action), responded, at))
    if not rows:
        return 0, []
    which, predicted, outcomes, when = (np.array(column) for column in zip(*rows, strict=True))
    watch = watched(
        new_watch(len(actions)), which, predicted.clip(_LEAST, 1 - _LEAST), outcomes.astype(float), when
    )
    return len(rows), [
        DriftAlarm(
            what=Watched.RESPONSES,
            name=actions[alarm.action],
            since=Instant(int(alarm.since)),
            said=f"{alarm.responds} customers respond than was predicted",
        )
        for alarm in alarms(watch, one_in=ONE_IN)
    ]


def _predicted(decision: Decision, action: str) -> float:
    scored = decision.scored
    return scored.response_probability[scored.actions.index(action)]
