"""The contest is fair: same volumes for all, rivals that choose as they are said to, intervals over seeds."""

from collections import Counter

import numpy as np
import pytest

from benchmarks.contest import ARBITER, WEEKLY_VOLUME, Lived, lived, standings, ways
from benchmarks.rivals import Calendar
from cvo.app.simulate.drive import Drive
from cvo.simulate import load_scenario, make_world

CUSTOMERS, WEEKS = 60, 6


@pytest.fixture(scope="module")
def steps_of(tmp_path_factory):
    """Return the steps that each way lived through, in one small world."""
    found = {}
    week = Drive.week
    with pytest.MonkeyPatch.context() as patch:
        for name, (way, control_rate) in ways().items():
            drives = []
            patch.setattr(Drive, "week", lambda drive, n, to=drives: (to.append(drive), week(drive, n))[1])
            world = make_world(load_scenario("retail"), CUSTOMERS, "contest-test")
            lived(tmp_path_factory.mktemp("contest") / "company", world, WEEKS, way, control_rate)
            found[name] = world, drives[0].steps
    return found


@pytest.mark.parametrize("way", ways())
def test_no_way_has_more_than_the_volume_of_a_week(steps_of, way):
    world, steps = steps_of[way]
    channels = [channel.name for channel in world.scenario.channels]
    # Periods count from 1 January 1970, a Thursday; the world begins on a Monday.
    used = Counter(
        (channels[channel], int(at + 4) // 7)
        for step in steps
        for channel, at in zip(step.contacts.channel.tolist(), step.contacts.at_days.tolist(), strict=True)
    )
    mailed = [count for (channel, _), count in used.items() if channel == "email"]
    assert max(mailed) <= round(WEEKLY_VOLUME["email"] * CUSTOMERS / 1000)


def test_the_calendar_gives_everybody_the_action_of_the_week_or_a_lifecycle_programme(steps_of):
    world, steps = steps_of["calendar"]
    names = [action.name for action in world.scenario.actions]
    programmes = {"welcome", "first_order_free_delivery", "we_miss_you"}
    shown = Counter()
    for step in steps:
        for channel, action in zip(
            step.contacts.channel.tolist(), step.contacts.action.tolist(), strict=True
        ):
            if names[action] not in programmes:
                shown[step.step // 2, channel, names[action]] += 1
    # A small share is drawn evenly, by the floor of every policy.
    most = Counter()
    for (week, channel, _), count in shown.items():
        most[week, channel] = max(most[week, channel], count)
    assert sum(most.values()) > 0.85 * shown.total()
    assert len({name for _, _, name in shown}) >= 5, "it takes turns"
    assert isinstance(ways()["calendar"][0], Calendar)


def test_segments_and_response_ranking_learn_from_their_own_log(steps_of):
    for way in ("P×V ranking", "segment campaigns"):
        _, steps = steps_of[way]
        assert len({action for step in steps for action in step.contacts.action.tolist()}) >= 3


def test_standings_are_differences_within_seeds():
    rng = np.random.default_rng(1)
    worlds = [rng.normal(0, 50, 40) for _ in range(6)]
    ours = [Lived(world + 3.0 + rng.normal(0, 0.01, 40), 80) for world in worlds]
    theirs = [Lived(world + 1.0, 40) for world in worlds]
    arbiter, other = standings({ARBITER: ours, "other": theirs})
    assert arbiter.behind == 0.0
    assert other.behind == pytest.approx(2_000, abs=5)
    assert other.behind_low < 2_000 < other.behind_high
    assert other.behind_high - other.behind_low < 10 < arbiter.caused_high - arbiter.caused_low
    assert (arbiter.contacts, other.contacts) == (2_000, 1_000)
