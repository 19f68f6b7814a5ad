import msgspec
import numpy as np
import pytest

from cvo.core.evidence import NotEstimable
from cvo.simulate import (
    NOTHING,
    Effects,
    Shown,
    Span,
    at_random,
    begin,
    best_choice,
    effects,
    incrementality,
    load_scenario,
    make_world,
    programme_effect,
    realised_effect,
    run,
    scenario_names,
    touches,
)

YEAR = Span(4, 52)


@pytest.mark.parametrize("name", scenario_names())
def test_knowing_the_truth_pays_in_every_scenario_and_chance_does_not(name):
    world = make_world(load_scenario(name), 300, seed=1)
    best = programme_effect(world, best_choice(YEAR), weeks=16).value
    chance = programme_effect(world, at_random, weeks=16).value
    assert best.mean() > 0
    assert best.mean() > chance.mean()


def test_the_best_choice_is_the_largest_positive_value():
    scenario = load_scenario("retail")
    world = make_world(scenario, 400, seed=1)
    *_, (state, _) = run(world, at_random, weeks=8)
    met = touches(world, state)
    choice = best_choice(YEAR)(world, state, met)
    value = np.full((len(met.customer), len(scenario.actions) + 1), -np.inf)
    value[:, NOTHING] = 0
    for action in range(len(scenario.actions)):
        row = np.flatnonzero(world.catalogue.on_channel[action, met.channel])
        shown = Shown(met.customer[row], met.channel[row], np.full(len(row), action))
        value[row, action] = effects(world, state, shown, YEAR).value
    assert value[np.arange(len(choice)), choice] == pytest.approx(value.max(axis=1))
    assert (choice == NOTHING).any()
    assert len(np.unique(choice)) > 4


def test_incrementality_is_caused_over_attributed():
    one = np.ones(2)
    found = Effects(in_window=0.3 * one, later=9 * one, cost=one, accepted=one, attributed=0.5 * one)
    assert incrementality(found) == pytest.approx(0.6)
    nothing = msgspec.structs.replace(found, attributed=0 * one)
    answer = incrementality(nothing)
    assert isinstance(answer, NotEstimable)
    assert answer.reason == "nothing_attributed"


def test_the_scenarios_hold_what_makes_decisions_hard():
    """Worth adding, worthless but well accepted, and harmful actions: some of each, and different for customers."""
    kappas, shares = {}, {}
    for name in scenario_names():
        scenario = load_scenario(name)
        world = make_world(scenario, 1_500, seed=1)
        *_, (state, _) = run(world, at_random, weeks=12)
        met = touches(world, state)
        for index, action in enumerate(scenario.actions):
            row = np.flatnonzero(world.catalogue.on_channel[index, met.channel])
            shown = Shown(met.customer[row], met.channel[row], np.full(len(row), index))
            found = effects(world, state, shown, YEAR)
            kappas[name, action.name] = incrementality(found)
            shares[name, action.name] = (found.value > 0).mean()
    assert kappas["retail", "voucher_20"] < 0
    assert kappas["retail", "running_club"] > 0.4
    assert kappas["retail", "newsletter"] == pytest.approx(0, abs=0.05)
    assert shares["subscription", "plan_reminder"] < 0.02
    assert sum(0.1 < share < 0.9 for share in shares.values()) >= 15


def test_the_realised_effect_of_nothing_is_nothing():
    world = make_world(load_scenario("telecom"), 300, seed=1)
    state = begin(world)
    met = touches(world, state)
    nothing = np.full(len(met.customer), NOTHING)
    assert not realised_effect(world, state, met, nothing, weeks=8).any()
    choice = at_random(world, state, met)
    effect = realised_effect(world, state, met, choice, weeks=8)
    assert effect.any()
    assert not np.delete(effect, met.customer[choice != NOTHING]).any()
