"""Levers: money that a team puts on the scale of its own actions, bounded, for a time, and on the record."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cvo.actions.catalogue import Action, Catalogue, Lever
from cvo.core.clock import Instant, instant

FloatArray = NDArray[np.float64]


class Levers:
    """What the levers of a catalogue add to the scores of its k actions on one channel.

    It is truthy if any lever could ever move an action there.
    """

    def __init__(self, catalogue: Catalogue, channel: str) -> None:
        self._width = len(catalogue.action_ids)
        self._pulled: list[tuple[NDArray[np.bool_], float, Instant, Instant]] = []
        for lever in catalogue.levers.values():
            moved = [moves(lever, key, catalogue.actions[key], channel) for key in catalogue.action_ids]
            if any(moved):
                begins, ends = instant(lever.starts_at), instant(lever.ends_at)
                self._pulled.append((np.array(moved), float(lever.amount), begins, ends))

    def __bool__(self) -> bool:
        return bool(self._pulled)

    def at(self, instants: Sequence[Instant]) -> FloatArray:
        """Return (n, k) money added at n instants, in major units; 0 where no lever is in force."""
        added = np.zeros((len(instants), self._width))
        now = np.array(instants, dtype=np.int64)
        for moved, amount, begins, ends in self._pulled:
            added += np.outer((begins <= now) & (now < ends), moved) * amount
        return added


def moves(lever: Lever, key: str, action: Action, channel: str) -> bool:
    """Tell whether a lever moves an action on a channel: only one of the lever's own team."""
    if action.team != lever.team:
        return False
    mine = {"channel": channel, "stage": action.stage.value, "team": action.team, "action": key}
    return mine[lever.per] == (lever.team if lever.per == "team" else lever.of)
