import msgspec
import numpy as np
import pytest

from cvo.core.errors import InvalidInput
from cvo.simulate import Shown, Span, at_random, begin, effects, load_scenario, make_world, run

RETAIL = load_scenario("retail")
NAMES = [action.name for action in RETAIL.actions]
WEB = [channel.name for channel in RETAIL.channels].index("web")


def all_shown(world, index):
    everyone = np.arange(world.people.count)
    return Shown(everyone, np.full(len(everyone), WEB), np.full(len(everyone), index))


def changed(**changes):
    """Return a retail world with one action that does only what `changes` say, to people who never tire."""
    action = msgspec.structs.replace(
        RETAIL.actions[NAMES.index("voucher_20")], **{"discount": 0.0, "pulls": 0.0, **changes}
    )
    reaction = msgspec.structs.replace(RETAIL.reaction, annoyance=0.0, complaint_harm=0.0)
    return make_world(msgspec.structs.replace(RETAIL, actions=[action], reaction=reaction), 1_000, seed=3)


def test_an_action_that_does_nothing_causes_exactly_nothing():
    world = changed()
    found = effects(world, begin(world), all_shown(world, 0))
    assert found.in_window == pytest.approx(0, abs=1e-12)
    assert found.later == pytest.approx(0, abs=1e-12)
    assert (found.attributed > 0).any()
    assert found.value == pytest.approx(-found.cost)


def test_a_discount_on_what_was_planned_anyway_is_lost_margin():
    world = changed(discount=0.2)
    state = begin(world)
    found = effects(world, state, all_shown(world, 0))
    planned = state.plan_value[:, 0] * ~state.plan_refunded[:, 0]
    assert found.in_window == pytest.approx(-0.2 * planned * found.accepted)


def test_a_brought_forward_order_counts_only_in_windows_that_end_before_its_date():
    world = changed(pulls=1.0)
    state = begin(world)
    short = effects(world, state, all_shown(world, 0), Span(1, 104))
    full = effects(world, state, all_shown(world, 0), Span(4, 104))
    assert short.in_window.sum() > 10
    assert full.in_window == pytest.approx(0, abs=1e-9)
    # Within the horizon it is only a matter of weeks, so what is left is their discount.
    assert short.in_window.sum() > -short.later.sum() > 0.98 * short.in_window.sum()


def test_a_wider_window_takes_from_later_what_it_adds():
    world = make_world(load_scenario("subscription"), 500, seed=3)
    state = begin(world)
    everyone = np.arange(500)
    shown = Shown(everyone, np.zeros(500, dtype=np.int64), np.zeros(500, dtype=np.int64))
    undiscounted = msgspec.structs.replace(world.scenario, discount_rate_per_year=0.0)
    world = msgspec.structs.replace(world, scenario=undiscounted)
    spans = [effects(world, state, shown, Span(window, 52)) for window in (1, 10, 52)]
    for found in spans:
        assert found.value == pytest.approx(spans[0].value, rel=1e-9, abs=1e-12)
    assert not spans[2].later.any()


def test_effects_are_the_same_for_one_row_and_for_many():
    world = make_world(RETAIL, 200, seed=3)
    *_, (state, _) = run(world, at_random, weeks=10)
    shown = all_shown(world, NAMES.index("running_club"))
    found = effects(world, state, shown)
    one = effects(world, state, Shown(shown.customer[7:8], shown.channel[7:8], shown.action[7:8]))
    assert one.value[0] == pytest.approx(found.value[7], rel=1e-12)


def test_actions_on_channels_they_do_not_go_to_have_no_effect_to_ask_for():
    world = make_world(RETAIL, 20, seed=3)
    with pytest.raises(InvalidInput, match="'newsletter' on 'web'"):
        effects(world, begin(world), all_shown(world, NAMES.index("newsletter")))
