"""The exact expected effect of every action is what many futures of the same customers average to."""

import msgspec
import numpy as np
import pytest

from cvo.simulate import (
    NOTHING,
    Shown,
    Span,
    add_up,
    at_random,
    best_choice,
    do_nothing,
    effects,
    expected_programme_effect,
    load_scenario,
    make_world,
    realised_effect,
    run,
    scenario_names,
    totals,
    touches,
)
from cvo.simulate.scenario import Contract, Gamma

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


MECHANISMS = {
    "adds, late": {"adds": 0.8, "product": "running"},
    "pulls, at a discount": {"pulls": 1.0, "discount": 0.1},
    "keeps": {"keeps": 3.0, "keeps_by": {"departure_rate": 0.5}},
    "wakes": {"wakes": 2.0, "wakes_by": {"order_rate": 0.5}},
    "revives and then adds": {"revives": 0.7, "adds": 0.5, "product": "running"},
    "tires and annoys": {"appeal": -3.0},
    "draws complaints": {"appeal": -6.0},
}


@pytest.mark.parametrize("weeks", [1, 12])
@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_each_mechanism_alone_and_strong_is_expected_as_it_comes(mechanism, weeks):
    """Retail with fees and quick departures, so that every mechanism shows within a few weeks."""
    retail = load_scenario("retail")
    action = msgspec.structs.replace(
        next(entry for entry in retail.actions if entry.name == "newsletter"),
        **{"pulls": 0.0, "appeal": 1.0, "channels": ["web", "email", "agent"], **MECHANISMS[mechanism]},
    )
    hasty = msgspec.structs.replace(retail.population, departures_per_week=Gamma(mean=0.1, shape=2.0))
    touchy = msgspec.structs.replace(
        retail.reaction, departed=0.8, complaint_rate=0.5, complaint_harm=1.0, annoyance=3.0
    )
    if mechanism == "draws complaints":
        touchy = msgspec.structs.replace(
            touchy, complaint_rate=1.0, complaint_harm=4.0, annoyance=0.3, recovery_per_week=0.02
        )
    scenario = msgspec.structs.replace(
        retail,
        actions=[action],
        population=hasty,
        reaction=touchy,
        contract=Contract(margin_per_week=5.0, spread=0.5),
    )
    world = make_world(scenario, 600, seed=12)
    *_, (state, _) = run(world, at_random, weeks=12)
    met = touches(world, state)
    all_get_it = np.zeros(len(met.customer), dtype=np.int64)
    shown = Shown(met.customer, met.channel, all_get_it)
    expected = effects(world, state, shown, Span(weeks, weeks)).in_window
    futures = 50
    total = np.array(
        [
            realised_effect(world.another_future(1 + future), state, met, all_get_it, weeks=weeks).sum()
            for future in range(futures)
        ]
    )
    error = total.std(ddof=1) / np.sqrt(futures)
    assert abs(total.mean() - expected.sum()) < 4 * error
    if weeks == 12:
        # A difference that matters would have shown.
        assert abs(expected.sum()) > 5 * error


@pytest.mark.parametrize(
    ("name", "choose"), [("at random", at_random), ("best of four weeks", best_choice(Span(4, 4)))]
)
def test_effects_of_contacts_sum_to_that_of_the_programme(told, name, choose):
    weeks = 26
    world = make_world(load_scenario("retail"), 6_000, seed=12)
    steps = [step for _, step in run(world, choose, weeks)]
    came = add_up(world, steps).minus(totals(world, do_nothing, weeks)).value
    expected = expected_programme_effect(world, steps, weeks)
    error = (came - expected).mean() / ((came - expected).std() / np.sqrt(len(came)))
    told(f"expected effect of a programme, {name}: standard errors from what came", abs(error), at_most=3.5)
    assert expected.std() < 0.7 * came.std(), "what luck adds is averaged over"
    assert abs(expected.mean()) > 3 * expected.std() / np.sqrt(len(came)), (
        "there is something to be told apart"
    )
