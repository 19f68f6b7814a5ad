"""The truth that reports are held against: best choices, incrementality, effects as they come out."""

from collections.abc import Iterable

import numpy as np

from cvo.core.evidence import NotEstimable
from cvo.simulate.advance import Step, advance, begin
from cvo.simulate.contact import Shown, Touches
from cvo.simulate.draws import Floats, Ints
from cvo.simulate.expected import FOUR_WEEKS, Effects, Span, effects, effects_given, look_ahead
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


def expected_programme_effect(world: World, steps: Iterable[Step], weeks: float) -> Floats:
    """Return what a run causes up to `weeks` against doing nothing, in expectation, (n,): every contact's ΔV, added.

    `steps` are those of the run, from the first on. By the performance difference lemma (Kakade and Langford 2002,
    lemma 6.1) the exact effects of its contacts, each with nothing done afterwards, sum in expectation to what the
    whole programme causes. The luck of what follows a contact is averaged over: some hundred customers tell as much
    as thousands by `programme_effect`. Stock is taken as it stands.
    """
    total, state = np.zeros(world.people.count), begin(world)
    for step in steps:
        contacts = step.contacts
        left = weeks - state.step / world.scenario.steps_per_week
        shown = Shown(contacts.customer, contacts.channel, contacts.action)
        value = effects(world, state, shown, Span(left, left)).value
        total += np.bincount(contacts.customer, value, len(total))
        action = np.full(len(step.touches.customer), NOTHING, dtype=np.int64)
        action[contacts.touch] = contacts.action
        state, _ = advance(world, state, step.touches, action)
    return total


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
