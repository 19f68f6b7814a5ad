"""The truth that reports are held against: best choices, incrementality, effects as they come out."""

import numpy as np

from cvo.core.evidence import NotEstimable
from cvo.simulate.advance import advance
from cvo.simulate.contact import Shown, Touches
from cvo.simulate.draws import Floats, Ints
from cvo.simulate.expected import FOUR_WEEKS, Effects, Span, effects_given, look_ahead
from cvo.simulate.run import Choose, do_nothing, totals
from cvo.simulate.world import NOTHING, State, World


def best_choice(span: Span = FOUR_WEEKS) -> Choose:
    """Return the choice of one who knows all that is hidden: the largest ΔV, nothing if none is above 0.

    It is the best single action if nothing follows, applied again and again: a reference that knows the
    truth, not a solution of the whole dynamic programme.
    """

    def chosen(world: World, state: State, met: Touches) -> Ints:
        outlook = look_ahead(world, state, met.customer, span)
        best, choice = np.zeros(len(met.customer)), np.full(len(met.customer), NOTHING, dtype=np.int64)
        for action in range(len(world.scenario.actions)):
            row = np.flatnonzero(world.catalogue.on_channel[action, met.channel])
            shown = Shown(met.customer[row], met.channel[row], np.full(len(row), action))
            value = effects_given(world, state, shown, outlook.of(row)).value
            better = value > best[row]
            best[row[better]], choice[row[better]] = value[better], action
        return choice

    return chosen


def incrementality(found: Effects) -> float | NotEstimable:
    """Return κ, caused over attributed margin; `NotEstimable` where nothing can be attributed.

    Buyers who would have bought anyway and accept on the way add to what is attributed alone.
    """
    attributed = float(found.attributed.sum())
    if attributed == 0:
        return NotEstimable(
            "nothing_attributed", f"none of {len(found.attributed)} rows has attributed margin"
        )
    return float(found.in_window.sum()) / attributed


def realised_effect(
    world: World, state: State, met: Touches, action: Ints, *, weeks: float, afterwards: Choose = do_nothing
) -> Floats:
    """Return Y(action) − Y(∅) in margin over `weeks` for each of the n customers, in the future that comes.

    Both futures share all luck. `world.another_future(r)` has other futures; the mean over them is `effects`.
    """

    def margin(shown: Ints) -> Floats:
        after, step = advance(world, state, met, shown)
        rest = weeks - 1 / world.scenario.steps_per_week
        return step.margin() + totals(world, afterwards, rest, after).margin

    return margin(action) - margin(np.full(len(met.customer), NOTHING, dtype=np.int64))
