"""Another learner in the models' place: what it would have chosen, having learned from the log so far."""

from collections.abc import Callable, Sequence

import numpy as np

from cvo.actions.settings import Settings
from cvo.app.what_if.log import FloatArray, Log
from cvo.app.what_if.reach import picking
from cvo.core.clock import DAY
from cvo.core.random import keyed_uniform
from cvo.decisions.decision import Slot
from cvo.learning.challenger import Chooser, LinearChooser, VowpalWabbit


def rechosen(
    learner: str,
    log: Log,
    slots: Sequence[Slot | None],
    *,
    cost: FloatArray,
    settings: Settings,
    progress: Callable[[int], None],
) -> list[Slot | None]:
    """Return the slots with the probabilities that a learner gives to the same options.

    It goes through the log once, in the order of time, and at every decision has learned from the windows that had
    closed by then: what a customer brought less the contact's cost (n, k), by what was delivered with which
    probability. Coins that withhold stay as they fell.
    """
    chooser = _chooser(learner, log, settings)
    net = log.margin - cost[np.arange(len(log.got)), log.got]
    made: list[Slot | None] = []
    learned = 0
    for row, slot in enumerate(slots):
        while log.at[learned] + log.window_days * DAY <= log.at[row]:
            got, drawn = int(log.got[learned]), log.probabilities[learned]
            chooser.learn(
                log.design[learned], drawn[:-1] > 0, got, float(min(drawn[got], 1.0)), float(net[learned])
            )
            learned += 1
        made.append(None if slot is None else _by(chooser, log, slot, log.design[row]))
        if row % 1_000 == 999:
            progress(1_000)
    progress(len(slots) % 1_000)
    if isinstance(chooser, VowpalWabbit):
        chooser.close()
    return made


def _by(chooser: Chooser, log: Log, slot: Slot, row: FloatArray) -> Slot:
    columns = [log.options.index(option) for option in slot.options[:-1]]
    qualified = np.zeros(len(log.options) - 1, dtype=np.bool_)
    qualified[columns] = True
    picked = chooser.probabilities(row, qualified)[[*columns, -1]]
    return picking(slot, picked.tolist())


def _chooser(learner: str, log: Log, settings: Settings) -> Chooser:
    actions, features = len(log.options) - 1, log.design.shape[1]
    spread = float(log.margin.std()) or 1.0
    if learner == "vw":
        seed = int(keyed_uniform(settings.seed, "challenger", learner) * 2**31)
        return VowpalWabbit(actions, reward_sd=spread, floor=settings.floor, seed=seed)
    return LinearChooser(
        actions, features, reward_sd=spread, scale=settings.exploration, floor=settings.floor
    )
