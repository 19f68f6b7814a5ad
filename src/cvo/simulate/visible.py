"""What the company can see of its customers: traits that hint at what is hidden, and the lifecycle stage."""

import numpy as np
from scipy.special import ndtr

from cvo.simulate.draws import Draws, Floats, Ints
from cvo.simulate.scenario import STAGES
from cvo.simulate.world import State, World


def visible_traits(world: World) -> dict[str, Floats | list[str]]:
    """Return what the company can see of each customer: per trait a number (n,), or a level each."""
    scenario, people = world.scenario, world.people
    draws = Draws(world.draws.seed)
    traits: dict[str, Floats | list[str]] = {}
    for trait in scenario.traits:
        noise = draws.normal(people.count, "trait", trait.name)
        shown = people.hidden[:, scenario.hidden.index(trait.shows)]
        z = trait.strength * shown + np.sqrt(1 - trait.strength**2) * noise
        if trait.levels:
            level = np.minimum((ndtr(z) * len(trait.levels)).astype(np.int64), len(trait.levels) - 1)
            traits[trait.name] = [trait.levels[index] for index in level.tolist()]
        else:
            traits[trait.name] = trait.mean + trait.sd * z
    return traits


def stage_of(world: World, state: State, customer: Ints) -> Ints:
    """Return the lifecycle stage of each of `customer`, as an index into `STAGES`.

    Only what the company knows counts: under a contract a departure shows, elsewhere only silence does.
    """
    scenario = world.scenario
    per_week = scenario.steps_per_week
    under_contract = scenario.contract is not None
    first, last = state.first_order[customer], state.last_order[customer]
    begun = world.people.arrival[customer] if under_contract else first
    silent = state.step - np.maximum(begun, last)
    lost = ~state.alive[customer] if under_contract else silent >= 2 * scenario.silence_weeks * per_week
    conditions = [
        (first < 0) & (not under_contract),
        lost,
        state.step - begun < scenario.onboard_weeks * per_week,
        silent >= scenario.silence_weeks * per_week,
    ]
    stages = [STAGES.index(name) for name in ("acquire", "win back", "onboard", "retain")]
    return np.select(conditions, stages, default=STAGES.index("grow"))
