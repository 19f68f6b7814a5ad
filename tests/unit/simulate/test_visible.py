import msgspec
import numpy as np
import pytest

from cvo.simulate import STAGES, begin, load_scenario, make_world, stage_of, visible_traits


def test_traits_hint_at_what_is_hidden_as_strongly_as_told():
    scenario = load_scenario("retail")
    world = make_world(scenario, 8_000, seed=2)
    traits = visible_traits(world)
    sport = world.people.hidden[:, scenario.hidden.index("sport")]
    assert np.corrcoef(traits["sport_interest"], sport)[0, 1] == pytest.approx(0.7, abs=0.02)
    assert np.mean(traits["age"]) == pytest.approx(44, abs=0.5)
    assert np.std(traits["age"]) == pytest.approx(13, abs=0.5)
    levels, counts = np.unique(traits["household"], return_counts=True)
    assert list(levels) == ["one", "three or more", "two"]
    assert counts / 8_000 == pytest.approx([1 / 3] * 3, abs=0.02)


def test_traits_stay_what_they_are_in_another_future():
    world = make_world(load_scenario("bank"), 100, seed=2)
    assert np.array_equal(visible_traits(world)["income"], visible_traits(world.another_future(3))["income"])


def stages(world, **columns):
    state = msgspec.structs.replace(begin(world), step=200, **columns)
    return [STAGES[index] for index in stage_of(world, state, np.arange(world.people.count))]


def test_without_a_contract_orders_and_silence_make_the_stage():
    world = make_world(load_scenario("retail"), 5, seed=2)
    first = np.array([-1, 195, 100, 100, 100])
    last = np.array([-1, 195, 190, 165, 120])
    assert stages(world, first_order=first, last_order=last, alive=np.zeros(5, dtype=bool)) == [
        "acquire",
        "onboard",
        "grow",
        "retain",
        "win back",
    ]


def test_under_a_contract_a_departure_shows():
    world = make_world(load_scenario("subscription"), 3, seed=2)
    people = msgspec.structs.replace(world.people, arrival=np.array([0, 195, 0]))
    world = msgspec.structs.replace(world, people=people)
    never = np.full(3, -1)
    found = stages(
        world, first_order=never, last_order=np.array([198, -1, 198]), alive=np.array([False, True, True])
    )
    assert found == ["win back", "onboard", "grow"]
