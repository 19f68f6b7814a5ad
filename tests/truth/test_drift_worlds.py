"""Drift in companies where it is known whether anything changed, what, and when."""

import pytest

from cvo.app.drift import Drift, drift
from cvo.core.clock import DAY
from tests.data.drifting import CHANGED, lived

PLANTED = {"age": ("feature", "age"), "offer": ("responses", "offer"), "rule": ("propensity", "offer")}


def found_in(folder, seed, **world):
    with lived(folder, seed, **world) as company:
        found = drift(company)
    assert isinstance(found, Drift)
    return found


def false_alarms(folder, worlds):
    return sum(bool(found_in(folder / f"{seed}", seed, weekly=200).alarms) for seed in range(worlds))


def named_and_dated(folder, change, worlds):
    """Return in how many companies the alarm names what changed, in the week before or after it did."""
    right = 0
    for seed in range(worlds):
        alarms = found_in(folder / f"{change}-{seed}", seed, weekly=400, change=change).alarms
        right += any(
            (alarm.what.value, alarm.name) == PLANTED[change] and abs(alarm.since - CHANGED) <= 7 * DAY
            for alarm in alarms
        )
    return right


def test_a_company_without_drift_is_left_alone(told, tmp_path):
    told("looks at companies without drift that raise an alarm", false_alarms(tmp_path, 3), at_most=0, of=3)


@pytest.mark.slow
def test_alarms_without_drift_are_as_rare_as_promised(told, tmp_path):
    # A look promises two in a hundred, and something for responses: more than 6 of 80 come once in 500 runs.
    told("looks at companies without drift that raise an alarm", false_alarms(tmp_path, 80), at_most=6, of=80)


@pytest.mark.slow
@pytest.mark.parametrize("change", PLANTED)
def test_what_changed_is_named_and_dated(told, tmp_path, change):
    name = {"age": "older customers", "offer": "fewer responses", "rule": "a rule that refuses"}[change]
    right = named_and_dated(tmp_path, change, 10)
    told(f"companies with {name} in which it is named and dated", right, at_least=9, of=10)
