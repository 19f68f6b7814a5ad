"""The exact expected effect of every action is what many futures of the same customers average to."""

import numpy as np
import pytest

from cvo.simulate import (
    NOTHING,
    Shown,
    Span,
    at_random,
    effects,
    load_scenario,
    make_world,
    realised_effect,
    run,
    scenario_names,
    touches,
)

SIZES = [
    pytest.param(500, 12, id="short"),
    pytest.param(3_000, 100, id="long", marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("customers", "futures"), SIZES)
@pytest.mark.parametrize("name", scenario_names())
def test_futures_average_to_the_expected_effect(name, customers, futures):
    scenario = load_scenario(name)
    world = make_world(scenario, customers, seed=11)
    *_, (state, _) = run(world, at_random, weeks=30)
    met = touches(world, state)
    weeks = scenario.planning_weeks + 3
    squares = count = 0
    for action in range(len(scenario.actions)):
        row = np.flatnonzero(world.catalogue.on_channel[action, met.channel])
        if not len(row):
            continue
        choice = np.full(len(met.customer), NOTHING)
        choice[row] = action
        shown = Shown(met.customer[row], met.channel[row], choice[row])
        expected = effects(world, state, shown, Span(weeks, weeks)).in_window
        drawn = np.array(
            [
                realised_effect(world.another_future(1 + future), state, met, choice, weeks=weeks)[
                    shown.customer
                ]
                for future in range(futures)
            ]
        )
        total = drawn.sum(axis=1)
        if total.std() < 1e-9:
            # Nothing happened in any future: the expectation has to be next to nothing too.
            assert abs(expected.sum()) < 0.01 * customers
            continue
        z = (total.mean() - expected.sum()) / (total.std(ddof=1) / np.sqrt(futures))
        assert abs(z) < 6, scenario.actions[action].name
        squares += z**2
        count += 1
    # With `futures` draws the squares of these t values have mean (f − 1)/(f − 3): together they must look it.
    assert count >= 5
    assert squares / count < 3.5
