import numpy as np
import pytest

from cvo.simulate import load_scenario, make_world
from cvo.simulate.world import departure_probability, order_probability, recovered, season


def test_the_season_peaks_when_told_and_comes_back_every_year():
    scenario = load_scenario("retail")
    weeks = np.arange(0, 104)
    level = season(scenario, weeks * scenario.steps_per_week)
    assert np.argmax(level[:52]) == 48
    assert level[52:] / level[:52] == pytest.approx(np.exp(0.04))
    assert level[48] > 1.7


def test_a_week_of_steps_holds_a_week_of_orders():
    world = make_world(load_scenario("bank"), 5, seed=1)
    rate = np.array([0.0, 0.1, 1.0])
    quiet = order_probability(world, 20, rate)
    assert quiet[0] == 0
    assert quiet == pytest.approx(1 - np.exp(-rate * season(world.scenario, np.array([20]))[0]))


def test_used_patience_speeds_departure_and_a_bond_slows_it():
    world = make_world(load_scenario("telecom"), 1, seed=1)
    everyone = np.zeros(4, dtype=np.int64)
    usual, annoyed, bound, both = departure_probability(
        world, everyone, np.array([1.0, 0.5, 1.0, 0.5]), np.array([0.0, 0.0, 0.9, 0.9])
    )
    assert annoyed > usual > bound
    # Half the patience gone at an annoyance of 1.8 and a bond of 0.9 cancel.
    assert both == pytest.approx(usual)


def test_patience_and_bond_recover_at_the_told_speed():
    world = make_world(load_scenario("retail"), 1, seed=1)
    patience, bond = np.array([0.2]), np.array([1.0])
    for _ in range(world.scenario.steps_per_week):
        patience, bond = recovered(world, patience, bond)
    assert patience == pytest.approx([1 - 0.8 * 0.8])
    for _ in range(12 * world.scenario.steps_per_week):
        patience, bond = recovered(world, patience, bond)
    assert bond == pytest.approx([np.exp(-1)])
