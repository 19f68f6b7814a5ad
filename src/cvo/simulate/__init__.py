"""Worlds whose truth is known: customers, actions and outcomes, with every counterfactual at hand."""

from cvo.simulate.advance import Links, Step, advance, begin
from cvo.simulate.bandit import (
    BanditLog,
    BanditWorld,
    Visits,
    linear_world,
    logging_policy,
    logistic_world,
    play,
    repeated_visits,
    thrown_coins,
)
from cvo.simulate.contact import Chances, Contacts, Shown, Touches, chances, touches
from cvo.simulate.expected import FOUR_WEEKS, Effects, Span, effects
from cvo.simulate.observe import Kind, Reports, observe
from cvo.simulate.orders import ADDED, PLANNED, PULLED, Orders
from cvo.simulate.people import People
from cvo.simulate.run import (
    Choose,
    Totals,
    add_up,
    at_random,
    do_nothing,
    except_for,
    programme_effect,
    run,
    totals,
)
from cvo.simulate.scenario import STAGES, Scenario
from cvo.simulate.scenario_file import load_scenario, parse_scenario, scenario_names
from cvo.simulate.truth import best_choice, expected_programme_effect, incrementality, realised_effect
from cvo.simulate.visible import stage_of, visible_traits
from cvo.simulate.world import NOTHING, State, World, make_world

__all__ = [
    "ADDED",
    "FOUR_WEEKS",
    "NOTHING",
    "PLANNED",
    "PULLED",
    "STAGES",
    "BanditLog",
    "BanditWorld",
    "Chances",
    "Choose",
    "Contacts",
    "Effects",
    "Kind",
    "Links",
    "Orders",
    "People",
    "Reports",
    "Scenario",
    "Shown",
    "Span",
    "State",
    "Step",
    "Totals",
    "Touches",
    "Visits",
    "World",
    "add_up",
    "advance",
    "at_random",
    "begin",
    "best_choice",
    "chances",
    "do_nothing",
    "effects",
    "except_for",
    "expected_programme_effect",
    "incrementality",
    "linear_world",
    "load_scenario",
    "logging_policy",
    "logistic_world",
    "make_world",
    "observe",
    "parse_scenario",
    "play",
    "programme_effect",
    "realised_effect",
    "repeated_visits",
    "run",
    "scenario_names",
    "stage_of",
    "thrown_coins",
    "totals",
    "touches",
    "visible_traits",
]
